//! Edits of a video that somebody asked for: what of the source is kept. They apply in order, each to what the one
//! before has left, and none of them touches the source.

use serde::{Deserialize, Serialize};

/// An edit. Times are microseconds from the start of what it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Keeps what lies between the two.
    Cut {
        /// Absent: from the start.
        #[serde(default)]
        start_us: Option<u64>,
        /// Absent: to the end.
        #[serde(default)]
        end_us: Option<u64>,
    },
    /// Leaves stretches out.
    RemoveSegments {
        /// Start and end of each, in any order; they may overlap.
        segments: Vec<(u64, u64)>,
    },
}

/// A stretch of a time line, microseconds, end exclusive. One that is open ends at [`Span::END`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start_us: u64,
    /// The first moment behind it.
    pub end_us: u64,
}

impl Span {
    /// Wherever the end is.
    pub const END: u64 = u64::MAX;
}

/// The stretches of the source that edits leave, rising and apart; the error says what cannot be done.
pub fn kept(edits: &[Edit]) -> Result<Vec<Span>, String> {
    let mut spans = vec![Span { start_us: 0, end_us: Span::END }];
    for edit in edits {
        spans = within(&spans, &ranges(edit)?);
        if spans.is_empty() {
            return Err("the edits leave nothing".to_owned());
        }
    }
    Ok(spans)
}

/// What an edit keeps of its time line.
fn ranges(edit: &Edit) -> Result<Vec<Span>, String> {
    let span = |start_us: u64, end_us: u64| match start_us < end_us {
        true => Ok(Span { start_us, end_us }),
        false => Err(format!("an edit starts at {start_us} us and ends at {end_us} us; it must end later")),
    };
    match edit {
        Edit::Cut { start_us, end_us } => Ok(vec![span(start_us.unwrap_or(0), end_us.unwrap_or(Span::END))?]),
        Edit::RemoveSegments { segments } => {
            let removed: Result<Vec<Span>, String> =
                segments.iter().map(|&(start, end)| span(start, end)).collect();
            let mut removed = removed?;
            removed.sort_by_key(|span| span.start_us);
            let (mut kept, mut from) = (Vec::new(), 0);
            for Span { start_us, end_us } in removed {
                if start_us > from {
                    kept.push(Span { start_us: from, end_us: start_us });
                }
                from = from.max(end_us);
            }
            if from < Span::END {
                kept.push(Span { start_us: from, end_us: Span::END });
            }
            Ok(kept)
        }
    }
}

/// `ranges` of the time line that `spans` of the source make, end to end.
fn within(spans: &[Span], ranges: &[Span]) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for range in ranges {
        let mut passed = 0_u64;
        for span in spans {
            let length = span.end_us - span.start_us;
            let end = passed.saturating_add(length);
            let (from, to) = (range.start_us.max(passed), range.end_us.min(end));
            if from < to {
                let start_us = span.start_us + (from - passed);
                let end_us = if to == end { span.end_us } else { span.start_us + (to - passed) };
                match found.last_mut() {
                    Some(last) if last.end_us == start_us => last.end_us = end_us,
                    _ => found.push(Span { start_us, end_us }),
                }
            }
            passed = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn cut(start: Option<u64>, end: Option<u64>) -> Edit {
        let us = |seconds: Option<u64>| seconds.map(|seconds| seconds * SECOND);
        Edit::Cut { start_us: us(start), end_us: us(end) }
    }

    fn remove(segments: &[(u64, u64)]) -> Edit {
        let us = |&(start, end): &(u64, u64)| (start * SECOND, end * SECOND);
        Edit::RemoveSegments { segments: segments.iter().map(us).collect() }
    }

    /// Seconds; 0 for the end.
    fn check(edits: &[Edit], expected: &[(u64, u64)]) {
        let seconds = |us: u64| if us == Span::END { 0 } else { us / SECOND };
        let found: Vec<_> = kept(edits)
            .unwrap()
            .into_iter()
            .map(|span| (seconds(span.start_us), seconds(span.end_us)))
            .collect();
        assert_eq!(found, expected, "{edits:?}");
    }

    #[test]
    fn each_edit_applies_to_what_the_one_before_has_left() {
        check(&[], &[(0, 0)]);
        check(&[cut(Some(2), Some(9))], &[(2, 9)]);
        check(&[cut(Some(2), Some(9)), cut(Some(1), None)], &[(3, 9)]);
        check(&[cut(Some(2), Some(9)), remove(&[(1, 3)])], &[(2, 3), (5, 9)]);
        check(&[remove(&[(1, 3)]), cut(None, Some(4))], &[(0, 1), (3, 6)]);
        check(&[remove(&[(1, 3)]), remove(&[(0, 2)])], &[(4, 0)]);
    }

    #[test]
    fn segments_may_overlap_and_come_in_any_order() {
        check(&[remove(&[(5, 7), (1, 3), (2, 4)])], &[(0, 1), (4, 5), (7, 0)]);
        check(&[remove(&[(0, 1)])], &[(1, 0)]);
        check(&[remove(&[])], &[(0, 0)]);
    }

    #[test]
    fn an_edit_that_ends_before_it_starts_or_leaves_nothing_is_refused() {
        assert!(kept(&[cut(Some(2), Some(2))]).is_err());
        assert!(kept(&[remove(&[(3, 1)])]).is_err());
        let all = Edit::RemoveSegments { segments: vec![(0, Span::END)] };
        assert_eq!(kept(&[all]).unwrap_err(), "the edits leave nothing");
    }
}
