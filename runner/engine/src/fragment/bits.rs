//! Reads bit fields of codec headers, most significant bit first. Past the end there are zeros; callers ask
//! [`Bits::overrun`] once at the end.

/// A position in a byte string.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// The next bits as a number, at most 32.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | u32::from(self.flag()))
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> bool {
        let byte = self.data.get(self.position / 8).copied().unwrap_or(0);
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        bit == 1
    }

    /// Passes over bits.
    pub(super) fn skip(&mut self, count: u32) {
        self.position += count as usize;
    }

    /// An Exp-Golomb number (ISO/IEC 14496-10 §9.1), which AV1 calls `uvlc`.
    pub(super) fn exp_golomb(&mut self) -> u32 {
        let mut zeros = 0;
        while zeros < 31 && !self.flag() {
            zeros += 1;
        }
        (1 << zeros) - 1 + self.take(zeros)
    }

    /// More was read than there was.
    pub(super) fn overrun(&self) -> bool {
        self.position > self.data.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_exp_golomb_numbers_are_read_in_order() {
        // 101 | 1 | 010 | 011 | 00100 | 0
        let mut bits = Bits::new(&[0b1011_0100, 0b1100_1000]);
        assert_eq!(bits.take(3), 5);
        assert_eq!(
            [bits.exp_golomb(), bits.exp_golomb(), bits.exp_golomb(), bits.exp_golomb()],
            [0, 1, 2, 3]
        );
        assert!(!bits.overrun());
        bits.skip(2);
        assert!(bits.overrun());
    }
}
