//! How much to ask for at once, and whether a read continues a stream that is open: pure decisions. What the
//! engine expects to read is asked for in long requests that end where the expectation ends; where nothing is
//! known, requests grow while the reading stays sequential.

use std::ops::Range;

/// First window of a stream where nothing is known: enough for a container's head, small enough to throw away.
pub const FIRST_WINDOW_BYTES: u64 = 128 << 10;
/// Longest window of a stream that stays sequential.
pub const LONGEST_WINDOW_BYTES: u64 = 1 << 20;
/// Longest window of a stretch that will be read whole: none of it is thrown away, and few requests are sent.
pub const LONGEST_EXPECTED_BYTES: u64 = 4 << 20;
/// A forward jump up to this long is cheaper to read through than to ask for anew.
pub const SKIP_BYTES: u64 = 256 << 10;
/// The next window is asked for when this much of the current one is left.
const PREFETCH_BYTES: u64 = 512 << 10;

/// A stretch of an object, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset after its last byte.
    pub end: u64,
}

/// What is known of the reads to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(
    /// Will be read whole and in order; empty: nothing is known.
    pub Range<u64>,
);

impl Expected {
    /// The length of a window at `start`; `else_bytes` where nothing is known, none where nothing is expected.
    fn length(&self, start: u64, else_bytes: u64) -> Option<u64> {
        let Self(range) = self;
        match range.contains(&start) {
            true => Some((range.end - start).min(LONGEST_EXPECTED_BYTES)),
            false => range.is_empty().then_some(else_bytes),
        }
    }
}

impl Window {
    /// The first window of a stream at `start`, for a read of `wanted_bytes`.
    pub fn first(start: u64, wanted_bytes: u64, expected: &Expected, size_bytes: u64) -> Self {
        let unknown = wanted_bytes.clamp(FIRST_WINDOW_BYTES, LONGEST_WINDOW_BYTES);
        // Who states what will be read is taken at its word: elsewhere no byte more is asked for.
        let length = expected.length(start, unknown).unwrap_or(wanted_bytes);
        Self { start, end: size_bytes.min(start + length) }
    }

    /// The window after this one, twice as long where nothing is known; none at the end of what is expected.
    pub fn following(self, expected: &Expected, size_bytes: u64) -> Option<Self> {
        let unknown = (self.length() * 2).clamp(FIRST_WINDOW_BYTES, LONGEST_WINDOW_BYTES);
        let length = expected.length(self.end, unknown)?;
        (self.end < size_bytes).then(|| Self { start: self.end, end: size_bytes.min(self.end + length) })
    }

    /// Bytes.
    pub fn length(self) -> u64 {
        self.end - self.start
    }

    /// True when a reader at `position` has used enough of this window for the next one to be worth asking
    /// for.
    pub fn wants_following(self, position: u64) -> bool {
        self.end.saturating_sub(position) <= PREFETCH_BYTES.min(self.length() / 2)
    }
}

/// What an open stream can serve without a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Offset of the oldest byte still kept.
    pub kept_from: u64,
    /// Offset of the next byte of the stream.
    pub position: u64,
}

impl Reach {
    /// True when a read at `offset` is served from this stream.
    pub fn covers(self, offset: u64) -> bool {
        (self.kept_from..=self.position + SKIP_BYTES).contains(&offset)
    }
}

/// Index of the stream that serves a read at `offset` with the least to skip; none: open a new one.
pub fn choose(streams: &[Reach], offset: u64) -> Option<usize> {
    let candidates = streams.iter().enumerate().filter(|(_, reach)| reach.covers(offset));
    candidates.min_by_key(|(_, reach)| offset.abs_diff(reach.position)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    fn lengths_kib(start: u64, expected: Range<u64>, size_bytes: u64) -> Vec<u64> {
        let expected = Expected(expected);
        let mut lengths = Vec::new();
        let mut window = Some(Window::first(start, 4 * KIB, &expected, size_bytes));
        while let Some(current) = window {
            lengths.push(current.length() / KIB);
            window = current.following(&expected, size_bytes);
        }
        lengths
    }

    #[test]
    fn windows_grow_while_reads_stay_sequential() {
        assert_eq!(lengths_kib(0, 0..0, 4 * MIB), [128, 256, 512, 1024, 1024, 1024, 128]);
    }

    #[test]
    fn what_is_expected_is_asked_for_to_its_end_and_no_further() {
        assert_eq!(lengths_kib(MIB, MIB..11 * MIB, 100 * MIB), [4096, 4096, 2048]);
        assert_eq!(lengths_kib(10 * MIB, MIB..11 * MIB, 100 * MIB), [1024]);
        assert_eq!(lengths_kib(10 * MIB, MIB..99 * MIB, 11 * MIB), [1024]);
        assert_eq!(lengths_kib(50 * MIB, MIB..11 * MIB, 100 * MIB), [4]);
    }

    #[test]
    fn a_large_read_gets_a_large_first_window() {
        let first =
            |wanted_bytes, size_bytes| Window::first(5, wanted_bytes, &Expected::default(), size_bytes);
        assert_eq!(first(MIB / 2, 100 * MIB), Window { start: 5, end: 5 + MIB / 2 });
        assert_eq!(first(60 * MIB, 100 * MIB), Window { start: 5, end: 5 + MIB });
        assert_eq!(first(60 * MIB, 9), Window { start: 5, end: 9 });
    }

    #[test]
    fn the_next_window_is_asked_for_late() {
        let small = Window { start: 0, end: 128 * KIB };
        let large = Window { start: 0, end: 4 * MIB };
        let table = [
            (small, 4 * KIB, false),
            (small, 64 * KIB, true),
            (large, 3 * MIB, false),
            (large, 3 * MIB + MIB / 2, true),
        ];
        for (window, position, expected) in table {
            assert_eq!(window.wants_following(position), expected, "{window:?} at {position}");
        }
    }

    #[test]
    fn a_read_goes_on_where_a_stream_can_serve_it() {
        let head = Reach { kept_from: 0, position: 64 * KIB };
        let body = Reach { kept_from: 9 * MIB, position: 10 * MIB };
        let table = [
            (64 * KIB, Some(0)),
            (0, Some(0)),
            (64 * KIB + SKIP_BYTES, Some(0)),
            (64 * KIB + SKIP_BYTES + 1, None),
            (10 * MIB - 1, Some(1)),
            (9 * MIB - 1, None),
            (50 * MIB, None),
        ];
        for (offset, expected) in table {
            assert_eq!(choose(&[head, body], offset), expected, "read at {offset}");
        }
    }
}
