//! Which samples of a track are kept: stretches of it, end to end.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::spec::SampleSpan;

/// Of a plan that names none.
const ALL: SampleSpan = SampleSpan { start: 0, end: u64::MAX };

/// Counts samples and tells which are kept.
pub(super) struct Kept {
    spans: Vec<SampleSpan>,
    position: u64,
}

impl Kept {
    /// Spans must rise and be apart.
    pub fn new(spans: &[SampleSpan]) -> Result<Self> {
        let rises = spans.iter().all(|span| span.start < span.end)
            && spans.windows(2).all(|pair| pair[0].end <= pair[1].start);
        match rises {
            true if spans.is_empty() => Ok(Self { spans: vec![ALL], position: 0 }),
            true => Ok(Self { spans: spans.to_vec(), position: 0 }),
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
        let mut passed =
            || kept.pass(8).into_iter().map(|range| (range.start, range.end)).collect::<Vec<_>>();
        assert_eq!([passed(), passed(), passed()], [[(3, 5)], [(2, 8)], [(0, 5)]]);
        assert!(kept.is_over() && kept.position() == 24);
        let mut all = Kept::new(&[]).unwrap();
        assert_eq!((all.pass(7)[0].len(), all.is_over()), (7, false));
        assert!(Kept::new(&[spans[1], spans[0]]).is_err());
    }
}
