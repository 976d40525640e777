//! Which samples of a track are kept: stretches of it, end to end.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::spec::SampleSpan;

/// Counts samples and tells which are kept.
pub(super) struct Kept<'a> {
    /// Empty: all are.
    spans: &'a [SampleSpan],
    position: u64,
}

impl<'a> Kept<'a> {
    /// Spans must rise and be apart.
    pub fn new(spans: &'a [SampleSpan]) -> Result<Self> {
        let rises = spans.iter().all(|span| span.start < span.end)
            && spans.windows(2).all(|pair| pair[0].end <= pair[1].start);
        match rises {
            true => Ok(Self { spans, position: 0 }),
            false => Err(Error::Internal("the plan's stretches of sound are not in order".into())),
        }
    }

    /// Samples that have passed, kept or not.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Nothing is kept any more.
    pub fn is_over(&self) -> bool {
        self.spans.last().is_some_and(|last| last.end <= self.position)
    }

    /// Passes so many samples; answers which of them are kept.
    pub fn pass(&mut self, count: usize) -> Vec<Range<usize>> {
        let (start, end) = (self.position, self.position + count as u64);
        self.position = end;
        if self.spans.is_empty() {
            return vec![0..count];
        }
        let inside = |span: &SampleSpan| {
            let (from, to) = (span.start.max(start), span.end.min(end));
            (from < to).then(|| (from - start) as usize..(to - start) as usize)
        };
        self.spans.iter().filter_map(inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_cut_to_the_sample_wherever_frames_end() {
        let spans = [(3, 5), (10, 21)].map(|(start, end)| SampleSpan { start, end });
        let mut kept = Kept::new(&spans).unwrap();
        let passed: Vec<_> = (0..3).map(|_| kept.pass(8)).collect();
        assert_eq!(passed, [vec![3..5], vec![2..8], vec![0..5]]);
        assert!(kept.is_over() && kept.position() == 24);
        let mut all = Kept::new(&[]).unwrap();
        assert_eq!((all.pass(7), all.is_over()), (vec![0..7], false));
        assert!(Kept::new(&[spans[1], spans[0]]).is_err());
    }
}
