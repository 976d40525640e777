//! Whether the frames of a stream come evenly.

use serde::Serialize;

use crate::domain::Rational;
use crate::domain::source::VideoStream;

/// How the frames of a stream follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Even or not.
    pub kind: Pace,
    /// Frames per second: of all, or on average.
    pub nominal: Rational,
}

/// How evenly frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Every frame within a tick of where an even grid has it.
    Constant,
    /// Some frame is not.
    Variable,
    /// There are no two frames to compare.
    Single,
}

/// The rate of a stream.
pub(super) fn of(stream: &VideoStream) -> Rate {
    Rate { kind: pace(&stream.pts), nominal: stream.frame_rate }
}

/// Time bases such as the millisecond round every time by up to half a tick, the first and the last too.
fn pace(pts: &[i64]) -> Pace {
    let [first, .., last] = pts else { return Pace::Single };
    let (span, intervals) = (i128::from(*last) - i128::from(*first), pts.len() as i128 - 1);
    let off_grid = |(position, pts): (usize, &i64)| {
        let exact = span * position as i128;
        (i128::from(*pts) - i128::from(*first)) * intervals - exact
    };
    match pts.iter().enumerate().map(off_grid).all(|error| error.abs() <= intervals) {
        true => Pace::Constant,
        false => Pace::Variable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pts: &[i64], expected: Pace) {
        assert_eq!(pace(pts), expected, "{pts:?}");
    }

    #[test]
    fn rounded_times_are_even_and_missing_frames_are_not() {
        check(&[0, 1001, 2002, 3003], Pace::Constant);
        check(&[0, 33, 67, 100, 133, 167], Pace::Constant);
        check(&[0, 40, 80, 160, 200, 240], Pace::Variable);
        check(&[i64::MIN, 0, i64::MAX], Pace::Constant);
        check(&[7], Pace::Single);
        check(&[], Pace::Single);
    }
}
