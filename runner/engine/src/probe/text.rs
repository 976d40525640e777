//! Subtitles of a probed source, and what is left out of it: pictures of text, attachments, data.

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Stream, media};

use super::tag;
use super::times::Times;
use crate::report::{self, TextStream};
use crate::source::Source;
use crate::{ffi, text};

/// Describes the text streams and notes what cannot be used.
pub fn describe_all(source: &Source, times: &[Times], found: &mut report::Source) {
    for (stream, times) in source.input().streams().zip(times) {
        let note = match stream.parameters().medium() {
            media::Type::Video | media::Type::Audio => None,
            media::Type::Subtitle => left_out(&stream, times),
            _ => Some(other(&stream)),
        };
        let is_text = stream.parameters().medium() == media::Type::Subtitle;
        match note {
            Some(note) => found.notes.push(note),
            None if is_text => found.text.push(describe(&stream)),
            None => {}
        }
    }
}

fn describe(stream: &Stream) -> TextStream {
    let disposition = stream.disposition();
    TextStream {
        index: stream.index(),
        codec: codec_name(stream),
        language: tag(stream, "language"),
        title: tag(stream, "title"),
        is_default: disposition.contains(Disposition::DEFAULT),
        is_forced: disposition.contains(Disposition::FORCED),
        is_for_deaf: disposition.intersects(Disposition::HEARING_IMPAIRED | Disposition::CAPTIONS),
    }
}

/// Why a subtitle stream cannot be used; none: it can.
fn left_out(stream: &Stream, times: &Times) -> Option<String> {
    let (index, codec) = (stream.index(), codec_name(stream));
    let why = match stream.parameters().id() {
        Id::None => "is in a format that FFmpeg does not know",
        id if !text::is_text(id) => "holds pictures or signals, not text,",
        _ if times.shown.is_empty() => "holds no line",
        _ => return None,
    };
    Some(format!("subtitle stream {index} ({codec}) {why} and is left out"))
}

fn other(stream: &Stream) -> String {
    let index = stream.index();
    match stream.parameters().medium() {
        media::Type::Attachment => {
            let name: String =
                tag(stream, "filename").chars().filter(|letter| !letter.is_control()).take(100).collect();
            format!("attachment {index} ({name}) is left out")
        }
        _ => format!(
            "stream {index} ({}) is neither video, audio nor text and is left out",
            codec_name(stream)
        ),
    }
}

/// FFmpeg's name, or the container's where FFmpeg does not know the format.
fn codec_name(stream: &Stream) -> String {
    let letters = ffi::four_letters(stream);
    match stream.parameters().id() {
        Id::None if letters.is_empty() => "unknown".to_owned(),
        Id::None => letters,
        known => known.name().to_owned(),
    }
}
