//! Cutting the grids into chunks: whole GOPs of every grid, all grids cut at about the same time so that one decode serves
//! them. Cuts move to a nearby GOP when that spares much decoding.
//!
//! Frames between a keyframe and a cut are decoded, and read, by both chunks beside it. Unless somebody has fixed the length
//! of chunks, these are at most a twelfth of the source, whatever the number of slots: the dearest cuts go until that
//! holds. One cut is exempt where no other can be: it may cost less than a quarter, so that two slots have work. A source with
//! one keyframe is one chunk.

use std::ops::RangeInclusive;

use super::effort::Efforts;
use super::grid::Draft;
use super::sizes::Sizes;
use super::thinning::thinned;
use crate::domain::plan::{Chunk, Slice};
use crate::domain::source::VideoStream;

/// Frames decoded in vain for which a cut moves by one frame: decoding is cheap beside encoding a ladder, and chunks of
/// one length keep the fleet busy to the end.
const EVEN_MOVE_COST: u64 = 2;

/// Part of the source's frames that may be decoded, and read, a second time without anybody asking whether it is worth it.
const LEAD_IN_PART: u64 = 16;

/// Part of them that is the most, whatever stands idle: with the index, chunks read at most a tenth of the source twice.
const MOST_LEAD_IN_PART: u64 = 12;

/// The same for the one cut without which a second slot would have nothing to do at all.
const ONLY_CUT_PART: u64 = 4;

/// Frames by which a cut moves to spare decoding one in vain.
const LEAD_IN_COSTS: [u64; 3] = [1, 4, 16];

/// How many times as long as it should be a chunk may become so that the next one starts near a keyframe.
const LONGEST_STRETCH: u64 = 3;

/// Frames before the first one shown that a deinterlacer looks at.
const DEINTERLACE_LEAD_FRAMES: usize = 2;

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
pub(super) fn cut(drafts: &[Draft], stream: &VideoStream, wanted: &Wanted) -> (Vec<Chunk>, Option<String>) {
    let efforts = Efforts::of(stream);
    let cut = |wanted: &Wanted| {
        cut_at(drafts, stream, &efforts, &primary_cuts(&drafts[0], stream, &efforts, wanted))
    };
    let (mut chunks, mut wanted) = (cut(wanted), *wanted);
    let wanted_count = chunks.len();
    while chunks.len() > 1 && lead_in_total(drafts, stream, &chunks) > stream.pts.len() {
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

/// Cuts all grids at these frames of the first one, as far as each leaves something of every grid on both sides.
pub(super) fn cut_at(
    drafts: &[Draft],
    stream: &VideoStream,
    efforts: &Efforts<'_>,
    cuts: &[u64],
) -> Vec<Chunk> {
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
        effort_permille: efforts.permille(shown(&drafts[0], stream, slices[0])),
        slices,
    };
    slices.map(chunk).collect()
}

/// Positions in the source of the frames that a slice shows.
fn shown(draft: &Draft, stream: &VideoStream, slice: Slice) -> std::ops::Range<usize> {
    let at = |frame: u64| position(stream, draft.source_pts[frame_at(frame)]);
    at(slice.start_frame)..at(slice.end_frame - 1) + 1
}

/// Frames of the first grid at which to cut, rising.
pub(super) fn primary_cuts(
    draft: &Draft,
    stream: &VideoStream,
    efforts: &Efforts<'_>,
    wanted: &Wanted,
) -> Vec<u64> {
    match wanted {
        Wanted::Even(count) => even_cuts(draft, stream, *count),
        Wanted::Falling(sizes) => falling_cuts(draft, stream, efforts, sizes),
    }
}

/// Frames of the first grid at which to cut, rising: GOP boundaries near even shares.
fn even_cuts(draft: &Draft, stream: &VideoStream, count: u64) -> Vec<u64> {
    let gop_frames = u64::from(draft.gop_frames);
    let gop_count = draft.frame_count().div_ceil(gop_frames);
    let count = count.clamp(1, gop_count);
    // A quarter of a chunk to either side keeps cuts apart and chunks of about one length.
    let reach = gop_count / count / 4;
    let cuts = (1..count).map(|chunk| {
        let ideal = (2 * chunk * gop_count + count) / (2 * count);
        let candidates = ideal.saturating_sub(reach).max(1)..=(ideal + reach).min(gop_count - 1);
        near(draft, stream, ideal, candidates, (1, EVEN_MOVE_COST))
    });
    cuts.map(|gop| gop * gop_frames).collect()
}

/// The same for chunks that become smaller towards the end.
fn falling_cuts(draft: &Draft, stream: &VideoStream, efforts: &Efforts<'_>, sizes: &Sizes) -> Vec<u64> {
    let gop_frames = u64::from(draft.gop_frames);
    let end = draft.frame_count();
    let weight = |start_frame: u64, end_frame: u64| {
        let slice = Slice { start_frame, end_frame };
        slice.frame_count() * u64::from(efforts.permille(shown(draft, stream, slice)))
    };
    let gop_weight = |gop: u64| weight(gop * gop_frames, ((gop + 1) * gop_frames).min(end));
    let weights: Vec<u64> = (0..end.div_ceil(gop_frames)).map(gop_weight).collect();
    let lead_in = |cut: u64| lead_in_frames(stream, draft.source_pts[frame_at(cut)]) as u64;
    let budget = stream.pts.len() as u64 / LEAD_IN_PART;
    let most = sizes.most_of(weights.iter().sum());
    // Cuts that move further towards keyframes leave chunks of less even sizes: no further than is needed.
    let mut best: Option<(u64, Vec<u64>)> = None;
    for lead_in_cost in LEAD_IN_COSTS {
        let cuts = falling_cuts_at(draft, stream, &weights, sizes, lead_in_cost);
        let cuts = thinned(&cuts, end, (lead_in, budget), (weight, most));
        let cost: u64 = cuts.iter().map(|&cut| lead_in(cut)).sum();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, cuts));
        }
        if cost <= budget {
            break;
        }
    }
    let (cuts, frames) = (best.map(|(_, cuts)| cuts).unwrap_or_default(), stream.pts.len() as u64);
    let mut cuts = capped(&cuts, end, (lead_in, frames / MOST_LEAD_IN_PART), (weight, most));
    if cuts.is_empty() && sizes.slots() > 1 && gops_of_one(sizes, &weights) < weights.len() as u64 {
        // In the middle half, so that both parts are worth it.
        let gops = weights.len() as u64;
        let candidates = (gops.div_ceil(4).max(1)..=gops * 3 / 4).map(|gop| gop * gop_frames);
        let cheapest =
            candidates.filter(|cut| *cut < end).min_by_key(|&cut| (lead_in(cut), cut.abs_diff(end / 2)));
        cuts.extend(cheapest.filter(|&cut| lead_in(cut) < frames / ONLY_CUT_PART));
    }
    cuts
}

