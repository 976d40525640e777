//! Cutting the grids into chunks, all grids at about the same time so that one decode serves them. A cut lies at a keyframe
//! of the source where one is near, so that nothing is decoded in vain, else at a whole number of GOPs.
//!
//! Frames between a keyframe and a cut are decoded, and read, by both chunks beside it. How many these may be where nobody
//! has fixed the length of chunks stands in `falling`. A source with one keyframe is one chunk. Where an edited video goes
//! on with another file, there is a cut in any case.

use super::effort::Efforts;
use super::falling;
use super::grid::Draft;
use super::places::{Places, frame_at, keyframe_before, position};
use super::sizes::Sizes;
use crate::domain::plan::{Chunk, Slice};
use crate::domain::source::VideoStream;

/// Frames decoded in vain for which a cut moves by one frame: decoding is cheap beside encoding a ladder, and chunks of
/// one length keep the fleet busy to the end.
const EVEN_MOVE_COST: u64 = 2;

/// How large chunks should be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// So many of one length: somebody has fixed it.
    Even(u64),
    /// By what there is to do and who works on it.
    Falling(Sizes),
}

impl Wanted {
    /// Chunks of a fixed length.
    pub(super) fn of_length(duration_ms: u64, chunk_seconds: u32) -> Self {
        Self::Even(duration_ms.div_ceil(u64::from(chunk_seconds.max(1)) * 1000).max(1))
    }

    /// People are told when there are fewer chunks than they asked for, or too few for all slots.
    fn worth_a_note(self, wanted_count: usize) -> usize {
        match self {
            Self::Even(_) => wanted_count,
            Self::Falling(sizes) => wanted_count.min(usize::try_from(sizes.slots()).unwrap_or(usize::MAX)),
        }
    }

    /// Fewer than the chunks that came of it.
    fn coarser(self, count: u64) -> Self {
        match self {
            Self::Even(_) => Self::Even(count * 3 / 4),
            Self::Falling(sizes) => Self::Falling(sizes.coarser()),
        }
    }
}

