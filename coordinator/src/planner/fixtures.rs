//! Sources for the planner's tests, as a probe would report them.

use crate::domain::Rational;
use crate::domain::source::{AudioStream, Colour, PictureFacts, Source, VideoStream};

/// An even video: `count` frames of `step` ticks, a keyframe at the first.
pub(crate) fn video(width: u32, height: u32, base: (i64, i64), step: i64, count: i64) -> VideoStream {
    let time_base = Rational { numerator: base.0, denominator: base.1 };
    VideoStream {
        index: 0,
        codec: "h264".to_owned(),
        width,
        height,
        sample_aspect_ratio: None,
        rotation_degrees: 0,
        pixel_format: "yuv420p".to_owned(),
        time_base,
        frame_rate: Rational::new(base.1, base.0 * step).unwrap(),
        colour: Colour { primaries: 2, transfer: 2, matrix: 2, full_range: false },
        interlaced: false,
        picture: PictureFacts::default(),
        attached_picture: false,
        is_default: true,
        pts: (0..count).map(|frame| frame * step).collect(),
        keyframes: vec![0],
        last_duration: step,
        block_bytes: Vec::new(),
        bitrate_bps: 0,
    }
}

/// Half a minute of sound from time 0.
pub(crate) fn audio(codec: &str, sample_rate_hz: u32, channel_count: u32, bitrate_bps: u64) -> AudioStream {
    AudioStream {
        index: 1,
        codec: codec.to_owned(),
        sample_rate_hz,
        channel_count,
        bitrate_bps,
        time_base: Rational { numerator: 1, denominator: i64::from(sample_rate_hz) },
        first_pts: 0,
        duration: 30 * i64::from(sample_rate_hz),
        language: "und".to_owned(),
        title: String::new(),
        is_default: true,
        is_commentary: false,
        is_description: false,
        copies_exactly: codec == "aac",
    }
}

/// A source of these streams.
pub(crate) fn source(video: Vec<VideoStream>, audio: Vec<AudioStream>, bitrate_bps: u64) -> Source {
    let demuxer = "mov,mp4,m4a,3gp,3g2,mj2".to_owned();
    Source {
        demuxer,
        duration_us: 0,
        bitrate_bps,
        video,
        audio,
        text: Vec::new(),
        notes: Vec::new(),
        inserts: Vec::new(),
    }
}
