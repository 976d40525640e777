//! Cuts an output into upload parts: all of exactly one size but the last, and at least one. Bytes stay where the pipe put
//! them: a buffer that grows would hold them twice.

use std::collections::VecDeque;

use bytes::Bytes;

/// Collects bytes until a part is full.
#[derive(Debug)]
pub struct Splitter {
    part_size_bytes: usize,
    pieces: VecDeque<Bytes>,
    /// Of all pieces.
    length: usize,
    part_count: u32,
}

/// A part of an output.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Its bytes, in order.
    pub pieces: Vec<Bytes>,
    /// Of all pieces.
    pub length: usize,
}

impl Splitter {
    /// Parts of `part_size_bytes`, which must not be 0.
    pub fn new(part_size_bytes: usize) -> Self {
        assert!(part_size_bytes > 0, "parts of no bytes never end");
        Self { part_size_bytes, pieces: VecDeque::new(), length: 0, part_count: 0 }
    }

    /// Appends bytes; [`Splitter::take_full`] hands out what they fill.
    pub fn append(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// The next full part.
    pub fn take_full(&mut self) -> Option<Part> {
        (self.length >= self.part_size_bytes).then(|| self.take(self.part_size_bytes))
    }

    /// The last part: what is left, or an empty part when there was nothing at all.
    pub fn take_last(&mut self) -> Option<Part> {
        let is_needed = self.length > 0 || self.part_count == 0;
        is_needed.then(|| self.take(self.length))
    }

    fn take(&mut self, length: usize) -> Part {
        self.part_count += 1;
        let mut part = Part { number: self.part_count, pieces: Vec::new(), length };
        let mut wanted = length;
        while wanted > 0
            && let Some(mut piece) = self.pieces.pop_front()
        {
            let taken = piece.split_to(wanted.min(piece.len()));
            wanted -= taken.len();
            part.pieces.push(taken);
            if !piece.is_empty() {
                self.pieces.push_front(piece);
            }
        }
        self.length -= length;
        part
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
                splitter.append(Bytes::from(vec![7; *length]));
                parts.extend(std::iter::from_fn(|| splitter.take_full()));
            }
            parts.extend(splitter.take_last());
            let numbers: Vec<_> = parts.iter().map(|part| part.number).collect();
            let lengths: Vec<_> = parts.iter().map(|part| part.pieces.concat().len()).collect();
            assert!(parts.iter().all(|part| part.length == part.pieces.concat().len()), "{appended:?}");
            assert_eq!(lengths, expected, "{appended:?}");
            assert_eq!(numbers, (1..=parts.len() as u32).collect::<Vec<_>>());
        }
    }
}
