//! How a stream's pictures are to be turned for display.

use ffmpeg_next::Stream;
use ffmpeg_next::codec::packet::side_data;

/// The display matrix (ISO/IEC 14496-12 §6.2.2) as a mirroring and a clockwise turn after it.
pub struct Turn {
    /// Left and right are swapped first.
    pub mirrored: bool,
    /// The nearest quarter.
    pub degrees: u32,
    /// It is one, but for a few degrees.
    pub is_quarter: bool,
}

impl Turn {
    /// What a stream states; nothing is upright.
    pub fn of(stream: &Stream) -> Self {
        let matrix = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
        let entries = matrix.and_then(|data| data.data().first_chunk::<20>().copied()).unwrap_or_default();
        let entry =
            |at: usize| i64::from(i32::from_ne_bytes(entries[at..at + 4].try_into().expect("four bytes")));
        Self::of_matrix([entry(0), entry(4), entry(12), entry(16)])
    }

    /// A pixel's step to the right goes by (a, b), one down by (c, d).
    fn of_matrix([a, b, c, d]: [i64; 4]) -> Self {
        let mirrored = i128::from(a) * i128::from(d) < i128::from(b) * i128::from(c);
        let (a, b) = if mirrored { (-a, -b) } else { (a, b) };
        let degrees = match (a.abs() >= b.abs(), a >= 0, b >= 0) {
            (true, true, _) => 0,
            (true, false, _) => 180,
            (false, _, true) => 90,
            (false, _, false) => 270,
        };
        let is_quarter = a.abs().min(b.abs()) <= a.abs().max(b.abs()) / 10;
        Self { mirrored, degrees, is_quarter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(matrix: [i64; 4], expected: (bool, u32, bool)) {
        let turn = Turn::of_matrix(matrix);
        assert_eq!((turn.mirrored, turn.degrees, turn.is_quarter), expected, "{matrix:?}");
    }

    #[test]
    fn a_matrix_is_a_mirroring_and_a_quarter_turn() {
        check([1, 0, 0, 1], (false, 0, true));
        check([0, 1, -1, 0], (false, 90, true));
        check([-1, 0, 0, -1], (false, 180, true));
        check([0, -1, 1, 0], (false, 270, true));
        check([-1, 0, 0, 1], (true, 0, true));
        check([1, 0, 0, -1], (true, 180, true));
        // Transposed: to the right goes down, down goes to the right.
        check([0, 1, 1, 0], (true, 270, true));
        check([0, -1, -1, 0], (true, 90, true));
    }

    #[test]
    fn odd_angles_and_empty_matrices_are_taken_as_the_nearest() {
        check([46_341, 46_341, -46_341, 46_341], (false, 0, false));
        check([30, 60, -60, 30], (false, 90, false));
        check([0, 0, 0, 0], (false, 0, true));
    }
}
