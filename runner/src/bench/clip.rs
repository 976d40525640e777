//! What is encoded: a clip that is part of this program, as chunks like those of real work.

use bytes::Bytes;
use flotilla_engine::report::{Report, VideoStream};
use flotilla_engine::spec::{
    Colour, EncodeChunk, GridSlice, MAX_PIXELS, Picture, Probe, Rational, Task, VideoRendition,
};

use super::cases::Case;
use crate::attempt::local::{self, Keep};
use crate::config;

/// The clip, for people.
pub const CLIP_NAME: &str = "flower, 960x540, 29.97 frames/s, 5 s, H.264; CC0 1.0, by MDN contributors";
static CLIP: &[u8] = include_bytes!("../../../tests/media/flower_960x540p30_h264_aac2_5s.mp4");

/// Two seconds, as the profiles have it.
const GOP_FRAMES: u32 = 60;

/// The clip, and what a probe says of it.
#[derive(Debug)]
pub struct Clip {
    demuxer: String,
    stream: VideoStream,
}

impl Clip {
    /// Has an engine look at the clip, as the first task of every job does.
    pub async fn probe(engine: &config::Engine) -> Result<Self, String> {
        let done = local::run(engine, Task::Probe(Probe::default()), vec![Self::bytes()], (0, Keep::Nothing))
            .await?;
        let Report::Probe(source) = done.report else {
            return Err("the engine answered another task than it was given".to_owned());
        };
        let stream = source.video.into_iter().next().ok_or("the engine found no video in the clip")?;
        Ok(Self { demuxer: source.demuxer, stream })
    }

    /// The file.
    pub fn bytes() -> Bytes {
        Bytes::from_static(CLIP)
    }

    /// Frames that a slot encodes for a case.
    pub fn frame_count(&self, case: &Case) -> usize {
        case.frames.min(self.stream.pts.len())
    }

    /// How long so many frames are shown, seconds.
    pub fn seconds(&self, frame_count: u64) -> f64 {
        let Rational { numerator, denominator } = self.stream.frame_rate;
        frame_count as f64 * denominator as f64 / numerator.max(1) as f64
    }

    /// The first frames of the clip as one chunk.
    pub fn chunk(&self, case: &Case) -> EncodeChunk {
        let (stream, end) = (&self.stream, self.frame_count(case));
        let first = stream.pts.first().copied().unwrap_or(0);
        let after = stream.pts.last().copied().unwrap_or(0) + stream.last_duration;
        let times = (0..=end).map(|frame| stream.pts.get(frame).unwrap_or(&after) - first).collect();
        let timescale = stream.time_base.denominator / stream.time_base.numerator.max(1);
        let grid = GridSlice {
            first_frame: 0,
            timescale: u32::try_from(timescale).unwrap_or(u32::MAX),
            times,
            source_pts: stream.pts[..end].to_vec(),
        };
        EncodeChunk {
            stream_index: stream.index,
            demuxer: self.demuxer.clone(),
            seek_pts: None,
            grids: vec![grid],
            renditions: case.sizes.iter().map(|size| self.rendition(case, *size)).collect(),
            rotation_degrees: 0,
            interlaced: false,
            picture: Picture { colour: stream.colour, ..Picture::default() },
            max_pixels: MAX_PIXELS,
            still: None,
            init_first: false,
            jumps: Vec::new(),
            encode_on: case.device.as_ref().map(|device| device.place.clone()),
            decode_on: Default::default(),
            marks: Vec::new(),
        }
    }

    fn rendition(&self, case: &Case, (width, height): (u32, u32)) -> VideoRendition {
        VideoRendition {
            name: format!("{height}p"),
            grid_index: 0,
            width,
            height,
            encoder: case.encoder.clone(),
            gop_frames: GOP_FRAMES,
            frame_rate: self.stream.frame_rate,
            settings: case.settings(height),
            colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false },
            pixel_format: "yuv420p".to_owned(),
            first_sequence_number: 1,
            variable_rate: false,
        }
    }
}
