//! Keeps lips in sync: where the times of the source leave a gap, silence goes in; where they overlap,
//! samples go. All of it is counted in samples of the source, from the first that sounds.

use crate::error::{Error, Result};

/// A longer hole is a broken time, not a pause.
const MAX_GAP_SECONDS: i64 = 3600;
/// More overlap than this is a clock that was set back (a joined recording), not a repetition.
const MAX_OVERLAP_SECONDS: i64 = 1;

/// How much sound there is so far.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    next: i64,
    /// By how much the source's clock was set back.
    set_back: i64,
    tolerance: i64,
    max_gap: i64,
    max_overlap: i64,
}

/// What a decoded frame needs before it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// Samples of silence before it.
    pub silence: usize,
    /// Samples at its start that are dropped.
    pub drop: usize,
}

impl Timeline {
    /// Times that are off by no more than `tolerance` samples are taken for rounding of the container.
    pub fn new(tolerance: u32, sample_rate_hz: u32) -> Self {
        let rate = i64::from(sample_rate_hz);
        let (max_gap, max_overlap) = (MAX_GAP_SECONDS * rate, MAX_OVERLAP_SECONDS * rate);
        Self { next: 0, set_back: 0, tolerance: tolerance.into(), max_gap, max_overlap }
    }

    /// Places a frame of `count` samples that says it starts at `start`; none: right behind the one before.
    pub fn place(&mut self, start: Option<i64>, count: usize) -> Result<Placement> {
        let mut gap = start.map_or(0, |start| start.saturating_add(self.set_back) - self.next);
        if gap < -self.max_overlap {
            self.set_back -= gap;
            gap = 0;
        }
        if gap > self.max_gap {
            return Err(Error::Source(format!("the sound has a hole of {gap} samples")));
        }
        let silence = if gap > self.tolerance { gap } else { 0 };
        let drop = if gap < -self.tolerance { gap.unsigned_abs().min(count as u64) as usize } else { 0 };
        self.next += silence + (count - drop) as i64;
        Ok(Placement { silence: silence as usize, drop })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frames: &[(Option<i64>, usize)], expected: &[(usize, usize)]) {
        let mut timeline = Timeline::new(1024, 48_000);
        let placed: Vec<_> =
            frames.iter().map(|(start, count)| timeline.place(*start, *count).unwrap()).collect();
        let expected: Vec<_> = expected.iter().map(|&(silence, drop)| Placement { silence, drop }).collect();
        assert_eq!(placed, expected);
    }

    #[test]
    fn rounding_of_the_container_moves_nothing() {
        check(&[(Some(0), 1000), (Some(1024), 1000), (Some(1990), 1000), (None, 10)], &[(0, 0); 4]);
    }

    #[test]
    fn gaps_become_silence_and_overlaps_go() {
        check(&[(Some(0), 1000), (Some(5000), 1000), (Some(6000), 10)], &[(0, 0), (4000, 0), (0, 0)]);
        check(&[(Some(0), 9000), (Some(2000), 1000), (Some(3000), 7000)], &[(0, 0), (0, 1000), (0, 6000)]);
    }

    #[test]
    fn small_errors_that_add_up_are_made_good_when_they_exceed_the_tolerance() {
        check(&[(Some(0), 100), (Some(700), 100), (Some(1400), 100)], &[(0, 0), (0, 0), (1200, 0)]);
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on_without_a_break() {
        let back = 600_000;
        check(
            &[(Some(back), 1000), (Some(0), 1000), (Some(1000), 1000), (Some(9000), 10)],
            &[(back as usize, 0), (0, 0), (0, 0), (7000, 0)],
        );
    }

    #[test]
    fn an_absurd_time_is_the_sources_fault() {
        assert!(Timeline::new(1024, 48_000).place(Some(i64::MAX / 2), 1).is_err());
    }
}