/// The cuts that stay when all together may cost no more than `cap`: chunks become as large for it as they must.
fn capped(
    cuts: &[u64],
    end: u64,
    (lead_in, cap): (impl Fn(u64) -> u64, u64),
    (weight, most): (impl Fn(u64, u64) -> u64, u64),
) -> Vec<u64> {
    let (mut cuts, mut most) = (cuts.to_vec(), most);
    while cuts.iter().map(|&cut| lead_in(cut)).sum::<u64>() > cap {
        cuts = thinned(&cuts, end, (&lead_in, cap), (&weight, most));
        most = most.saturating_mul(5) / 4 + 1;
    }
    cuts
}

/// GOPs of the first chunk.
fn gops_of_one(sizes: &Sizes, weights: &[u64]) -> u64 {
    sizes.gops_of_next(weights, weights.iter().sum())
}

fn falling_cuts_at(
    draft: &Draft,
    stream: &VideoStream,
    weights: &[u64],
    sizes: &Sizes,
    lead_in_cost: u64,
) -> Vec<u64> {
    let (gop_count, mut left) = (weights.len() as u64, weights.iter().sum::<u64>());
    let (mut cuts, mut start) = (Vec::new(), 0);
    loop {
        let ideal = start + sizes.gops_of_next(&weights[frame_at(start)..], left);
        // What is left behind the last cut is no less than half a chunk.
        let reach = (ideal - start) / 2;
        if ideal + reach >= gop_count {
            return cuts;
        }
        let furthest =
            if lead_in_cost == 1 { ideal + reach } else { start + (ideal - start) * LONGEST_STRETCH };
        let candidates = (ideal - reach)..=furthest.min(gop_count - 1);
        let gop = near(draft, stream, ideal, candidates, (lead_in_cost, 1));
        left -= weights[frame_at(start)..frame_at(gop)].iter().sum::<u64>();
        cuts.push(gop * u64::from(draft.gop_frames));
        start = gop;
    }
}

/// The GOP among these at which a cut costs least.
fn near(
    draft: &Draft,
    stream: &VideoStream,
    ideal: u64,
    candidates: RangeInclusive<u64>,
    (lead_in_cost, move_cost): (u64, u64),
) -> u64 {
    let gop_frames = u64::from(draft.gop_frames);
    let cost = |gop: &u64| {
        let first_pts = draft.source_pts[frame_at(gop * gop_frames)];
        let lead_in = lead_in_frames(stream, first_pts) as u64;
        (lead_in_cost * lead_in + move_cost * gop.abs_diff(ideal) * gop_frames, gop.abs_diff(ideal), *gop)
    };
    candidates.min_by_key(cost).unwrap_or(ideal)
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
    use proptest::prelude::*;

    use super::super::fixtures::video;
    use super::super::grid::{Frames, Pace};
    use super::super::timeline::Moment;
    use super::*;

    #[test]
    fn a_cut_moves_to_a_keyframe_that_is_near_enough() {
        let keyframes = (0..1500).step_by(250).collect();
        let stream = VideoStream { keyframes, ..video(640, 360, (1, 25), 1, 1250) };
        let zero = Moment::new(0, stream.time_base).unwrap();
        let draft = Frames::new(&stream, zero).draft(Pace::Own, 2);
        // Even shares end at GOPs 6, 13 and 19; 20 begins with a keyframe and spares 200 frames of lead-in.
        assert_eq!(even_cuts(&draft, &stream, 4), [300, 650, 1000]);
    }

    #[test]
    fn a_source_with_one_keyframe_is_cut_so_that_little_is_decoded_in_vain() {
        let stream = video(640, 360, (1, 25), 1, 5000);
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts = [Frames::new(&stream, zero).draft(Pace::Own, 2)];
        let (chunks, note) = cut(&drafts, &stream, &Wanted::Even(20));
        assert!(lead_in_total(&drafts, &stream, &chunks) <= 5000);
        assert!((2..=3).contains(&chunks.len()));
        assert!(note.unwrap().ends_with("instead of 20"));
        let stream = VideoStream { keyframes: (0..5000).step_by(50).collect(), ..stream };
        let (chunks, note) = cut(&drafts, &stream, &Wanted::Even(20));
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
            let (chunks, _) = cut(&drafts, &stream, &wanted);
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
        assert_eq!(cut(&drafts, &stream, &wanted).0.len(), 1);
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
