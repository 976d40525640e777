//! Cutting the grids into chunks: whole GOPs of every grid, all grids cut at about the same time so that one decode serves
//! them. Cuts move to a nearby GOP when that spares much decoding.

use super::effort;
use super::grid::Draft;
use crate::domain::plan::{Chunk, Slice};
use crate::domain::source::VideoStream;

/// Shorter chunks cost more in decode lead-in and rate control than they gain.
const MIN_CHUNK_MS: u64 = 8_000;

/// Unless slots would have nothing to do at all: then two GOPs are worth it.
const LEAST_CHUNK_MS: u64 = 4_000;

/// Longer chunks cost too much when a runner vanishes.
const MAX_CHUNK_MS: u64 = 60_000;

/// Enough that a fast machine can take over from a slow one, few enough to stay long.
const CHUNKS_PER_SLOT: u64 = 3;

/// Frames decoded in vain for which a cut moves by one frame: decoding is cheap beside encoding a ladder, and chunks of
/// one length keep the fleet busy to the end.
const MOVE_COST: u64 = 2;

/// Frames before the first one shown that a deinterlacer looks at.
const DEINTERLACE_LEAD_FRAMES: usize = 2;

/// How many chunks there should be, given the length and who works on them.
pub(super) fn chunk_count(duration_ms: u64, slots: u32, chunk_seconds: Option<u32>) -> u64 {
    if let Some(seconds) = chunk_seconds {
        return duration_ms.div_ceil(u64::from(seconds.max(1)) * 1000).max(1);
    }
    let slots = u64::from(slots.max(1));
    let one_each = slots.min(duration_ms / LEAST_CHUNK_MS);
    let (least, most) =
        (duration_ms.div_ceil(MAX_CHUNK_MS), (duration_ms / MIN_CHUNK_MS).max(one_each).max(1));
    let count = (CHUNKS_PER_SLOT * slots).clamp(least.max(1), most);
    // Full rounds: with a rest of chunks most slots would idle at the end.
    let rounds = count / slots * slots;
    if rounds >= least.max(1) { rounds } else { count }
}

/// Cuts all grids into about `count` chunks, or into fewer when more would decode the source more than once over again
/// before the frames that they show; then a note says so.
pub(super) fn cut(drafts: &[Draft], stream: &VideoStream, count: u64) -> (Vec<Chunk>, Option<String>) {
    let wanted = cut_into(drafts, stream, count);
    let wanted_count = wanted.len();
    let mut chunks = wanted;
    while chunks.len() > 1 && lead_in_total(drafts, stream, &chunks) > stream.pts.len() {
        let fewer = chunks.len() as u64 * 3 / 4;
        chunks = cut_into(drafts, stream, fewer);
    }
    let note = (chunks.len() < wanted_count).then(|| {
        let parts = if chunks.len() == 1 { "1 chunk".to_owned() } else { format!("{} chunks", chunks.len()) };
        format!("the source has few places at which decoding can start: {parts} instead of {wanted_count}")
    });
    (chunks, note)
}

/// Frames decoded in vain over all chunks.
fn lead_in_total(drafts: &[Draft], stream: &VideoStream, chunks: &[Chunk]) -> usize {
    let lead_in = |chunk: &Chunk| {
        let starts = drafts.iter().zip(&chunk.slices);
        let first = starts.map(|(draft, slice)| draft.source_pts[frame_at(slice.start_frame)]).min();
        let seek = chunk.seek_pts.map_or(0, |pts| position(stream, pts));
        first.map_or(0, |pts| position(stream, pts)).saturating_sub(seek)
    };
    chunks.iter().map(lead_in).sum()
}

/// Cuts all grids into about `count` chunks.
fn cut_into(drafts: &[Draft], stream: &VideoStream, count: u64) -> Vec<Chunk> {
    cut_at(drafts, stream, &primary_cuts(&drafts[0], stream, count))
}

/// Cuts all grids at these frames of the first one, as far as each leaves something of every grid on both sides.
pub(super) fn cut_at(drafts: &[Draft], stream: &VideoStream, cuts: &[u64]) -> Vec<Chunk> {
    let mut starts = vec![vec![0; drafts.len()]];
    for &cut in cuts {
        let before = &starts[starts.len() - 1];
        if let Some(start) = cut_all(drafts, cut, before) {
            starts.push(start);
        }
    }
    let ends = drafts.iter().map(Draft::frame_count).collect();
    let bounds = starts.iter().skip(1).chain([&ends]);
    let slices = starts.iter().zip(bounds).map(|(start, end)| {
        let pairs = start.iter().zip(end);
        pairs.map(|(&start_frame, &end_frame)| Slice { start_frame, end_frame }).collect::<Vec<_>>()
    });
    let chunk = |slices: Vec<Slice>| Chunk {
        seek_pts: seek_pts(drafts, stream, &slices),
        effort_permille: effort::permille(stream, shown(&drafts[0], stream, slices[0])),
        slices,
    };
    slices.map(chunk).collect()
}

/// Positions in the source of the frames that a slice shows.
fn shown(draft: &Draft, stream: &VideoStream, slice: Slice) -> std::ops::Range<usize> {
    let at = |frame: u64| position(stream, draft.source_pts[frame_at(frame)]);
    at(slice.start_frame)..at(slice.end_frame - 1) + 1
}

