//! Whether what was read of an input is what its digest says: a hash over the bytes that pass, as long as they
//! are read in order from the first to the last. Reading from the first byte again starts the hash again.

use sha2::{Digest, Sha256};

/// An input's digest and what passed of the input so far.
#[derive(Clone, Debug)]
pub struct Check {
    expected: [u8; 32],
    size_bytes: u64,
    hash: Sha256,
    hashed_bytes: u64,
    verdict: Verdict,
}

/// What is known of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not read from end to end.
    Incomplete,
    /// Every reading from end to end gave the bytes that the digest stands for.
    Same,
    /// Some reading did not.
    Different,
}

impl Check {
    /// Nothing read yet.
    pub fn new(expected: [u8; 32], size_bytes: u64) -> Self {
        let mut check =
            Self { expected, size_bytes, hash: Sha256::new(), hashed_bytes: 0, verdict: Verdict::Incomplete };
        check.judge();
        check
    }

    /// Takes note of bytes that were read at an offset.
    pub fn pass(&mut self, offset: u64, bytes: &[u8]) {
        if offset == 0 {
            (self.hash, self.hashed_bytes) = (Sha256::new(), 0);
        }
        // Bytes that overlap those before count once; a gap is only closed by reading its bytes.
        let known = self.hashed_bytes.checked_sub(offset).and_then(|known| usize::try_from(known).ok());
        let news = known.and_then(|known| bytes.get(known..)).unwrap_or_default();
        if news.is_empty() {
            return;
        }
        self.hash.update(news);
        self.hashed_bytes += news.len() as u64;
        self.judge();
    }

    /// What is known now.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn judge(&mut self) {
        if self.hashed_bytes == self.size_bytes && self.verdict != Verdict::Different {
            let is_same = self.hash.clone().finalize()[..] == self.expected;
            self.verdict = if is_same { Verdict::Same } else { Verdict::Different };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"every byte once";

    /// The verdict after these parts of `BYTES` were read.
    fn after(reads: &[(usize, usize)]) -> Verdict {
        let mut check = Check::new(Sha256::digest(BYTES).into(), BYTES.len() as u64);
        for (start, end) in reads {
            check.pass(*start as u64, &BYTES[*start..*end]);
        }
        check.verdict()
    }

    #[test]
    fn only_a_reading_from_end_to_end_verifies() {
        let table = [
            (&[(0, 15)][..], Verdict::Same),
            (&[(0, 4), (4, 9), (9, 15)], Verdict::Same),
            (&[(0, 4), (4, 9)], Verdict::Incomplete),
            (&[(4, 15), (0, 4)], Verdict::Incomplete),
            (&[(0, 4), (5, 15)], Verdict::Incomplete),
            (&[(0, 4), (2, 9), (9, 15)], Verdict::Same),
            (&[(0, 4), (0, 9), (9, 15)], Verdict::Same),
            (&[(0, 15), (3, 7)], Verdict::Same),
        ];
        for (reads, expected) in table {
            assert_eq!(after(reads), expected, "{reads:?}");
        }
    }

    #[test]
    fn a_difference_stays_one_whatever_is_read_later() {
        let mut check = Check::new(Sha256::digest(BYTES).into(), BYTES.len() as u64);
        check.pass(0, b"every byte twice");
        check.pass(0, b"every bite once");
        assert_eq!(check.verdict(), Verdict::Different);
        check.pass(0, BYTES);
        assert_eq!(check.verdict(), Verdict::Different);
    }

    #[test]
    fn an_empty_object_needs_no_reading() {
        assert_eq!(Check::new(Sha256::digest(b"").into(), 0).verdict(), Verdict::Same);
    }
}
