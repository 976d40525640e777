//! A chunk of video: one decode feeds all its renditions. The plan's grids say which source frame each output frame
//! shows, by its time; frames that no grid shows are decoded at most.

mod deinterlace;
mod rendition;
mod shown;
mod still;

use std::cmp::Ordering;

use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::pipe::{Outputs, SharedInputs};
use crate::report::Track;
use crate::scale::Ladder;
use crate::source::frames::Frames;
use crate::spec::{EncodeChunk, VideoRendition};
use deinterlace::Deinterlaced;
use rendition::Rendition;
use shown::Shown;

/// Encodes all renditions of a chunk of input 0; output `n` gets rendition `n`.
pub fn encode(task: &EncodeChunk, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Vec<Track>> {
    let shown = Shown::of(&task.grids)?;
    let mut renditions = open_renditions(task)?;
    let mut decoded = Decoded::open(task, inputs, &shown)?;
    let mut ladder = None;
    for (number, wanted_pts) in shown.pts.iter().enumerate() {
        let missing = || {
            let (name, planned) = (&task.renditions[0].name, shown.pts.len());
            Error::Source(format!(
                "{name}: the decoder gave {number} of {planned} frames, none at time {wanted_pts}"
            ))
        };
        let frame = decoded.frame_at(*wanted_pts)?.ok_or_else(missing)?;
        if ladder.is_none() {
            ladder = Some(Ladder::new(&frame, task, &shown.counts)?);
        }
        let ladder = ladder.as_mut().expect("just built");
        ladder.push(frame, number, &mut |index, frame| {
            let count = shown.counts[task.renditions[index].grid_index][number];
            renditions[index].send(frame, count, outputs)
        })?;
        outputs.progress(renditions[0].written())?;
    }
    renditions.into_iter().map(|rendition| rendition.finish(outputs)).collect()
}

fn open_renditions(task: &EncodeChunk) -> Result<Vec<Rendition<'_>>> {
    if task.renditions.is_empty() {
        return Err(Error::Internal("the plan asks for no rendition".into()));
    }
    task.renditions.iter().enumerate().map(|(output, spec)| open_rendition(task, spec, output)).collect()
}

fn open_rendition<'a>(
    task: &'a EncodeChunk,
    spec: &'a VideoRendition,
    output: usize,
) -> Result<Rendition<'a>> {
    let grid = task.grids.get(spec.grid_index);
    let grid = grid.ok_or_else(|| Error::Internal(format!("{}: the plan gives no grid", spec.name)))?;
    Rendition::open(spec, grid, output)
}

/// Whole pictures in display order.
enum Decoded {
    Progressive(Box<Frames>),
    Deinterlaced(Box<Deinterlaced>),
    Still(frame::Video),
}

impl Decoded {
    fn open(task: &EncodeChunk, inputs: &SharedInputs, shown: &Shown) -> Result<Self> {
        if let Some(still) = task.still {
            return still::picture(task, still, inputs).map(Self::Still);
        }
        let frames = Frames::of_chunk(inputs, task, &shown.pts)?;
        Ok(match task.interlaced {
            false => Self::Progressive(Box::new(frames)),
            true => Self::Deinterlaced(Box::new(Deinterlaced::new(frames, shown.pts[0]))),
        })
    }

    /// The frame at exactly this time; those before it are dropped. None: there is no such frame.
    fn frame_at(&mut self, wanted_pts: i64) -> Result<Option<frame::Video>> {
        if let Self::Still(picture) = self {
            return Ok(Some(picture.clone()));
        }
        while let Some((pts, frame)) = self.next_frame()? {
            match pts.cmp(&wanted_pts) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(Some(frame)),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        match self {
            Self::Progressive(frames) => frames.next_frame(),
            Self::Deinterlaced(frames) => frames.next_frame(),
            Self::Still(_) => Ok(None),
        }
    }
}