/// Cuts all grids as is wanted, or into fewer chunks when more would decode the source more than once over again before
/// the frames that they show; then a note says so.
pub(super) fn cut(
    drafts: &[Draft],
    stream: &VideoStream,
    wanted: &Wanted,
    joints: &Joints,
) -> (Vec<Chunk>, Option<String>) {
    let efforts = Efforts::of(stream);
    let places = Places::of(drafts, stream);
    let cut =
        |wanted: &Wanted| cut_at(drafts, stream, &efforts, joints, &primary_cuts(&places, &efforts, wanted));
    let (mut chunks, mut wanted) = (cut(wanted), *wanted);
    let wanted_count = chunks.len();
    while chunks.len() > joints.0.len() + 1 && lead_in_total(drafts, stream, &chunks) > stream.pts.len() {
        wanted = wanted.coarser(chunks.len() as u64);
        chunks = cut(&wanted);
    }
    let note = (chunks.len() < wanted.worth_a_note(wanted_count)).then(|| {
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

/// Frames of the first grid with which another file begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Joints(Vec<u64>);

impl Joints {
    /// Of the frames with these times.
    pub(super) fn of(drafts: &[Draft], joints: &[i64]) -> Self {
        let frame = |pts: &i64| drafts[0].source_pts.partition_point(|shown| shown < pts) as u64;
        Self(joints.iter().map(frame).collect())
    }

    /// These cuts, without those that would leave less than a GOP beside a joint, and the joints.
    fn among(&self, cuts: &[u64], gop_frames: u64) -> Vec<u64> {
        let apart = |cut: &&u64| self.0.iter().all(|joint| joint.abs_diff(**cut) >= gop_frames);
        let mut all: Vec<u64> = cuts.iter().filter(apart).chain(&self.0).copied().collect();
        all.sort_unstable();
        all
    }
}

/// Cuts all grids at these frames of the first one, as far as each leaves something of every grid on both sides, and at the
/// joints.
pub(super) fn cut_at(
    drafts: &[Draft],
    stream: &VideoStream,
    efforts: &Efforts<'_>,
    joints: &Joints,
    cuts: &[u64],
) -> Vec<Chunk> {
    let mut starts = vec![vec![0; drafts.len()]];
    for cut in joints.among(cuts, u64::from(drafts[0].gop_frames)) {
        let before = &starts[starts.len() - 1];
        if let Some(start) = cut_all(drafts, cut, joints.0.contains(&cut), before) {
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
        effort_permille: efforts.permille(shown(&drafts[0], stream, slices[0])),
        slices,
        jumps: Vec::new(),
        clip: None,
    };
    slices.map(chunk).collect()
}

/// Positions in the source of the frames that a slice shows.
pub(super) fn shown(draft: &Draft, stream: &VideoStream, slice: Slice) -> std::ops::Range<usize> {
    let at = |frame: u64| position(stream, draft.source_pts[frame_at(frame)]);
    at(slice.start_frame)..at(slice.end_frame - 1) + 1
}

/// Frames of the first grid at which to cut, rising.
pub(super) fn primary_cuts(places: &Places<'_>, efforts: &Efforts<'_>, wanted: &Wanted) -> Vec<u64> {
    match wanted {
        Wanted::Even(count) => even_cuts(places, *count),
        Wanted::Falling(sizes) => falling::cuts(places, efforts, sizes),
    }
}

/// Frames of the first grid at which to cut, rising: places near even shares.
fn even_cuts(places: &Places<'_>, count: u64) -> Vec<u64> {
    let (gop_frames, end) = (places.gop_frames(), places.frame_count());
    let gop_count = end.div_ceil(gop_frames);
    let count = count.clamp(1, gop_count);
    // A quarter of a chunk to either side keeps cuts apart and chunks of about one length.
    let reach = gop_count / count / 4 * gop_frames;
    let mut start = 0;
    let cuts = (1..count).map_while(|chunk| {
        let share = (2 * chunk * gop_count + count) / (2 * count) * gop_frames;
        let gops = (share.saturating_sub(start) + gop_frames / 2) / gop_frames;
        let ideal = start + gops.max(1) * gop_frames;
        let range = ideal.saturating_sub(reach).max(start + 1)..=(ideal + reach).min(end - 1);
        start = places.near((start, ideal), range, (1, EVEN_MOVE_COST));
        (start < end).then_some(start)
    });
    cuts.collect()
}

/// The cut in every grid at the time of the first grid's; none when a grid would be left with nothing on one side. GOPs
/// that are whole in the first grid are whole in all.
fn cut_all(drafts: &[Draft], primary_cut: u64, is_joint: bool, before: &[u64]) -> Option<Vec<u64>> {
    let primary = &drafts[0];
    let at = frame_at(primary_cut);
    let is_whole =
        !is_joint && primary_cut.checked_sub(before[0])?.is_multiple_of(u64::from(primary.gop_frames));
    let cuts = drafts.iter().zip(before).enumerate().map(|(index, (draft, &before))| {
        let gop_frames = u64::from(draft.gop_frames);
        let frame = match (index, is_whole) {
            (0, _) => primary_cut,
            (_, true) => {
                let frame = draft.frame_from(primary.times[at], primary.timescale);
                before + (frame.saturating_sub(before) + gop_frames / 2) / gop_frames * gop_frames
            }
            // Nothing before the keyframe, or of the file before, is shown.
            (_, false) => draft
                .frame_from(primary.times[at], primary.timescale)
                .max(draft.source_pts.partition_point(|&shown| shown < primary.source_pts[at]) as u64),
        };
        (frame > before && frame < draft.frame_count()).then_some(frame)
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
    seek_for(stream, firsts.min()?)
}

/// The keyframe from which a frame can be decoded; none: the source's start.
pub(super) fn seek_for(stream: &VideoStream, pts: i64) -> Option<i64> {
    let keyframe = keyframe_before(stream, pts)?;
    (keyframe > 0).then(|| stream.pts[keyframe])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::falling::{MOST_LEAD_IN_PART, ONLY_CUT_PART};
    use super::super::fixtures::video;
    use super::super::grid::{Frames, Pace};
    use super::super::timeline::Moment;
    use super::*;

    #[test]
    fn a_cut_moves_to_a_keyframe_that_is_near_enough() {
        let keyframes = (0..1500).step_by(250).collect();
        let stream = VideoStream { keyframes, ..video(640, 360, (1, 25), 1, 1250) };
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
        // Even shares end at GOPs 6, 13 and 19; 20 begins with a keyframe and spares 200 frames of lead-in.
        assert_eq!(even_cuts(&Places::of(&drafts, &stream), 4), [300, 650, 1000]);
    }

    #[test]
    fn a_source_with_one_keyframe_is_cut_so_that_little_is_decoded_in_vain() {
        let stream = video(640, 360, (1, 25), 1, 5000);
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
        let (chunks, note) = cut(&drafts, &stream, &Wanted::Even(20), &Joints::default());
        assert!(lead_in_total(&drafts, &stream, &chunks) <= 5000);
        assert!((2..=3).contains(&chunks.len()));
        assert!(note.unwrap().ends_with("instead of 20"));
        let stream = VideoStream { keyframes: (0..5000).step_by(50).collect(), ..stream };
        let (chunks, note) = cut(&drafts, &stream, &Wanted::Even(20), &Joints::default());
        assert_eq!((chunks.len(), note), (20, None));
    }

    proptest! {
        #[test]
        fn little_of_the_source_is_read_twice(
            steps in proptest::collection::vec(1_u32..400, 1..40), count in 1_i64..4000, slots in 1_u32..300,
        ) {
            let starts = steps.iter().scan(0, |at, step| { *at += step; Some(*at) });
            let keyframes: Vec<u32> = [0].into_iter().chain(starts).filter(|&at| i64::from(at) < count).collect();
            let stream = VideoStream { keyframes, ..video(1920, 1080, (1, 25), 1, count) };
            let zero = Moment::new(0, stream.time_base).unwrap();
            let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
            let wanted = Wanted::Falling(Sizes::of(&drafts, &[], slots));
            let (chunks, _) = cut(&drafts, &stream, &wanted, &Joints::default());
            let most = if chunks.len() == 2 { ONLY_CUT_PART } else { MOST_LEAD_IN_PART };
            prop_assert!(lead_in_total(&drafts, &stream, &chunks) as u64 <= count as u64 / most);
        }
    }

    #[test]
    fn a_source_with_one_keyframe_stays_whole() {
        let stream = video(1920, 1080, (1, 25), 1, 5000);
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
        let wanted = Wanted::Falling(Sizes::of(&drafts, &[], 8));
        assert_eq!(cut(&drafts, &stream, &wanted, &Joints::default()).0.len(), 1);
    }

    #[test]
    fn a_fixed_length_knows_no_fleet() {
        let count = |duration_ms, seconds| match Wanted::of_length(duration_ms, seconds) {
            Wanted::Even(count) => count,
            Wanted::Falling(_) => 0,
        };
        assert_eq!((count(52_209, 10), count(1000, 0), count(0, 5)), (6, 1, 1));
    }
}