/// Frames of the first grid at which to cut, rising: GOP boundaries near even shares.
pub(super) fn primary_cuts(draft: &Draft, stream: &VideoStream, count: u64) -> Vec<u64> {
    let gop_frames = u64::from(draft.gop_frames);
    let gop_count = draft.frame_count().div_ceil(gop_frames);
    let count = count.clamp(1, gop_count);
    // A quarter of a chunk to either side keeps cuts apart and chunks of about one length.
    let reach = gop_count / count / 4;
    let cuts = (1..count).map(|chunk| {
        let ideal = (2 * chunk * gop_count + count) / (2 * count);
        let candidates = ideal.saturating_sub(reach).max(1)..=(ideal + reach).min(gop_count - 1);
        let cost = |gop: &u64| {
            let first_pts = draft.source_pts[frame_at(gop * gop_frames)];
            let lead_in = lead_in_frames(stream, first_pts) as u64;
            (lead_in + MOVE_COST * gop.abs_diff(ideal) * gop_frames, *gop)
        };
        candidates.min_by_key(cost).unwrap_or(ideal) * gop_frames
    });
    cuts.collect()
}

/// The cut in every grid at the time of the first grid's; none when a grid would be left with nothing on one side.
fn cut_all(drafts: &[Draft], primary_cut: u64, before: &[u64]) -> Option<Vec<u64>> {
    let primary = &drafts[0];
    let time = i128::from(primary.times[frame_at(primary_cut)]);
    let cuts = drafts.iter().zip(before).enumerate().map(|(at, (draft, &before))| {
        let gop_frames = u64::from(draft.gop_frames);
        let frame = match at {
            0 => primary_cut,
            _ => {
                let scaled = time * i128::from(draft.timescale);
                let earlier = |&other: &i64| i128::from(other) * i128::from(primary.timescale) < scaled;
                draft.times.partition_point(earlier) as u64
            }
        };
        let nearest = (frame + gop_frames / 2) / gop_frames * gop_frames;
        (nearest > before && nearest < draft.frame_count()).then_some(nearest)
    });
    cuts.collect()
}

/// The keyframe to seek to; none for the source's first frames, which are decoded from the start.
fn seek_pts(drafts: &[Draft], stream: &VideoStream, slices: &[Slice]) -> Option<i64> {
    if slices.iter().all(|slice| slice.start_frame == 0) {
        return None;
    }
    let firsts =
        drafts.iter().zip(slices).map(|(draft, slice)| draft.source_pts[frame_at(slice.start_frame)]);
    let keyframe = keyframe_before(stream, firsts.min()?)?;
    (keyframe > 0).then(|| stream.pts[keyframe])
}

fn lead_in_frames(stream: &VideoStream, first_pts: i64) -> usize {
    position(stream, first_pts) - keyframe_before(stream, first_pts).unwrap_or(0)
}

/// Position of the keyframe from which a frame, and what its filters look at, can be decoded.
fn keyframe_before(stream: &VideoStream, first_pts: i64) -> Option<usize> {
    let lead = if stream.interlaced { DEINTERLACE_LEAD_FRAMES } else { 0 };
    let needed = position(stream, first_pts).saturating_sub(lead);
    let after = stream.keyframes.partition_point(|&keyframe| keyframe as usize <= needed);
    Some(stream.keyframes[after.checked_sub(1)?] as usize)
}

/// Grids show only frames that the source has.
fn position(stream: &VideoStream, pts: i64) -> usize {
    stream.pts.partition_point(|&time| time < pts)
}

fn frame_at(frame: u64) -> usize {
    usize::try_from(frame).expect("a grid fits in memory")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::super::grid::{Frames, Pace};
    use super::super::timeline::Moment;
    use super::*;

    fn check(seconds: u64, slots: u32, expected: u64) {
        assert_eq!(chunk_count(seconds * 1000, slots, None), expected, "{seconds} s on {slots} slots");
    }

    #[test]
    fn a_short_clip_is_cut_for_the_fleet_in_full_rounds() {
        check(52, 1, 3);
        check(52, 2, 6);
        check(52, 5, 5);
        check(10, 2, 2);
        check(52, 100, 13);
        check(5, 8, 1);
        check(0, 1, 1);
    }

    #[test]
    fn a_long_film_has_chunks_of_at_most_a_minute() {
        check(7200, 2, 120);
        check(7200, 50, 150);
        check(86_400, 7, 1440);
    }

    #[test]
    fn a_cut_moves_to_a_keyframe_that_is_near_enough() {
        let keyframes = (0..1500).step_by(250).collect();
        let stream = VideoStream { keyframes, ..video(640, 360, (1, 25), 1, 1250) };
        let zero = Moment::new(0, stream.time_base).unwrap();
        let draft = Frames::new(&stream, zero).draft(Pace::Own, 2);
        // Even shares end at GOPs 6, 13 and 19; 20 begins with a keyframe and spares 200 frames of lead-in.
        assert_eq!(primary_cuts(&draft, &stream, 4), [300, 650, 1000]);
    }

    #[test]
    fn a_source_with_one_keyframe_is_cut_so_that_little_is_decoded_in_vain() {
        let stream = video(640, 360, (1, 25), 1, 5000);
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
        let (chunks, note) = cut(&drafts, &stream, 20);
        assert!(lead_in_total(&drafts, &stream, &chunks) <= 5000);
        assert!((2..=3).contains(&chunks.len()));
        assert!(note.unwrap().ends_with("instead of 20"));
        let stream = VideoStream { keyframes: (0..5000).step_by(50).collect(), ..stream };
        let (chunks, note) = cut(&drafts, &stream, 20);
        assert_eq!((chunks.len(), note), (20, None));
    }

    #[test]
    fn a_fixed_length_knows_no_fleet() {
        assert_eq!(chunk_count(52_209, 1, Some(10)), 6);
        assert_eq!(chunk_count(52_209, 50, Some(10)), 6);
        assert_eq!(chunk_count(1000, 1, Some(0)), 1);
    }
}
