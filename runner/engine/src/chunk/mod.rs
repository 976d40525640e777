//! A chunk of video: one decode feeds all its renditions. The plan's grids say which source frame each output frame
//! shows, by its time; frames that no grid shows are decoded at most.

mod apart;
pub mod compare;
mod deinterlace;
mod held;
mod part;
mod rendition;
mod shown;
mod still;
pub mod storyboard;

use std::thread;

use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::pipe::{Outputs, SharedInputs};
use crate::report::Track;
use crate::scale::Ladder;
use crate::source::given;
use crate::spec::{EncodeChunk, Mark, VideoRendition};
use held::Held;
use part::Part;
use rendition::Rendition;
use shown::Shown;

/// What came out of a chunk.
pub struct Encoded {
    /// One per rendition.
    pub renditions: Vec<Track>,
    /// Source frames that could not be decoded.
    pub missing_frames: u64,
}

/// Encodes all renditions of a chunk of input 0; output `n` gets rendition `n`. The first one is the largest.
pub fn encode(task: &EncodeChunk, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Encoded> {
    let mut largest = open_renditions(task)?;
    // It costs about as much as all others together.
    let others = largest.split_off(1);
    thread::scope(|scope| {
        let thread = |name| may_have_threads(task).then_some(name);
        let parts =
            [Part::start(scope, thread("largest"), largest)?, Part::start(scope, thread("others"), others)?];
        let mut encoding = Encoding { parts, outputs };
        let missing_frames = draw(task, inputs, &mut encoding)?;
        if !task.decode_on.is_empty() && missing_frames > 0 {
            return Err(Error::Decoder("frames are missing from what the device decoded".into()));
        }
        Ok(Encoded { renditions: encoding.finish()?, missing_frames })
    })
}

/// An engine with rav1e has one thread at work, so that a machine has never more of them than slots: a picture of rav1e takes
/// so long that its chunks last, and nearly always all slots are taken.
fn may_have_threads(task: &EncodeChunk) -> bool {
    task.renditions.iter().all(|rendition| rendition.encoder != "rav1e")
}

/// Where the pictures of a chunk go.
trait Receiver {
    /// Takes the next picture of a rendition, which shows it `count` times.
    fn take(&mut self, rendition: usize, picture: &mut frame::Video, count: u32) -> Result<()>;
    /// All pictures of one more source frame were taken.
    fn tell(&mut self) -> Result<()>;
}

/// To the encoders.
struct Encoding<'scope, 'a> {
    /// The largest rendition, and the others.
    parts: [Part<'scope>; 2],
    outputs: &'a mut dyn Outputs,
}

impl Encoding<'_, '_> {
    fn finish(self) -> Result<Vec<Track>> {
        self.parts.iter().for_each(Part::close);
        let mut tracks = Vec::new();
        for part in self.parts {
            tracks.extend(part.finish(self.outputs)?);
        }
        Ok(tracks)
    }
}

impl Receiver for Encoding<'_, '_> {
    fn take(&mut self, rendition: usize, picture: &mut frame::Video, count: u32) -> Result<()> {
        let [largest, others] = &mut self.parts;
        match rendition.checked_sub(1) {
            None => largest.send(0, picture, count, self.outputs),
            Some(other) => others.send(other, picture, count, self.outputs),
        }
    }

    fn tell(&mut self) -> Result<()> {
        self.parts.iter().try_for_each(|part| part.pass_on(self.outputs))?;
        self.outputs.progress(self.parts[0].progress())
    }
}

/// Decodes a chunk of input 0 and scales it to its renditions; answers how many source frames could not be decoded.
fn draw(task: &EncodeChunk, inputs: &SharedInputs, receiver: &mut dyn Receiver) -> Result<u64> {
    let shown = Shown::of(&task.grids)?;
    let mut held = Held::open(task, inputs, &shown.pts)?;
    let picture = |mark: &Mark| given::read(inputs, mark.input, task.max_pixels).map(|given| given.picture);
    let marks = task.marks.iter().map(picture).collect::<Result<Vec<_>>>()?;
    let mut ladder = None;
    for (number, wanted_pts) in shown.pts.iter().enumerate() {
        let frame = held.frame_at(*wanted_pts)?;
        if ladder.is_none() {
            ladder = Some(Ladder::new(&frame, (task, &marks), &shown.counts)?);
        }
        let ladder = ladder.as_mut().expect("just built");
        ladder.push(frame, number, &mut |index, frame| {
            receiver.take(index, frame, shown.counts[task.renditions[index].grid_index][number])
        })?;
        receiver.tell()?;
    }
    Ok(held.missing_frames())
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
    Rendition::open(spec, grid, output, task.init_first, task.encode_on.as_ref())
}
