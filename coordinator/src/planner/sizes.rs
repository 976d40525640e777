//! How large the next chunk should be: large ones first, smaller ones at the end, so that all slots end at about the same
//! time whatever their speed and whatever a chunk really takes. Each chunk is a share of the work that is left (guided
//! self-scheduling: Polychronopoulos and Kuck 1987). Work is counted in pixels of output, weighted by the effort that is
//! expected of them: a minute of titles is less than a minute of battle.

use super::grid::Draft;
use crate::domain::plan::{ORDINARY_EFFORT_PERMILLE, Rendition};

/// Longer chunks cost too much when a runner vanishes.
const MAX_CHUNK_MS: u64 = 60_000;

/// Chunks into which the work that is left would be cut for each slot: a slot of a third of the mean speed still ends the
/// first one in time.
const SHARES_PER_SLOT: u64 = 4;

/// Pixels that are worth an engine of their own: about two seconds of a processor.
const LEAST_PIXELS: u64 = 100_000_000;

/// Slots of one machine, most likely.
const FEW_SLOTS: u64 = 2;

/// The rule for one video.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    slots: u64,
    /// Frames of the first grid, times thousandths of effort.
    least: u64,
    most_gops: u64,
}

impl Sizes {
    /// For a ladder over these grids, and so many slots.
    pub(super) fn of(drafts: &[Draft], ladder: &[Rendition], slots: u32) -> Self {
        let primary = &drafts[0];
        let gop_ms = gop_ms(primary).max(1);
        // GOPs of all grids last equally long, so each rendition has as many.
        let pixels = ladder.iter().map(|rendition| {
            let grid = drafts.get(rendition.grid_index as usize).unwrap_or(primary);
            u64::from(rendition.width) * u64::from(rendition.height) * u64::from(grid.gop_frames)
        });
        let gop_pixels = pixels.fold(0, u64::saturating_add).max(1);
        let gop_weight = u64::from(primary.gop_frames) * u64::from(ORDINARY_EFFORT_PERMILLE);
        let least = u128::from(LEAST_PIXELS) * u128::from(gop_weight) / u128::from(gop_pixels);
        Self {
            slots: u64::from(slots.max(1)),
            least: u64::try_from(least).unwrap_or(u64::MAX),
            most_gops: (MAX_CHUNK_MS / gop_ms).max(1),
        }
    }

    /// Who works on it.
    pub(super) fn slots(&self) -> u64 {
        self.slots
    }

    /// The least work that is worth an engine of its own, in frames of the first grid times thousandths of effort.
    pub(super) fn least(&self) -> u64 {
        self.least
    }

    /// Frames that the longest chunk has.
    pub(super) fn longest(&self, gop_frames: u64) -> u64 {
        self.most_gops.saturating_mul(gop_frames)
    }

    /// The largest chunk that does not keep the others waiting, given the weight of all: three quarters of a slot's share,
    /// or half of that where there are so many slots that they are not equally fast.
    pub(super) fn most_of(&self, total: u64) -> u64 {
        let eighths = if self.slots <= FEW_SLOTS { 6 } else { 3 };
        total / 8 * eighths / self.slots
    }

    /// Larger chunks where the rule makes the smallest, and in the end everywhere.
    pub(super) fn coarser(self) -> Self {
        let least = self.least.max(1);
        Self {
            least: least.saturating_add(least.div_ceil(3)),
            most_gops: self.most_gops.saturating_add(1),
            ..self
        }
    }

    /// GOPs of the next chunk, of those whose weights are given and sum up to `left`; at least one.
    pub(super) fn gops_of_next(&self, weights: impl Iterator<Item = u64>, left: u64) -> u64 {
        let target = (left / (SHARES_PER_SLOT * self.slots)).max(self.least);
        let mut sum = 0;
        let more = |weight: &u64| {
            // To the nearest GOP: one that is more than half beyond the target is left out.
            let wanted = sum + *weight / 2 <= target;
            sum += *weight;
            wanted
        };
        (weights.take_while(more).count() as u64).clamp(1, self.most_gops)
    }
}

fn gop_ms(draft: &Draft) -> u64 {
    let rate = draft.frame_rate;
    let numerator = i128::from(draft.gop_frames) * 1000 * i128::from(rate.denominator);
    u64::try_from(numerator / i128::from(rate.numerator.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GOPs of all chunks of a video of so many ordinary GOPs of 48 frames, two seconds each.
    fn check(gop_count: usize, slots: u64, least_gops: u64, expected: &[u64]) {
        let sizes = Sizes { slots, least: least_gops * 48_000, most_gops: 30 };
        let weights = vec![48_000; gop_count];
        let mut rest = weights.as_slice();
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let gops = sizes.gops_of_next(rest.iter().copied(), 48_000 * rest.len() as u64);
            chunks.push(gops);
            rest = &rest[usize::try_from(gops).unwrap()..];
        }
        assert_eq!(chunks, expected, "{gop_count} GOPs on {slots} slots");
    }

    #[test]
    fn chunks_are_shares_of_what_is_left() {
        check(26, 2, 1, &[3, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        check(26, 2, 4, &[4, 4, 4, 4, 4, 4, 2]);
        check(10, 100, 1, &[1; 10]);
        check(130, 1, 10, &[30, 25, 19, 14, 11, 10, 10, 10, 1]);
    }

    #[test]
    fn easy_stretches_make_longer_chunks() {
        let sizes = Sizes { slots: 1, least: 96_000, most_gops: 30 };
        let weights = [[12_000; 10], [48_000; 10]].concat();
        assert_eq!(sizes.gops_of_next(weights.into_iter(), 600_000), 11);
        assert_eq!(sizes.gops_of_next([48_000; 10].into_iter(), 480_000), 3);
        assert_eq!(sizes.gops_of_next([u64::MAX / 2].into_iter(), u64::MAX / 2), 1);
        assert_eq!(sizes.gops_of_next([0; 50].into_iter(), 0), 30);
    }
}
