//! The audio streams of a probed source. A stream in which nothing sounds is no audio stream: it is noted and left out.

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Stream, media};

use super::listen::{self, Heard};
use super::times::Times;
use super::{bitrate_bps, rational, tag};
use crate::audio::{copy, decode};
use crate::error::Result;
use crate::ffi;
use crate::pipe::SharedInputs;
use crate::report::{self, AudioStream};
use crate::source::Source;

/// Describes the audio streams; `times` are those of all streams.
pub fn describe_all(
    source: &Source,
    times: &[Times],
    inputs: &SharedInputs,
    found: &mut report::Source,
) -> Result<()> {
    let audio = |(stream, _): &(Stream, &Times)| stream.parameters().medium() == media::Type::Audio;
    let streams: Vec<_> = source.input().streams().zip(times).filter(audio).collect();
    let sounding = |times: &Times| times.bytes > 0;
    let indexes: Vec<usize> =
        streams.iter().filter(|(_, times)| sounding(times)).map(|(stream, _)| stream.index()).collect();
    let mut heard = listen::listen(inputs, &found.demuxer, &indexes)?.into_iter();
    for (stream, times) in streams {
        let heard = if sounding(times) { heard.next() } else { None };
        match left_out(&stream, heard) {
            Some(note) => found.notes.push(note),
            None => found.audio.push(describe(&stream, times, heard.unwrap_or(Heard::Later))),
        }
    }
    Ok(())
}

/// Why a stream cannot be used; none: it can.
fn left_out(stream: &Stream, heard: Option<Heard>) -> Option<String> {
    let (index, codec) = (stream.index(), codec_name(stream));
    match heard {
        None => Some(format!("audio stream {index} ({codec}) holds no packet and is left out")),
        Some(Heard::Nothing) => Some(format!(
            "audio stream {index} ({codec}) holds no sample that can be decoded and is left out"
        )),
        Some(Heard::NoDecoder) => Some(format!(
            "audio stream {index} is left out: the FFmpeg of this runner has no decoder for its codec ({codec})"
        )),
        Some(Heard::Sound { channel_count, .. }) if channel_count > decode::MAX_CHANNELS.into() => {
            Some(format!(
                "audio stream {index} ({codec}) has {channel_count} channels, at most {} are accepted, and is left out",
                decode::MAX_CHANNELS
            ))
        }
        Some(Heard::Sound { .. } | Heard::Later) => None,
    }
}

/// FFmpeg's name, or the container's where FFmpeg does not know the codec.
fn codec_name(stream: &Stream) -> String {
    match stream.parameters().id() {
        Id::None => ffi::four_letters(stream),
        known => known.name().to_owned(),
    }
}

fn describe(stream: &Stream, times: &Times, heard: Heard) -> AudioStream {
    let parameters = ffi::parameters(stream);
    let time_base = rational(stream.time_base());
    let stated_rate_hz = parameters.sample_rate_hz.max(0) as u32;
    // Priming does not sound: the first packet starts that much before the first sample that does.
    let per_second = time_base.numerator * i64::from(stated_rate_hz.max(1));
    let skip_ticks = i64::from(times.skip_samples) * time_base.denominator / per_second.max(1);
    let start = times.shown.iter().map(|(pts, ..)| *pts).min().unwrap_or(0);
    let (sample_rate_hz, channel_count, first_pts) = match heard {
        Heard::Sound { sample_rate_hz, channel_count, first_pts } => {
            (sample_rate_hz, channel_count, first_pts.unwrap_or(start + skip_ticks))
        }
        _ => (stated_rate_hz, parameters.channel_count.max(0) as u32, start + skip_ticks),
    };
    let bitrate = match u64::try_from(parameters.bitrate_bps) {
        Ok(stated) if stated > 0 => stated,
        _ => bitrate_bps(times.bytes, times.span(), time_base),
    };
    let disposition = stream.disposition();
    AudioStream {
        index: stream.index(),
        codec: stream.parameters().id().name().to_owned(),
        sample_rate_hz,
        channel_count,
        bitrate_bps: bitrate,
        time_base,
        first_pts,
        duration: (times.end() - first_pts).max(0),
        language: tag(stream, "language"),
        title: tag(stream, "title"),
        is_default: disposition.contains(Disposition::DEFAULT),
        is_commentary: disposition.contains(Disposition::COMMENT),
        is_description: disposition.intersects(Disposition::VISUAL_IMPAIRED | Disposition::DESCRIPTIONS),
        copies_exactly: stated_rate_hz == sample_rate_hz && copy::is_exact(stream, &times.shown),
    }
}
