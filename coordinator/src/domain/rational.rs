//! Exact fractions for time bases and rates. Media times never pass through floating point.

use serde::{Deserialize, Serialize};

/// A fraction; `denominator` is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rational {
    /// Above the line.
    pub numerator: i64,
    /// Below the line.
    pub denominator: i64,
}

impl Rational {
    /// A fraction in lowest terms; none when `denominator` is 0.
    pub fn new(numerator: i64, denominator: i64) -> Option<Self> {
        if denominator == 0 || numerator == i64::MIN || denominator == i64::MIN {
            return None;
        }
        let divisor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1);
        let divisor = i64::try_from(divisor).ok()?;
        let sign = denominator.signum();
        Some(Self { numerator: sign * numerator / divisor, denominator: sign * denominator / divisor })
    }

    /// `ticks` of this time base in ticks of `other`, rounded to the nearest, halves up.
    pub fn rescale(self, ticks: i64, other: Rational) -> i64 {
        let up = i128::from(ticks) * i128::from(self.numerator) * i128::from(other.denominator);
        let down = i128::from(self.denominator) * i128::from(other.numerator);
        let rounded = (2 * up + down).div_euclid(2 * down);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }

    /// The nearest whole number, halves up.
    pub fn round(self) -> i64 {
        (2 * self.numerator + self.denominator).div_euclid(2 * self.denominator)
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ticks: i64, from: (i64, i64), to: (i64, i64), expected: i64) {
        let base = |(numerator, denominator)| Rational::new(numerator, denominator).unwrap();
        assert_eq!(base(from).rescale(ticks, base(to)), expected);
    }

    #[test]
    fn rescaling_is_exact_and_rounds_halves_up() {
        check(1, (1, 24), (1, 24_000), 1000);
        check(1001, (1, 30_000), (1, 1000), 33);
        check(1, (1, 2), (1, 1), 1);
        check(-1, (1, 2), (1, 1), 0);
        check(i64::MAX / 2, (1, 90_000), (1, 90_000), i64::MAX / 2);
    }

    #[test]
    fn fractions_are_in_lowest_terms_with_a_positive_denominator() {
        assert_eq!(Rational::new(50, -100), Rational::new(-1, 2));
        assert_eq!(Rational::new(1, 0), None);
    }

    #[test]
    fn rates_round_to_whole_frames() {
        assert_eq!(Rational::new(30_000, 1001).unwrap().round(), 30);
        assert_eq!(Rational::new(25, 2).unwrap().round(), 13);
    }
}
