//! Where in the file a chunk's frames lie, for containers whose index names every packet. It is a hint only, so that
//! no more is downloaded than will be decoded: a wrong guess costs a request, never a frame.

use std::ops::Range;

use super::Source;
use crate::error::Result;
use crate::ffi;

/// Where a stream's packets are this far apart, those of others between them are not worth reading.
const WIDE_GAP_BYTES: u64 = 256 << 10;

impl Source {
    /// Expects the packets from the keyframe at `keyframe_pts` (none: from the start) up to those of all the `wanted`
    /// frames, given by their times in order.
    pub fn expect_frames(&mut self, index: usize, keyframe_pts: Option<i64>, wanted: &[i64]) -> Result<()> {
        match self.span(index, keyframe_pts, wanted) {
            Some(span) if self.indexed => self.expectation.set(span),
            _ => Ok(()),
        }
    }

    /// Expects all packets of a stream; nothing, where much lies between them that is not wanted.
    pub(super) fn expect_stream(&mut self, index: usize) -> Result<()> {
        let places = (0..).map_while(|number| ffi::packet_place(&self.input, index, number));
        let mut span: Option<Range<u64>> = None;
        let mut unwanted_bytes = 0;
        for place in places {
            let before = span.get_or_insert(place.clone());
            let gap_bytes = place.start.saturating_sub(before.end);
            unwanted_bytes += if gap_bytes > WIDE_GAP_BYTES { gap_bytes } else { 0 };
            *before = before.start.min(place.start)..before.end.max(place.end);
        }
        let span = span.filter(|span| self.indexed && unwanted_bytes < (span.end - span.start) / 8);
        self.expectation.set(span.unwrap_or_default())
    }

    fn span(&self, index: usize, keyframe_pts: Option<i64>, wanted: &[i64]) -> Option<Range<u64>> {
        let (&first_wanted, &last_wanted) = (wanted.first()?, wanted.last()?);
        let first = match keyframe_pts {
            Some(pts) => ffi::keyframe_at_or_before(&self.input, index, pts)?,
            None => 0,
        };
        // Decode times are at or before presentation times: no packet after this one can be needed.
        let latest = ffi::packet_at_or_before(&self.input, index, last_wanted)?;
        // A keyframe is shown by this many packets later than it is decoded, and so are frames that follow it.
        let shift =
            ffi::packet_at_or_before(&self.input, index, keyframe_pts.unwrap_or(first_wanted))? - first;
        // A keyframe among the packets that are shown after the last wanted frame begins what is no longer needed.
        let keyframe = ffi::keyframe_at_or_before(&self.input, index, last_wanted)?;
        let last = if keyframe > latest - shift.max(0) { keyframe - 1 } else { latest };
        let packets = || (first..=last).filter_map(|number| ffi::packet_place(&self.input, index, number));
        let start = packets().map(|place| place.start).min()?;
        let end = packets().map(|place| place.end).max()?;
        Some(start..end)
    }
}
