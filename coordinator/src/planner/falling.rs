//! Cuts for chunks that become smaller towards the end.
//!
//! Invariant: frames decoded in vain are at most a twelfth of the source, whatever the number of slots: the dearest cuts go
//! until that holds. One cut is exempt where no other can be: it may cost less than a quarter, so that two slots have work.

use super::balance::{Scale, evened};
use super::chunks::shown;
use super::effort::Efforts;
use super::grid::Draft;
use super::places::{Places, frame_at};
use super::sizes::Sizes;
use super::thinning::thinned;
use crate::domain::plan::Slice;
use crate::domain::source::VideoStream;

/// Part of the source's frames that may be decoded, and read, a second time without anybody asking whether it is worth it.
const LEAD_IN_PART: u64 = 16;

/// Part of them that is the most, whatever stands idle: with the index, chunks read at most a tenth of the source twice.
pub(super) const MOST_LEAD_IN_PART: u64 = 12;

/// The same for the one cut without which a second slot would have nothing to do at all.
pub(super) const ONLY_CUT_PART: u64 = 4;

/// Frames by which a cut moves to spare decoding one in vain.
const LEAD_IN_COSTS: [u64; 3] = [1, 4, 16];

/// How many times as long as it should be a chunk may become so that the next one starts near a keyframe.
const LONGEST_STRETCH: u64 = 3;

/// Frames of the first grid at which to cut, rising.
pub(super) fn cuts(places: &Places<'_>, efforts: &Efforts<'_>, sizes: &Sizes) -> Vec<u64> {
    let weights = Weights::of(places.draft, places.stream, efforts);
    let (end, frames) = (places.frame_count(), places.stream.pts.len() as u64);
    let lead_in = |cut: u64| places.lead_in(cut);
    let weight = |start: u64, end: u64| weights.between(start, end);
    let (budget, most) = (frames / LEAD_IN_PART, sizes.most_of(weight(0, end)));
    // Cuts that move further towards keyframes leave chunks of less even sizes: no further than is needed.
    let mut best: Option<(u64, Vec<u64>)> = None;
    for lead_in_cost in LEAD_IN_COSTS {
        let cuts = cuts_at(places, &weights, sizes, lead_in_cost);
        let cuts = thinned(&cuts, end, (lead_in, budget), (weight, most));
        let cost: u64 = cuts.iter().map(|&cut| lead_in(cut)).sum();
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, cuts));
        }
        if cost <= budget {
            break;
        }
    }
    let cuts = best.map(|(_, cuts)| cuts).unwrap_or_default();
    let cuts = capped(&cuts, end, (lead_in, frames / MOST_LEAD_IN_PART), (weight, most));
    let (slots, least) = (sizes.slots(), sizes.least());
    let mut cuts =
        evened(cuts, &Scale { places, weight, slots, least, longest: sizes.longest(places.gop_frames()) });
    if cuts.is_empty() && sizes.slots() > 1 && weights.next_length(sizes, 0) < end {
        // In the middle half, so that both parts are worth it.
        let candidates = places.within(0, end.div_ceil(4).max(1)..=end * 3 / 4);
        let cheapest = candidates.min_by_key(|&cut| (lead_in(cut), cut.abs_diff(end / 2)));
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

fn cuts_at(places: &Places<'_>, weights: &Weights, sizes: &Sizes, lead_in_cost: u64) -> Vec<u64> {
    let end = places.frame_count();
    let (mut cuts, mut start) = (Vec::new(), 0);
    loop {
        let length = weights.next_length(sizes, start);
        let (ideal, reach) = (start + length, length / 2);
        // What is left behind the last cut is no less than half a chunk.
        if ideal + reach >= end {
            return cuts;
        }
        let furthest = if lead_in_cost == 1 { ideal + reach } else { start + length * LONGEST_STRETCH };
        start = places.near((start, ideal), (ideal - reach)..=furthest.min(end - 1), (lead_in_cost, 1));
        cuts.push(start);
    }
}

/// Work up to each GOP of the first grid, in frames times thousandths of effort.
struct Weights {
    gop_frames: u64,
    end: u64,
    /// One more than there are GOPs.
    before: Vec<u64>,
}

impl Weights {
    fn of(draft: &Draft, stream: &VideoStream, efforts: &Efforts<'_>) -> Self {
        let (gop_frames, end) = (u64::from(draft.gop_frames), draft.frame_count());
        let gops = (0..end).step_by(frame_at(gop_frames));
        let sums = gops.scan(0, |sum, start_frame| {
            let slice = Slice { start_frame, end_frame: (start_frame + gop_frames).min(end) };
            *sum += slice.frame_count() * u64::from(efforts.permille(shown(draft, stream, slice)));
            Some(*sum)
        });
        Self { gop_frames, end, before: std::iter::once(0).chain(sums).collect() }
    }

    fn between(&self, start: u64, end: u64) -> u64 {
        self.until(end) - self.until(start)
    }

    /// As if the work of a GOP were spread evenly over it.
    fn until(&self, frame: u64) -> u64 {
        let gop = frame_at(frame / self.gop_frames);
        let Some(after) = self.before.get(gop + 1) else { return self.before[self.before.len() - 1] };
        let first = frame / self.gop_frames * self.gop_frames;
        let length = self.gop_frames.min(self.end - first);
        self.before[gop] + (after - self.before[gop]) * (frame - first) / length
    }

    /// Frames that a chunk which begins here should have: whole GOPs.
    fn next_length(&self, sizes: &Sizes, start: u64) -> u64 {
        let gop = |first: u64| self.between(first, (first + self.gop_frames).min(self.end));
        let gops = (start..self.end).step_by(frame_at(self.gop_frames)).map(gop);
        sizes.gops_of_next(gops, self.between(start, self.end)) * self.gop_frames
    }
}
