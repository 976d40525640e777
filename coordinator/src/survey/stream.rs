//! Streams in plain figures.

use serde::Serialize;

use super::{Gops, Rate, gop, rate};
use crate::domain::Rational;
use crate::domain::source::{AudioStream, Colour, VideoStream};

const MICROSECOND: Rational = Rational { numerator: 1, denominator: 1_000_000 };
/// TransferCharacteristics of ISO/IEC 23091-2.
const PQ: u8 = 16;
const HLG: u8 = 18;

/// A video stream or a cover picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoFacts {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// Coded, before rotation.
    pub width: u32,
    /// Coded, before rotation.
    pub height: u32,
    /// Width over height of a pixel; none: square.
    pub sample_aspect_ratio: Option<Rational>,
    /// Clockwise turn for display.
    pub rotation_degrees: u32,
    /// FFmpeg's name.
    pub pixel_format: String,
    /// Frames that are shown.
    pub frames: u64,
    /// From the first frame's start to the last frame's end.
    pub duration_us: u64,
    /// How evenly frames come.
    pub frame_rate: Rate,
    /// Where decoding can start; none: nowhere.
    pub gops: Option<Gops>,
    /// Brightness beyond what SDR screens show.
    pub hdr: Hdr,
    /// As the stream states it.
    pub colour: Colour,
    /// Fields instead of whole pictures.
    pub interlaced: bool,
    /// A cover picture, not a video.
    pub attached_picture: bool,
    /// What players show when several are there.
    pub is_default: bool,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
}

/// Kind of dynamic range, by the transfer function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// Standard.
    Sdr,
    /// Perceptual quantizer: HDR10, HDR10+, most of Dolby Vision (SMPTE ST 2084).
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
}

/// An audio stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AudioFacts {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channel_count: u32,
    /// "mono", "stereo", "5.1", "7.1", or how many channels.
    pub layout: String,
    /// About how long it sounds.
    pub duration_us: u64,
    /// ISO 639-2 or BCP 47; empty: not known.
    pub language: String,
    /// Empty: none.
    pub title: String,
    /// What players play when several are there.
    pub is_default: bool,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
}

pub(super) fn video(stream: &VideoStream) -> VideoFacts {
    let ticks = match (stream.pts.first(), stream.pts.last()) {
        (Some(first), Some(last)) => last.saturating_sub(*first).saturating_add(stream.last_duration),
        _ => 0,
    };
    VideoFacts {
        index: stream.index,
        codec: stream.codec.clone(),
        width: stream.width,
        height: stream.height,
        sample_aspect_ratio: stream.sample_aspect_ratio,
        rotation_degrees: stream.rotation_degrees,
        pixel_format: stream.pixel_format.clone(),
        frames: stream.pts.len() as u64,
        duration_us: microseconds(ticks, stream.time_base),
        frame_rate: rate::of(stream),
        gops: gop::of(stream),
        hdr: hdr(stream.colour),
        colour: stream.colour,
        interlaced: stream.interlaced,
        attached_picture: stream.attached_picture,
        is_default: stream.is_default,
        bitrate_bps: stream.bitrate_bps,
    }
}

pub(super) fn audio(stream: &AudioStream) -> AudioFacts {
    AudioFacts {
        index: stream.index,
        codec: stream.codec.clone(),
        sample_rate_hz: stream.sample_rate_hz,
        channel_count: stream.channel_count,
        layout: layout(stream.channel_count),
        duration_us: microseconds(stream.duration, stream.time_base),
        language: stream.language.clone(),
        title: stream.title.clone(),
        is_default: stream.is_default,
        bitrate_bps: stream.bitrate_bps,
    }
}

fn microseconds(ticks: i64, time_base: Rational) -> u64 {
    u64::try_from(time_base.rescale(ticks, MICROSECOND)).unwrap_or(0)
}

fn hdr(colour: Colour) -> Hdr {
    match colour.transfer {
        PQ => Hdr::Pq,
        HLG => Hdr::Hlg,
        _ => Hdr::Sdr,
    }
}

/// The usual name of so many channels.
fn layout(channel_count: u32) -> String {
    match channel_count {
        1 => "mono".into(),
        2 => "stereo".into(),
        6 => "5.1".into(),
        8 => "7.1".into(),
        count => format!("{count} channels"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::fixtures;
    use crate::survey::Pace;

    #[test]
    fn a_stream_in_plain_figures() {
        let mut stream = fixtures::video(1920, 1080, (1001, 30_000), 1, 300);
        stream.colour.transfer = PQ;
        let facts = video(&stream);
        assert_eq!((facts.frames, facts.duration_us, facts.hdr), (300, 10_010_000, Hdr::Pq));
        assert_eq!(facts.frame_rate.kind, Pace::Constant);
        assert_eq!(facts.gops.unwrap().longest_frames, 300);
        let facts = audio(&fixtures::audio("aac", 48_000, 6, 0));
        assert_eq!((facts.layout.as_str(), facts.duration_us), ("5.1", 30_000_000));
    }
}
