//! Cuts an output into upload parts: all of exactly one size but the last, and at least one.

use bytes::{Bytes, BytesMut};

/// Collects bytes until a part is full.
#[derive(Debug)]
pub struct Splitter {
    part_size_bytes: usize,
    buffer: BytesMut,
    part_count: u32,
}

impl Splitter {
    /// Parts of `part_size_bytes`, which must not be 0.
    pub fn new(part_size_bytes: usize) -> Self {
        assert!(part_size_bytes > 0, "parts of no bytes never end");
        Self { part_size_bytes, buffer: BytesMut::new(), part_count: 0 }
    }

    /// Appends bytes; [`Splitter::take_full`] hands out what they fill.
    pub fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next full part and its number, from 1.
    pub fn take_full(&mut self) -> Option<(u32, Bytes)> {
        (self.buffer.len() >= self.part_size_bytes).then(|| self.take(self.part_size_bytes))
    }

    /// The last part: what is left, or an empty part when there was nothing at all.
    pub fn take_last(&mut self) -> Option<(u32, Bytes)> {
        let is_needed = !self.buffer.is_empty() || self.part_count == 0;
        is_needed.then(|| self.take(self.buffer.len()))
    }

    fn take(&mut self, length: usize) -> (u32, Bytes) {
        self.part_count += 1;
        (self.part_count, self.buffer.split_to(length).freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_full_but_the_last_and_there_is_at_least_one() {
        let table: [(&[usize], &[usize]); 6] = [
            (&[], &[0]),
            (&[3], &[3]),
            (&[4], &[4]),
            (&[4, 4], &[4, 4]),
            (&[1, 2, 3, 4], &[4, 4, 2]),
            (&[9, 0], &[4, 4, 1]),
        ];
        for (appended, expected) in table {
            let mut splitter = Splitter::new(4);
            let mut parts = Vec::new();
            for length in appended {
                splitter.append(&vec![7; *length]);
                parts.extend(std::iter::from_fn(|| splitter.take_full()));
            }
            parts.extend(splitter.take_last());
            let numbers: Vec<_> = parts.iter().map(|(number, _)| *number).collect();
            let lengths: Vec<_> = parts.iter().map(|(_, bytes)| bytes.len()).collect();
            assert_eq!(lengths, expected, "{appended:?}");
            assert_eq!(numbers, (1..=parts.len() as u32).collect::<Vec<_>>());
        }
    }
}
