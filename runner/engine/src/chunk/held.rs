//! The source frames of a chunk by their times. Where the decoder gives none, because its packet is damaged or not there,
//! the frame before is held; before the first good frame of the source, that one is shown early. So each frame shown
//! follows from the source alone, wherever the chunk starts.

use ffmpeg_next::frame;

use super::deinterlace::Deinterlaced;
use super::still;
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::SharedInputs;
use crate::source::frames::Frames;
use crate::spec::EncodeChunk;

/// Whole pictures in display order, without gaps.
pub struct Held {
    decoded: Decoded,
    /// The latest frame at or before the time asked for.
    latest: Option<(i64, frame::Video)>,
    /// The one after it.
    ahead: Option<(i64, frame::Video)>,
    at_end: bool,
    missing_frames: u64,
}

enum Decoded {
    Progressive(Box<Frames>),
    Deinterlaced(Box<Deinterlaced>),
    /// A still picture is there from the start.
    Nothing,
}

impl Held {
    /// Opens the source for a chunk that shows the frames at these times.
    pub fn open(task: &EncodeChunk, inputs: &SharedInputs, wanted: &[i64]) -> Result<Self> {
        if let Some(still) = task.still {
            let latest = Some((wanted[0], still::picture(task, still, inputs)?));
            return Ok(Self {
                decoded: Decoded::Nothing,
                latest,
                ahead: None,
                at_end: true,
                missing_frames: 0,
            });
        }
        let frames = Frames::of_chunk(inputs, task, wanted)?;
        let decoded = match task.interlaced {
            false => Decoded::Progressive(Box::new(frames)),
            true => {
                Decoded::Deinterlaced(Box::new(Deinterlaced::new(frames, wanted[0], task.picture.fields)))
            }
        };
        Ok(Self { decoded, latest: None, ahead: None, at_end: false, missing_frames: 0 })
    }

    /// The frame at this time, or the one that takes its place; times rise from call to call.
    pub fn frame_at(&mut self, wanted_pts: i64) -> Result<frame::Video> {
        while self.latest.as_ref().is_none_or(|(pts, _)| *pts < wanted_pts) {
            if self.ahead.is_none() && !self.at_end {
                self.ahead = self.decoded.next_frame()?;
                self.at_end = self.ahead.is_none();
            }
            if self.ahead.as_ref().is_none_or(|(pts, _)| *pts > wanted_pts) {
                break;
            }
            self.latest = self.ahead.take();
        }
        if self.latest.as_ref().is_none_or(|(pts, _)| *pts != wanted_pts) {
            self.missing_frames += 1;
        }
        let shown = self.latest.as_ref().or(self.ahead.as_ref());
        let (_, frame) = shown.ok_or_else(|| Error::Source("no frame of the video can be decoded".into()))?;
        ffi::share(frame).map_err(|error| Error::machinery("cannot hold a frame", error))
    }

    /// Frames asked for so far that the decoder did not give.
    pub fn missing_frames(&self) -> u64 {
        self.missing_frames
    }
}

impl Decoded {
    fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        match self {
            Self::Progressive(frames) => frames.next_frame(),
            Self::Deinterlaced(frames) => frames.next_frame(),
            Self::Nothing => Ok(None),
        }
    }
}
