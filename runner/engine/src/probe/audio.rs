//! An audio stream of a probed source.

use ffmpeg_next::Stream;
use ffmpeg_next::format::stream::Disposition;

use super::times::Times;
use super::{bitrate_bps, rational, tag};
use crate::ffi;
use crate::report::AudioStream;

/// Describes an audio stream.
pub fn describe(stream: &Stream, times: &Times) -> AudioStream {
    let parameters = ffi::parameters(stream);
    let time_base = rational(stream.time_base());
    let sample_rate_hz = parameters.sample_rate_hz.max(0) as u32;
    // Priming does not sound: the first packet starts that much before the first sample that does.
    let per_second = time_base.numerator * i64::from(sample_rate_hz.max(1));
    let skip_ticks = i64::from(times.skip_samples) * time_base.denominator / per_second.max(1);
    let bitrate = match u64::try_from(parameters.bitrate_bps) {
        Ok(stated) if stated > 0 => stated,
        _ => bitrate_bps(times.bytes, times.span(), time_base),
    };
    AudioStream {
        index: stream.index(),
        codec: stream.parameters().id().name().to_owned(),
        sample_rate_hz,
        channel_count: parameters.channel_count.max(0) as u32,
        bitrate_bps: bitrate,
        time_base,
        first_pts: times.shown.iter().map(|(pts, ..)| *pts).min().unwrap_or(0) + skip_ticks,
        duration: (times.span() - skip_ticks).max(0),
        language: tag(stream, "language"),
        title: tag(stream, "title"),
        is_default: stream.disposition().contains(Disposition::DEFAULT),
    }
}
