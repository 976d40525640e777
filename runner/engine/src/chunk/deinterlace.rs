//! Deinterlacing looks at the frames before and after each one, so it sees every frame of the source, shown or not.

use std::collections::VecDeque;

use ffmpeg_next::frame;

use crate::error::Result;
use crate::scale::Graph;
use crate::source::frames::Frames;

/// Frames made progressive, one for one.
pub struct Deinterlaced {
    frames: Frames,
    /// Frames well before this one need not be looked at.
    first_pts: i64,
    graph: Option<Graph>,
    /// Times of the frames inside the filter, which keeps their order and number.
    pending: VecDeque<i64>,
    at_end: bool,
}

impl Deinterlaced {
    /// Frames from the one before `first_pts` on.
    pub fn new(frames: Frames, first_pts: i64) -> Self {
        Self { frames, first_pts, graph: None, pending: VecDeque::new(), at_end: false }
    }

    /// The next frame; none at the end.
    pub fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        if self.graph.is_none() {
            self.lead_in()?;
        }
        loop {
            if let Some(graph) = &mut self.graph
                && let Some(frame) = graph.pull(0)?
            {
                let pts = self.pending.pop_front().unwrap_or(self.first_pts);
                return Ok(Some((pts, frame)));
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
        if self.graph.is_none() {
            // Frames that are marked progressive pass as they are.
            self.graph = Some(Graph::new(&frame, "[in]bwdif=mode=send_frame:deint=interlaced[out0]", 1)?);
        }
        self.pending.push_back(pts);
        frame.set_pts(Some(pts));
        self.graph.as_mut().expect("just built").push(&mut frame)
    }

    fn finish(&mut self) -> Result<()> {
        self.at_end = true;
        self.graph.as_mut().map_or(Ok(()), Graph::finish)
    }
}
