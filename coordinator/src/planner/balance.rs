//! Moving the cuts of short videos so that few slots end together. There are only a handful of chunks then, of very
//! different work, and how they fall on the slots decides as much as how many frames are decoded in vain. Long videos and
//! large fleets have chunks enough that the small ones at the end even everything out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::falling::MOST_LEAD_IN_PART;
use super::places::Places;

/// More slots are not equally fast, and have other videos to do.
const MOST_SLOTS: u64 = 16;

/// With more chunks for each slot the order in which they are taken evens out what is left.
const MOST_CHUNKS_PER_SLOT: u64 = 8;

/// A frame that is decoded in vain costs a sixteenth of one that is encoded into a whole ladder.
const LEAD_IN_COST_PERMILLE: u64 = 1000 / 16;

/// A keyframe has about as many bytes as so many other frames: who begins behind one reads it a second time.
const KEYFRAME_FRAMES: u64 = 32;

/// How far an estimate is usually off.
const ERROR_PERMILLE: u64 = 150;

/// A power of two, so that every chunk is too long as often as too short, but for the longest one.
const CASES: u32 = 8;

/// Every round is better than the one before, so this is only a bound on the time that planning takes.
const MOST_ROUNDS: usize = 40;

/// What cuts are judged by.
pub(super) struct Scale<'a, W> {
    /// Where cuts may lie.
    pub(super) places: &'a Places<'a>,
    /// Work between two frames, in frames times thousandths of effort.
    pub(super) weight: W,
    /// Who works on it.
    pub(super) slots: u64,
    /// The least work that is worth an engine of its own.
    pub(super) least: u64,
    /// Frames of the longest chunk.
    pub(super) longest: u64,
}

/// The cuts, moved to where slots of one speed end earliest; some may be added at keyframes, none goes.
pub(super) fn evened<W: Fn(u64, u64) -> u64>(cuts: Vec<u64>, scale: &Scale<'_, W>) -> Vec<u64> {
    let few = 2..=MOST_SLOTS;
    if cuts.is_empty()
        || !few.contains(&scale.slots)
        || cuts.len() as u64 >= scale.slots * MOST_CHUNKS_PER_SLOT
    {
        return cuts;
    }
    let (bounds, fine) = (scale.bounds(&cuts), scale.places.behind_keyframes());
    let mut best = (scale.cost(&cuts), cuts);
    for _ in 0..MOST_ROUNDS {
        let neighbours = scale.neighbours(&best.1, &fine).filter(|cuts| scale.is_allowed(cuts, &bounds));
        let better = neighbours.map(|cuts| (scale.cost(&cuts), cuts)).min();
        match better {
            Some(better) if better.0 < best.0 => best = better,
            _ => break,
        }
    }
    best.1
}

/// What moved cuts must keep to.
struct Bounds {
    /// The least work of a chunk.
    smallest: u64,
    /// The most frames.
    read_twice: u64,
}

