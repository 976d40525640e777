//! Moments on different time bases, compared and subtracted without rounding on the way.

use crate::domain::Rational;

/// Moments further than this from zero are refused: it is 500 years, and keeps all sums below within 128 bits.
const MAX_SECONDS: i128 = 1 << 34;

/// A point in the source's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    ticks: i64,
    base: Rational,
}

impl Moment {
    /// None: the time base or the time is out of all bounds.
    pub(super) fn new(ticks: i64, base: Rational) -> Option<Self> {
        let bounded = |part: i64| (1..=i64::from(i32::MAX)).contains(&part);
        if !bounded(base.numerator) || !bounded(base.denominator) {
            return None;
        }
        let numerator = i128::from(ticks) * i128::from(base.numerator);
        let near = numerator.abs() <= MAX_SECONDS * i128::from(base.denominator);
        near.then_some(Self { ticks, base })
    }

    /// Ticks of `1 / timescale` seconds from `earlier` to here, rounded to the nearest, halves up.
    pub(super) fn since(self, earlier: Moment, timescale: u32) -> i64 {
        let down = i128::from(self.base.denominator) * i128::from(earlier.base.denominator);
        let up = self.difference(earlier) * i128::from(timescale);
        i64::try_from((2 * up + down).div_euclid(2 * down)).expect("500 years of ticks fit in 63 bits")
    }

    /// The earlier of the two.
    pub(super) fn or_earlier(self, other: Moment) -> Moment {
        if other.difference(self) < 0 { other } else { self }
    }

    /// In units of the product of both denominators.
    fn difference(self, other: Moment) -> i128 {
        let cross = |moment: Moment, by: Rational| {
            i128::from(moment.ticks) * i128::from(moment.base.numerator) * i128::from(by.denominator)
        };
        cross(self, other.base) - cross(other, self.base)
    }
}

/// The position of the first of times, which never fall, that is not before this one. They are mostly even, so where it is
/// can be told without a search; films of ten hours are asked hundreds of thousands of times.
pub(super) fn first_from(times: &[i64], time: i64) -> usize {
    let is_first = |at: &usize| times[*at] == time && (*at == 0 || times[*at - 1] < time);
    let found = if_even(times, time).filter(is_first);
    found.unwrap_or_else(|| times.partition_point(|&other| other < time))
}

/// Where a time would be if all were equally far apart.
fn if_even(times: &[i64], time: i64) -> Option<usize> {
    let (first, last) = (*times.first()?, *times.last()?);
    let (passed, length) = (time.checked_sub(first)?, last.checked_sub(first)?);
    // A cast of a float saturates, and rounds down; what is no number is 0.
    let at = (passed as f64 / length as f64 * (times.len() - 1) as f64 + 0.5) as usize;
    Some(at.min(times.len() - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_time_from_another_is_found_with_or_without_a_guess(
            steps in proptest::collection::vec(0_i64..3, 0..60), start in -50_i64..50, time in -100_i64..200,
        ) {
            let times: Vec<i64> = steps.iter().scan(start, |at, step| { *at += step; Some(*at) }).collect();
            let expected = times.iter().position(|&other| other >= time).unwrap_or(times.len());
            prop_assert_eq!(first_from(&times, time), expected);
        }
    }

    #[test]
    fn times_at_the_ends_of_the_world_are_found() {
        let times = [i64::MIN, 0, i64::MAX];
        assert_eq!(times.map(|time| first_from(&times, time)), [0, 1, 2]);
    }

    fn at(ticks: i64, numerator: i64, denominator: i64) -> Moment {
        Moment::new(ticks, Rational { numerator, denominator }).unwrap()
    }

    #[test]
    fn differences_between_time_bases_are_exact() {
        assert_eq!(at(1001, 1, 30_000).since(at(0, 1, 48_000), 30_000), 1001);
        assert_eq!(at(1, 1, 24).since(at(1000, 1, 48_000), 48_000), 1000);
        assert_eq!(at(0, 1, 24).since(at(-1024, 1, 44_100), 44_100), 1024);
    }

    #[test]
    fn the_earlier_moment_is_found_across_time_bases() {
        let earlier = at(333, 1, 1000).or_earlier(at(1, 1, 3));
        assert_eq!(earlier.since(at(0, 1, 1), 1000), 333);
    }

    #[test]
    fn absurd_times_and_time_bases_are_refused() {
        assert!(Moment::new(i64::MAX, Rational { numerator: 1, denominator: 1000 }).is_none());
        assert!(Moment::new(0, Rational { numerator: 0, denominator: 1 }).is_none());
        assert!(Moment::new(0, Rational { numerator: 1, denominator: i64::MAX }).is_none());
    }
}
