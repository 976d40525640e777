//! Stragglers: when nothing is ready, an idle slot may take a second attempt of a task whose first one takes too long.
//! The first accepted result wins. What an attempt still takes is told by its estimate and, the longer it runs the more,
//! by how far it has got.

use super::super::time::Timestamp;

/// A copy must promise to end by this factor sooner, in percent: estimates are not better, and its bytes cost too.
const MARGIN_PERCENT: u64 = 125;

/// And by this much on top: it has to start, and to read its input.
const MARGIN_MS: u64 = 2_000;

/// An attempt is believed to have got at least this share of its way, as a divisor: encoders hold frames back, and
/// progress that is told is a beat old.
const LEAST_PROGRESS: u64 = 16;

/// A running attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// When it was leased.
    pub leased_at: Timestamp,
    /// What it was expected to take.
    pub expected_ms: u64,
    /// Of its task, in the unit of its progress.
    pub size: u64,
    /// As told last.
    pub progress: u64,
}

impl Running {
    /// When it will end, as it looks at the moment of its latest word.
    pub fn ends_at(self, now: Timestamp) -> Timestamp {
        let ran_ms = now.since_ms(self.leased_at);
        let by_estimate_ms = self.expected_ms.saturating_sub(ran_ms);
        let size = self.size.max(1);
        let got = self.progress.min(size).max(size.div_ceil(LEAST_PROGRESS));
        let by_progress_ms = u128::from(ran_ms) * u128::from(size - got) / u128::from(got);
        let by_progress_ms = u64::try_from(by_progress_ms).unwrap_or(u64::MAX);
        // How much of its time it has had is how much its progress says.
        let share = (ran_ms as f64 / self.expected_ms.max(1) as f64).min(1.0);
        let left_ms = share * by_progress_ms as f64 + (1.0 - share) * by_estimate_ms as f64;
        now.plus_ms(left_ms as i64)
    }
}

/// What an attempt that was to end at `ends_at` will still take: when that is past, as long again as it is late.
pub fn left_ms(ends_at: Timestamp, now: Timestamp) -> u64 {
    if ends_at > now { ends_at.since_ms(now) } else { now.since_ms(ends_at) }
}

/// What a copy of `copy_ms` would gain against an attempt that takes `left_ms` more; none when it is not worth it.
pub fn gain_ms(left_ms: u64, copy_ms: u64) -> Option<u64> {
    let needed = copy_ms.saturating_mul(MARGIN_PERCENT) / 100 + MARGIN_MS;
    (left_ms > needed).then(|| left_ms - copy_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task of 10 s that has run for so long and got so far, of 100; a copy would take 10 s.
    fn check(ran_ms: i64, progress: u64, expected: bool) {
        let running = Running { leased_at: Timestamp(0), expected_ms: 10_000, size: 100, progress };
        let now = Timestamp(ran_ms);
        let gain = gain_ms(left_ms(running.ends_at(now), now), 10_000);
        assert_eq!(gain.is_some(), expected, "{progress} % after {ran_ms} ms: {gain:?}");
    }

    #[test]
    fn one_that_goes_as_expected_is_left_alone() {
        for percent in 0..=100_u64 {
            check(percent as i64 * 100, percent, false);
            // Half as fast: a copy would gain too little.
            check(percent as i64 * 200, percent, false);
            // Ten frames are held back.
            check(percent as i64 * 100, percent.saturating_sub(10), false);
        }
    }

    #[test]
    fn one_that_is_ten_times_slower_is_copied_before_its_time_is_up() {
        check(500, 0, false);
        check(5_000, 5, true);
        check(10_000, 10, true);
        check(60_000, 60, true);
        check(95_000, 95, false);
    }

    #[test]
    fn one_that_is_not_heard_of_is_overdue_for_longer_and_longer() {
        assert_eq!(left_ms(Timestamp(5_000), Timestamp(2_000)), 3_000);
        assert_eq!(left_ms(Timestamp(5_000), Timestamp(25_000)), 20_000);
    }

    proptest! {
        #[test]
        fn more_progress_never_makes_it_end_later(
            ran_ms in 0_i64..1_000_000, expected_ms in 0_u64..1_000_000, size in 1_u64..100_000, progress in 0_u64..100_000,
        ) {
            let running = Running { leased_at: Timestamp(0), expected_ms, size, progress };
            let further = Running { progress: progress + 1, ..running };
            let now = Timestamp(ran_ms);
            prop_assert!(further.ends_at(now) <= running.ends_at(now));
            prop_assert!(running.ends_at(now) >= now);
        }

        #[test]
        fn a_copy_is_made_only_where_it_ends_sooner(left in 0_u64..1_000_000, copy in 0_u64..1_000_000) {
            match gain_ms(left, copy) {
                Some(gain) => prop_assert!(gain > 0 && copy < left),
                None => prop_assert!(left <= copy * 5 / 4 + MARGIN_MS),
            }
        }
    }
}
