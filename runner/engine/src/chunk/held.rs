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
pub struct Held<'a> {
    task: &'a EncodeChunk,
    inputs: &'a SharedInputs,
    wanted: &'a [i64],
    decoded: Decoded,
    /// Decoding began at a keyframe in the middle. A frame that does not come may then need what lies before.
    started_midway: bool,
    /// The latest frame at or before the time asked for.
    latest: Option<(i64, frame::Video)>,
    /// The one after it.
    ahead: Option<(i64, frame::Video)>,
    at_end: bool,
    missing_frames: u64,
    /// Jumps taken.
    jumps_behind: usize,
}

enum Decoded {
    Progressive(Box<Frames>),
    Deinterlaced(Box<Deinterlaced>),
    /// A still picture is there from the start.
    Nothing,
}

impl<'a> Held<'a> {
    /// Opens the source for a chunk that shows the frames at these times.
    pub fn open(task: &'a EncodeChunk, inputs: &'a SharedInputs, wanted: &'a [i64]) -> Result<Self> {
        let (decoded, latest) = match task.still {
            Some(still) => (Decoded::Nothing, Some((wanted[0], still::picture(task, still, inputs)?))),
            None => (Decoded::open(task, inputs, stretch(task, wanted, 0))?, None),
        };
        Ok(Self {
            task,
            inputs,
            wanted,
            decoded,
            started_midway: task.seek_pts.is_some(),
            at_end: latest.is_some(),
            latest,
            ahead: None,
            missing_frames: 0,
            jumps_behind: 0,
        })
    }

    /// The frame at this time, or the one that takes its place; times rise from call to call.
    pub fn frame_at(&mut self, wanted_pts: i64) -> Result<frame::Video> {
        while let Some(jump) = self.task.jumps.get(self.jumps_behind).filter(|jump| jump.pts <= wanted_pts) {
            self.jumps_behind += 1;
            self.start_at(jump.seek_pts, jump.pts)?;
        }
        if !self.reaches(wanted_pts)? && self.started_midway {
            self.start_at(None, wanted_pts)?;
        }
        if !self.reaches(wanted_pts)? {
            self.missing_frames += 1;
        }
        let shown = self.latest.as_ref().or(self.ahead.as_ref());
        let (_, frame) = shown.ok_or_else(|| Error::Source("no frame of the video can be decoded".into()))?;
        ffi::share(frame).map_err(|error| Error::machinery("cannot hold a frame", error))
    }

    /// Goes on to the latest frame at or before this time; true when it is the frame at this time.
    fn reaches(&mut self, wanted_pts: i64) -> Result<bool> {
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
        Ok(self.latest.as_ref().is_some_and(|(pts, _)| *pts == wanted_pts))
    }

    /// Decodes from a keyframe, or from the start of the source, where nothing that a frame needs can be before.
    fn start_at(&mut self, seek_pts: Option<i64>, wanted_pts: i64) -> Result<()> {
        let task = EncodeChunk { seek_pts, ..self.task.clone() };
        let left = self.wanted.partition_point(|pts| *pts < wanted_pts);
        let wanted = stretch(self.task, &self.wanted[left..], self.jumps_behind);
        self.decoded = Decoded::open(&task, self.inputs, wanted)?;
        (self.started_midway, self.latest, self.ahead, self.at_end) = (seek_pts.is_some(), None, None, false);
        Ok(())
    }

    /// Frames asked for so far that the decoder did not give.
    pub fn missing_frames(&self) -> u64 {
        self.missing_frames
    }
}

/// The frames that are wanted before the next jump; the first in any case.
fn stretch<'a>(task: &EncodeChunk, wanted: &'a [i64], jumps_behind: usize) -> &'a [i64] {
    let end = task
        .jumps
        .get(jumps_behind)
        .map_or(wanted.len(), |jump| wanted.partition_point(|pts| *pts < jump.pts));
    &wanted[..end.clamp(1, wanted.len())]
}

impl Decoded {
    fn open(task: &EncodeChunk, inputs: &SharedInputs, wanted: &[i64]) -> Result<Self> {
        let frames = Frames::of_chunk(inputs, task, wanted)?;
        Ok(match task.interlaced {
            false => Self::Progressive(Box::new(frames)),
            true => Self::Deinterlaced(Box::new(Deinterlaced::new(frames, wanted[0], task.picture.fields))),
        })
    }

    fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        match self {
            Self::Progressive(frames) => frames.next_frame(),
            Self::Deinterlaced(frames) => frames.next_frame(),
            Self::Nothing => Ok(None),
        }
    }
}
