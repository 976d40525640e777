//! Deinterlacing looks at the frames before and after each one, so it sees every frame of the source, shown or not.

use std::collections::VecDeque;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::scale::Graph;
use crate::source::frames::Frames;
use crate::spec::Fields;

/// Frames made progressive, one for one.
pub struct Deinterlaced {
    frames: Frames,
    /// Frames well before this one need not be looked at.
    first_pts: i64,
    fields: Fields,
    filter: Option<Filter>,
    /// Frames that a filter gave out before another took its place.
    ready: VecDeque<(i64, frame::Video)>,
    at_end: bool,
}

/// A deinterlacer for pictures of one kind.
struct Filter {
    graph: Graph,
    kind: (Pixel, u32, u32),
    /// Times of the frames inside the filter, which keeps their order and number.
    pending: VecDeque<i64>,
}

impl Deinterlaced {
    /// Frames from the one before `first_pts` on; those marked as progressive pass as they are, unless `fields` knows
    /// better.
    pub fn new(frames: Frames, first_pts: i64, fields: Fields) -> Self {
        Self { frames, first_pts, fields, filter: None, ready: VecDeque::new(), at_end: false }
    }

    /// The next frame; none at the end.
    pub fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        if self.filter.is_none() {
            self.lead_in()?;
        }
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            if let Some(filter) = &mut self.filter
                && let Some(frame) = filter.pull()?
            {
                return Ok(Some(frame));
            }
            if self.at_end {
                return Ok(None);
            }
            match self.frames.next_frame()? {
                Some((pts, frame)) => self.push(pts, frame)?,
                None => self.finish()?,
            }
        }
    }

    /// Skips to the last frame before the first that is shown, and to that.
    fn lead_in(&mut self) -> Result<()> {
        let mut before = None;
        while let Some((pts, frame)) = self.frames.next_frame()? {
            if pts < self.first_pts {
                before = Some((pts, frame));
                continue;
            }
            if let Some((pts, frame)) = before.take() {
                self.push(pts, frame)?;
            }
            return self.push(pts, frame);
        }
        self.finish()
    }

    fn push(&mut self, pts: i64, mut frame: frame::Video) -> Result<()> {
        let kind = (frame.format(), frame.width(), frame.height());
        if self.filter.as_ref().is_none_or(|filter| filter.kind != kind) {
            // Fields of pictures of another size tell nothing about these.
            if let Some(before) = self.filter.take() {
                self.ready.extend(before.into_rest()?);
            }
            let graph = Graph::new(&frame, description(self.fields), 1)?;
            self.filter = Some(Filter { graph, kind, pending: VecDeque::new() });
        }
        let filter = self.filter.as_mut().expect("just built");
        filter.pending.push_back(pts);
        frame.set_pts(Some(pts));
        filter.graph.push(&mut frame)
    }

    fn finish(&mut self) -> Result<()> {
        self.at_end = true;
        self.filter.as_mut().map_or(Ok(()), |filter| filter.graph.finish())
    }
}

impl Filter {
    fn pull(&mut self) -> Result<Option<(i64, frame::Video)>> {
        let Some(frame) = self.graph.pull(0)? else { return Ok(None) };
        let pts = self.pending.pop_front();
        pts.map(|pts| Some((pts, frame)))
            .ok_or_else(|| Error::Internal("the deinterlacer made a frame of its own".into()))
    }

    /// What it still holds.
    fn into_rest(mut self) -> Result<Vec<(i64, frame::Video)>> {
        self.graph.finish()?;
        let mut rest = Vec::new();
        while let Some(frame) = self.pull()? {
            rest.push(frame);
        }
        Ok(rest)
    }
}

/// One frame for each frame, by the fields that it is marked with or that the probe saw.
fn description(fields: Fields) -> &'static str {
    match fields {
        Fields::AsMarked => "[in]bwdif=mode=send_frame:deint=interlaced[out0]",
        Fields::TopFirst => "[in]bwdif=mode=send_frame:parity=tff:deint=all[out0]",
        Fields::BottomFirst => "[in]bwdif=mode=send_frame:parity=bff:deint=all[out0]",
    }
}