impl<W: Fn(u64, u64) -> u64> Scale<'_, W> {
    /// All that differ by one cut: it lies at another place between its neighbours, a little behind a keyframe for example,
    /// or is a new one at a keyframe.
    fn neighbours<'s>(&'s self, cuts: &'s [u64], fine: &'s [u64]) -> impl Iterator<Item = Vec<u64>> + 's {
        let end = self.places.frame_count();
        let moved = (0..cuts.len()).flat_map(move |at| {
            let before = at.checked_sub(1).map_or(0, |before| cuts[before]);
            let after = cuts.get(at + 1).copied().unwrap_or(end);
            let fine = fine[fine.partition_point(|place| *place <= before)..].iter().copied();
            let places: Vec<u64> = self.places.within(before, before + 1..=after - 1).collect();
            let places = places.into_iter().chain(fine.take_while(move |place| *place < after));
            places.filter(move |&place| place != cuts[at]).map(move |place| {
                let mut cuts = cuts.to_vec();
                cuts[at] = place;
                cuts
            })
        });
        let added = self.places.keyframes().iter().filter_map(move |&place| {
            let at = cuts.binary_search(&place).err()?;
            let mut cuts = cuts.to_vec();
            cuts.insert(at, place);
            Some(cuts)
        });
        moved.chain(added)
    }

    /// No more is decoded and read in vain than may be, and no chunk is too long, or too small to be worth it.
    fn is_allowed(&self, cuts: &[u64], bounds: &Bounds) -> bool {
        let fits = |(start, end): (u64, u64)| {
            end - start <= self.longest && (self.weight)(start, end) >= bounds.smallest
        };
        self.read_twice(cuts) <= bounds.read_twice && self.chunks(cuts).all(fits)
    }

    /// Some cuts exceed what others may, because the source left no choice: these stay.
    fn bounds(&self, cuts: &[u64]) -> Bounds {
        let weights = self.chunks(cuts).map(|(start, end)| (self.weight)(start, end));
        let frames = self.places.stream.pts.len() as u64;
        Bounds {
            smallest: weights.min().unwrap_or(0).min(self.least),
            read_twice: self.read_twice(cuts).max(frames / MOST_LEAD_IN_PART),
        }
    }

    /// In frames of mean size.
    fn read_twice(&self, cuts: &[u64]) -> u64 {
        let frames = cuts.iter().map(|&cut| match self.places.lead_in(cut) {
            0 => 0,
            lead_in => lead_in + KEYFRAME_FRAMES,
        });
        frames.sum()
    }

    /// When the last slot ends, summed up over cases in which chunks take longer or shorter than expected: what is even
    /// only as long as every estimate is exact is worth little.
    fn cost(&self, cuts: &[u64]) -> u64 {
        let mut chunks: Vec<u64> =
            self.chunks(cuts).map(|(start, end)| self.chunk_cost(start, end)).collect();
        chunks.sort_unstable_by_key(|&cost| Reverse(cost));
        (0..CASES).map(|case| makespan(&chunks, self.slots, case)).sum()
    }

    /// An engine's start costs a sixteenth of the least chunk.
    fn chunk_cost(&self, start: u64, end: u64) -> u64 {
        (self.weight)(start, end) + self.places.lead_in(start) * LEAD_IN_COST_PERMILLE + self.least / 16
    }

    fn chunks<'s>(&self, cuts: &'s [u64]) -> impl Iterator<Item = (u64, u64)> + 's {
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([self.places.frame_count()]);
        starts.zip(ends)
    }
}

/// When the last slot ends if the chunk that seems to be the longest always goes to the slot that is free first (LPT: Graham
/// 1969). The cases differ in which chunks take longer; in the rows of a Hadamard matrix every two do so independently.
fn makespan(longest_first: &[u64], slots: u64, case: u32) -> u64 {
    let mut free: BinaryHeap<Reverse<u64>> = (0..slots).map(|_| Reverse(0)).collect();
    let ends = (0_u32..).zip(longest_first).map(|(rank, &cost)| {
        let error = cost * ERROR_PERMILLE / 1000;
        let real = if (rank & case).count_ones().is_multiple_of(2) { cost + error } else { cost - error };
        let Reverse(start) = free.pop().unwrap_or_default();
        free.push(Reverse(start + real));
        start + real
    });
    ends.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::super::grid::{Draft, Frames, Pace};
    use super::super::timeline::Moment;
    use super::*;
    use crate::domain::source::VideoStream;

    fn check(keyframes: &[u32], slots: u64, cuts: &[u64], expected: &[u64]) {
        let stream = VideoStream { keyframes: keyframes.to_vec(), ..video(1280, 720, (1, 24), 1, 1200) };
        let zero = Moment::new(0, stream.time_base).unwrap();
        let drafts: Vec<Draft> = vec![Frames::new(&stream, zero).draft(Pace::Own, 2)];
        let places = Places::of(&drafts, &stream);
        let weight = |start: u64, end: u64| (end - start) * 1000;
        let scale = Scale { places: &places, weight, slots, least: 48_000, longest: 1440 };
        assert_eq!(evened(cuts.to_vec(), &scale), expected, "{keyframes:?}");
    }

    #[test]
    fn two_slots_end_together() {
        let keyframes = [0, 200, 300, 400, 600, 700, 900, 1000];
        // 500 frames beside 700 before; now 524 and 76 beside 400 and 200, for 24 that are decoded in vain.
        check(&keyframes, 2, &[400, 900], &[400, 924, 1000]);
    }

    #[test]
    fn nothing_moves_where_it_does_not_matter() {
        check(&[0, 600], 2, &[600], &[600]);
        check(&[0, 500], 1, &[500], &[500]);
        check(&[0, 500], 17, &[500], &[500]);
        check(&[0], 2, &[], &[]);
    }
}
