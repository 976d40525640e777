//! How like what was encoded is to what was to be encoded: each frame of a rendition meets the picture that its encoder was
//! given, decoded and scaled as for the encode. Judged by FFmpeg's own filter, whose figures others know.

use ffmpeg_next::{filter, frame};

use super::{Receiver, draw};
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::{Outputs, SharedInputs};
use crate::report::Likeness;
use crate::scale::Graph;
use crate::source::Source;
use crate::source::frames::Frames;
use crate::source::only::only;
use crate::spec::{EncodeChunk, VideoRendition};

const FILTER: &str = "ssim";
/// What the filter notes on each frame for the plane of brightness.
const BRIGHTNESS: &str = "lavfi.ssim.Y";
/// The inputs of its graph. It notes its figures on the frames of the first.
const MADE: &str = "made";
const SENT: &str = "sent";

/// Compares all renditions of a chunk of input 0; input `n + 1` is rendition `n`.
pub fn likenesses(
    task: &EncodeChunk,
    inputs: &SharedInputs,
    outputs: &mut dyn Outputs,
) -> Result<Vec<Likeness>> {
    if filter::find(FILTER).is_none() {
        return Err(Error::Runner(format!("FFmpeg on this machine lacks the filter {FILTER}")));
    }
    let open = |(number, spec)| Made::open(inputs, number + 1, spec, task.max_pixels);
    let made = task.renditions.iter().enumerate().map(open).collect::<Result<_>>()?;
    let mut comparison = Comparison { made, outputs, told: 0 };
    draw(task, inputs, &mut comparison)?;
    comparison.made.into_iter().map(Made::finish).collect()
}

/// Pictures on their way to what was made of them.
struct Comparison<'a> {
    made: Vec<Made<'a>>,
    outputs: &'a mut dyn Outputs,
    told: u64,
}

impl Receiver for Comparison<'_> {
    fn take(&mut self, rendition: usize, picture: &mut frame::Video, count: u32) -> Result<()> {
        (0..count).try_for_each(|_| self.made[rendition].meet(picture))
    }

    fn tell(&mut self) -> Result<()> {
        self.told += 1;
        self.outputs.progress(self.told)
    }
}

/// A rendition, decoded.
struct Made<'a> {
    name: &'a str,
    frames: Frames,
    graph: Option<Graph>,
    /// Of all frames so far.
    found: Vec<f64>,
}

impl<'a> Made<'a> {
    fn open(inputs: &SharedInputs, input: usize, spec: &'a VideoRendition, max_pixels: u64) -> Result<Self> {
        let source = Source::open(&only(inputs, input)?, "mov")?;
        let frames = Frames::from_start(source, 0, max_pixels)?;
        Ok(Self { name: &spec.name, frames, graph: None, found: Vec::new() })
    }

    /// Holds the next frame against what was sent for it.
    fn meet(&mut self, sent: &frame::Video) -> Result<()> {
        let (_, mut shown) = self.frames.next_frame()?.ok_or_else(|| self.unlike("ends early"))?;
        let shape = |frame: &frame::Video| (frame.width(), frame.height(), frame.format());
        if shape(&shown) != shape(sent) {
            return Err(self.unlike("has pictures of another shape"));
        }
        let mut sent = ffi::share(sent).map_err(|error| Error::machinery("cannot hold a picture", error))?;
        if self.graph.is_none() {
            let description = format!("[{MADE}][{SENT}]{FILTER}[out0]");
            self.graph = Some(Graph::of_inputs(&[(MADE, &shown), (SENT, &sent)], &description)?);
        }
        let graph = self.graph.as_mut().expect("just built");
        // The filter pairs frames by their times.
        let time = Some(self.found.len() as i64);
        shown.set_pts(time);
        sent.set_pts(time);
        graph.push_into(MADE, &mut shown)?;
        graph.push_into(SENT, &mut sent)?;
        let judged = graph.pull(0)?;
        let ssim = judged.and_then(|frame| frame.metadata().get(BRIGHTNESS)?.parse().ok());
        self.found.push(ssim.ok_or_else(|| Error::Internal(format!("{FILTER} tells no {BRIGHTNESS}")))?);
        Ok(())
    }

    fn finish(mut self) -> Result<Likeness> {
        if self.frames.next_frame()?.is_some() {
            return Err(self.unlike("has more frames than were sent"));
        }
        let worst = (0..).zip(&self.found).min_by(|(_, one), (_, other)| one.total_cmp(other));
        let (worst_frame, worst_ssim_y) = worst.ok_or_else(|| self.unlike("has no frames"))?;
        let mean_ssim_y = self.found.iter().sum::<f64>() / self.found.len() as f64;
        Ok(Likeness { mean_ssim_y, worst_ssim_y: *worst_ssim_y, worst_frame })
    }

    fn unlike(&self, what: &str) -> Error {
        Error::Verify(format!("{}, behind frame {}: it {what}", self.name, self.found.len()))
    }
}
