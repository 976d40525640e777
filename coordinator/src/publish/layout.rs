//! How a file is put together inside the store: of objects that are copied as they are, and, where some are too small to
//! be a part of an upload, of bytes that are read and written again, so few at a time that memory does not grow.

use std::ops::Range;

/// S3's rule for every part but the last.
const MIN_PART_BYTES: u64 = 5 << 20;

/// S3's limit on a part.
const MAX_PART_BYTES: u64 = 5 << 30;

/// S3's limit on the parts of an upload.
const MAX_PARTS: usize = 10_000;

/// A part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The store copies it.
    Copy(Piece),
    /// It comes by here: of several pieces.
    Gather(Vec<Piece>),
}

/// Bytes of one of the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which object.
    pub object: usize,
    /// Which of its bytes.
    pub range: Range<u64>,
}

impl Piece {
    fn size_bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The parts of the file that objects of these sizes make, end to end; none when there would be too many.
pub fn parts(sizes: &[u64]) -> Option<Vec<Part>> {
    let (mut parts, mut small) = (Vec::new(), Vec::new());
    for (object, &size) in sizes.iter().enumerate() {
        let mut start = 0;
        let gathered = total(&small);
        if gathered > 0 {
            // What is gathered is filled up to a part; a rest too small for one is gathered too.
            let needed = MIN_PART_BYTES.saturating_sub(gathered).min(size);
            start = if size - needed >= MIN_PART_BYTES { needed } else { size };
            small.push(Piece { object, range: 0..start });
        }
        if total(&small) >= MIN_PART_BYTES {
            parts.push(Part::Gather(std::mem::take(&mut small)));
        }
        match size - start {
            0 => {}
            rest if rest >= MIN_PART_BYTES || object + 1 == sizes.len() => {
                parts.extend(copies(object, start..size))
            }
            _ => small.push(Piece { object, range: start..size }),
        }
    }
    if !small.is_empty() {
        parts.push(Part::Gather(small));
    }
    (parts.len() <= MAX_PARTS).then_some(parts)
}

/// Bytes that would come by here.
pub fn gathered_bytes(parts: &[Part]) -> u64 {
    let gathered = |part: &Part| match part {
        Part::Copy(_) => 0,
        Part::Gather(pieces) => total(pieces),
    };
    parts.iter().map(gathered).sum()
}

fn total(pieces: &[Piece]) -> u64 {
    pieces.iter().map(Piece::size_bytes).sum()
}

/// A range as one copy, or as equal ones where a part cannot be so large.
fn copies(object: usize, range: Range<u64>) -> impl Iterator<Item = Part> {
    let size = range.end - range.start;
    let count = size.div_ceil(MAX_PART_BYTES);
    let at = move |number: u64| range.start + size / count * number + (size % count).min(number);
    (0..count).map(move |number| Part::Copy(Piece { object, range: at(number)..at(number + 1) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// `c` for a copy, `g` for what is gathered, each with its objects and sizes.
    fn told(sizes: &[u64]) -> String {
        let piece = |piece: &Piece| format!("{}[{}..{}]", piece.object, piece.range.start, piece.range.end);
        let part = |part: &Part| match part {
            Part::Copy(copied) => format!("c{}", piece(copied)),
            Part::Gather(pieces) => format!("g{}", pieces.iter().map(piece).collect::<String>()),
        };
        parts(sizes).expect("few parts").iter().map(part).collect::<Vec<_>>().join(" ")
    }

    /// Every byte once and in order, every part but the last large enough, little memory.
    fn check(sizes: &[u64]) {
        let parts = parts(sizes).expect("few parts");
        let pieces = parts.iter().flat_map(|part| match part {
            Part::Copy(piece) => std::slice::from_ref(piece),
            Part::Gather(pieces) => pieces,
        });
        let mut seen = vec![0; sizes.len()];
        for piece in pieces {
            assert_eq!(piece.range.start, seen[piece.object], "{sizes:?}");
            assert!(seen[..piece.object] == sizes[..piece.object], "in order: {sizes:?}");
            seen[piece.object] = piece.range.end;
        }
        assert_eq!(seen, sizes);
        for (at, part) in parts.iter().enumerate() {
            let (size, most) = match part {
                Part::Copy(piece) => (piece.size_bytes(), MAX_PART_BYTES),
                Part::Gather(pieces) => (total(pieces), 3 * MIN_PART_BYTES),
            };
            assert!(size <= most && (size >= MIN_PART_BYTES || at + 1 == parts.len()), "{sizes:?}");
        }
    }

    #[test]
    fn large_objects_are_copied_and_small_ones_gathered() {
        assert_eq!(told(&[6 * MIB, 7 * MIB, MIB]), "c0[0..6291456] c1[0..7340032] c2[0..1048576]");
        assert_eq!(told(&[MIB]), "c0[0..1048576]");
        assert_eq!(told(&[MIB, 2]), "g0[0..1048576]1[0..2]");
        assert_eq!(told(&[4 * MIB, 7 * MIB]), "g0[0..4194304]1[0..1048576] c1[1048576..7340032]");
        assert_eq!(gathered_bytes(&parts(&[6 * MIB, 7 * MIB, MIB]).unwrap()), 0);
    }

    #[test]
    fn every_byte_is_there_once() {
        let sizes = [1, MIB, 4 * MIB, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 9 * MIB, 11 * MIB, (11 << 30) + 7];
        for first in sizes {
            for second in sizes {
                for third in sizes {
                    check(&[first, second, third]);
                    check(&[first, first, second, third, second]);
                }
            }
        }
        assert!(parts(&[5 * MIB; 10_001]).is_none());
    }
}
