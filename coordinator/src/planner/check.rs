//! Which streams a plan may be made of. A probe report comes from a runner and is not believed: what the planner relies
//! on is checked here once, so that no report can make it panic or plan nonsense.

use super::timeline::Moment;
use crate::domain::source::{AudioStream, Source, VideoStream};
use crate::domain::{Failure, FailureClass};

/// Side of the largest picture that anybody encodes, pixels.
pub(super) const MAX_SIDE: u32 = 32_768;

/// The video stream that players show: the default one, else the first; cover pictures are none.
pub(super) fn picked_video(source: &Source) -> Result<Option<&VideoStream>, Failure> {
    let videos = || source.video.iter().filter(|stream| !stream.attached_picture && !stream.pts.is_empty());
    let picked = videos().find(|stream| stream.is_default).or_else(|| videos().next());
    picked.map(|stream| check_video(stream).map(|()| stream)).transpose()
}

/// The audio streams that have sound, the one that players play first.
pub(super) fn sounding_audio(source: &Source) -> Result<Vec<&AudioStream>, Failure> {
    let sounds = |stream: &&AudioStream| stream.sample_rate_hz > 0 && stream.channel_count > 0;
    let mut streams: Vec<_> = source.audio.iter().filter(sounds).collect();
    if let Some(first) = played_first(&streams) {
        streams[..=first].rotate_right(1);
    }
    for stream in &streams {
        let end = stream.first_pts.checked_add(stream.duration.max(0));
        let placed = [Some(stream.first_pts), end]
            .iter()
            .all(|time| time.is_some_and(|time| Moment::new(time, stream.time_base).is_some()));
        if !placed {
            return Err(contradiction(stream.index, "its times are out of all bounds"));
        }
    }
    Ok(streams)
}

/// The default track, else the first; comments and descriptions only where there is nothing else, since whole files are
/// muxed with every track marked as the default one.
fn played_first(streams: &[&AudioStream]) -> Option<usize> {
    let main = |stream: &&AudioStream| !stream.is_commentary && !stream.is_description;
    let find = |fits: &dyn Fn(&&AudioStream) -> bool| streams.iter().position(fits);
    find(&|stream| main(stream) && stream.is_default)
        .or_else(|| find(&main))
        .or_else(|| find(&|stream| stream.is_default))
}

fn check_video(stream: &VideoStream) -> Result<(), Failure> {
    let refuse = |what| Err(contradiction(stream.index, what));
    let side = 1..=MAX_SIDE;
    if !side.contains(&stream.width) || !side.contains(&stream.height) {
        return refuse("its picture has an impossible size");
    }
    if !matches!(stream.rotation_degrees, 0 | 90 | 180 | 270) {
        return refuse("its rotation is no quarter turn");
    }
    if stream.pts.windows(2).any(|pair| pair[0] >= pair[1]) {
        return refuse("its frame times do not rise");
    }
    let last = stream.pts.last().copied().unwrap_or_default();
    let end = last.checked_add(stream.last_duration.max(0));
    let placed = |time: Option<i64>| time.is_some_and(|time| Moment::new(time, stream.time_base).is_some());
    if !placed(stream.pts.first().copied()) || !placed(end) {
        return refuse("its times are out of all bounds");
    }
    let rising = stream.keyframes.windows(2).all(|pair| pair[0] < pair[1]);
    let within = stream.keyframes.last().is_none_or(|&last| (last as usize) < stream.pts.len());
    if !rising || !within {
        return refuse("its keyframe table does not fit its frames");
    }
    Ok(())
}

fn contradiction(stream_index: u32, what: &str) -> Failure {
    let message = format!("the probe of stream {stream_index} contradicts itself: {what}");
    Failure { class: FailureClass::Verify, message }
}
