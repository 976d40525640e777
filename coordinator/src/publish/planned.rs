//! Whether what runners say of their work is what the plan asked for.

use super::PublishError;
use super::init::Media;
use super::joined::Joined;
use crate::domain::outcome::Track;
use crate::domain::plan::{AudioPlan, Grid, Rendition, Slice};

/// The frames and times of a chunk are those that the plan gave it.
pub(super) fn check_chunk(
    plan: &Rendition,
    grid: &Grid,
    chunk_index: u32,
    slice: Slice,
    track: &Track,
) -> Result<(), PublishError> {
    let refuse = |what: String| Err(PublishError::refused(&plan.name, format!("chunk {chunk_index} {what}")));
    let planned = slice.frame_count();
    if track.sample_count != planned {
        return refuse(format!("has {} frames, planned are {planned}", track.sample_count));
    }
    let time = |frame| grid.times.get(frame).and_then(|time| u64::try_from(time).ok());
    let (Some(start), Some(end)) = (time(slice.start_frame), time(slice.end_frame)) else {
        return Err(PublishError::Records(format!("chunk {chunk_index} lies outside the frame grid")));
    };
    let (Some(first), Some(last)) = (track.fragments.first(), track.fragments.last()) else {
        return refuse("has no fragments".into());
    };
    let ends = last.decode_time.saturating_add(last.duration.into());
    match (first.decode_time, ends) == (start, end) {
        true => Ok(()),
        false => refuse(format!("covers ticks {}..{ends}, planned are {start}..{end}", first.decode_time)),
    }
}

/// Size, time base and codec are those of the plan.
pub(super) fn check_picture(plan: &Rendition, grid: &Grid, joined: &Joined) -> Result<(), PublishError> {
    let facts = &joined.facts;
    let refuse =
        |what: String| Err(PublishError::refused(&plan.name, format!("its init segment says {what}")));
    let planned = Media::Video { width: plan.width, height: plan.height };
    if facts.media != planned {
        return refuse(format!("{:?}, planned is {planned:?}", facts.media));
    }
    if facts.timescale != grid.timescale {
        return refuse(format!("timescale {}, planned is {}", facts.timescale, grid.timescale));
    }
    match is_codec_of(&plan.encoder, &facts.codecs) {
        true => Ok(()),
        false => refuse(format!("{}, which {} does not make", facts.codecs, plan.encoder)),
    }
}

/// Rate, channels and codec are those of the plan, and there is sound.
pub(super) fn check_sound(plan: &AudioPlan, joined: &Joined) -> Result<(), PublishError> {
    let facts = &joined.facts;
    let refuse = |what: String| Err(PublishError::refused(&plan.name, what));
    let Media::Audio { channel_count } = facts.media else {
        return refuse("its init segment says that it is video".into());
    };
    if facts.timescale != plan.sample_rate_hz {
        let planned = plan.sample_rate_hz;
        return refuse(format!("its init segment says {} Hz, planned are {planned} Hz", facts.timescale));
    }
    // A copied stream may hide its channels in an extension (parametric stereo).
    if !plan.copy && channel_count != 0 && channel_count != plan.channel_count {
        return refuse(format!("it has {channel_count} channels, planned are {}", plan.channel_count));
    }
    if !plan.copy && !is_codec_of(&plan.encoder, &facts.codecs) {
        return refuse(format!("it is {}, which {} does not make", facts.codecs, plan.encoder));
    }
    match joined.sample_count {
        0 => refuse("it has no samples".into()),
        samples if samples > joined.duration() => {
            refuse(format!("it has {samples} samples in {} ticks", joined.duration()))
        }
        _ => Ok(()),
    }
}

/// Whoever joined the chunks has counted what they hold.
pub(super) fn check_assembly(sample_count: u64, joined: &Joined) -> Result<(), PublishError> {
    let expected = joined.sample_count;
    match sample_count == expected {
        true => Ok(()),
        false => {
            let reason = format!("{sample_count} samples were joined, its chunks have {expected}");
            Err(PublishError::refused(&joined.name, reason))
        }
    }
}

/// Whether an encoder makes streams of that CODECS string; an encoder that is not known here may make any.
fn is_codec_of(encoder: &str, codecs: &str) -> bool {
    let entries: &[&str] = match encoder {
        "libx264" => &["avc1", "avc3"],
        "libx265" => &["hev1", "hvc1"],
        "libsvtav1" | "rav1e" | "librav1e" | "libaom-av1" => &["av01"],
        "libvpx-vp9" => &["vp09"],
        "aac" => &["mp4a"],
        "libopus" => &["opus"],
        _ => return true,
    };
    entries.iter().any(|entry| codecs.split('.').next() == Some(entry))
}
