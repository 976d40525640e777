//! Long integer sequences in few bytes. Frame times are nearly always even: a constant-rate hour is one run.

use serde::{Deserialize, Serialize};

/// A sequence of integers as its first value and runs of equal steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    first: i64,
    length: u64,
    runs: Vec<(i64, u64)>,
}

impl Sequence {
    /// How many values there are.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// No value at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let steps = self.runs.iter().flat_map(|&(step, count)| (0..count).map(move |_| step));
        let rest = steps.scan(self.first, |value, step| {
            *value += step;
            Some(*value)
        });
        (self.length > 0).then_some(self.first).into_iter().chain(rest)
    }

    /// Differences between neighbours, and how often each comes in a row.
    pub fn steps(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.runs.iter().copied()
    }

    /// The values from `start` up to but not including `end`.
    pub fn slice(&self, start: u64, end: u64) -> Vec<i64> {
        let clamp = |at: u64| usize::try_from(at.min(self.length)).expect("sequences fit in memory");
        self.iter().skip(clamp(start)).take(clamp(end) - clamp(start)).collect()
    }

    /// The value at a position.
    pub fn get(&self, at: u64) -> Option<i64> {
        if at >= self.length {
            return None;
        }
        let mut left = at;
        let mut value = self.first;
        for &(step, count) in &self.runs {
            let here = left.min(count);
            value += step * i64::try_from(here).ok()?;
            left -= here;
        }
        Some(value)
    }

    /// The last value.
    pub fn last(&self) -> Option<i64> {
        self.get(self.length.checked_sub(1)?)
    }
}

impl FromIterator<i64> for Sequence {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Self::default() };
        let (mut before, mut length, mut runs) = (first, 1, Vec::new());
        // The run that grows is kept apart: a film is millions of values and few runs.
        let (mut step, mut count) = (0, 0);
        for value in values {
            let next = value - before;
            (before, length) = (value, length + 1);
            if next == step {
                count += 1;
                continue;
            }
            if count > 0 {
                runs.push((step, count));
            }
            (step, count) = (next, 1);
        }
        if count > 0 {
            runs.push((step, count));
        }
        Self { first, length, runs }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_even_sequence_is_one_run() {
        let even: Sequence = (0..216_000).map(|frame| frame * 1001).collect();
        assert_eq!((even.runs.len(), even.len()), (1, 216_000));
        assert_eq!(even.get(215_999), Some(215_999 * 1001));
        assert_eq!(even.last(), even.get(215_999));
    }

    proptest! {
        #[test]
        fn a_sequence_holds_what_it_was_made_of(
            values in proptest::collection::vec(-1000_i64..1000, 0..50), start in 0_u64..60, end in 0_u64..60,
        ) {
            let sequence: Sequence = values.iter().copied().collect();
            prop_assert_eq!(sequence.iter().collect::<Vec<_>>(), values.clone());
            let (start, end) = (start.min(end), end);
            let expected: Vec<i64> =
                values.iter().copied().skip(start as usize).take((end - start) as usize).collect();
            prop_assert_eq!(sequence.slice(start, end), expected);
            for (at, value) in values.iter().enumerate() {
                prop_assert_eq!(sequence.get(at as u64), Some(*value));
            }
        }
    }
}
