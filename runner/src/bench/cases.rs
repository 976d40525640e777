//! What is encoded: a clip that is part of this program, and the encoders, presets and sizes that it is encoded with. The
//! settings are those of the profiles that come with Flotilla.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use flotilla_engine::report::{Report, VideoStream};
use flotilla_engine::spec::{
    Colour, EncodeChunk, GridSlice, MAX_PIXELS, Picture, Probe, Rational, Task, VideoRendition,
};

use crate::attempt::local;
use crate::config;

/// The clip, for people.
pub const CLIP_NAME: &str = "flower, 960x540, 29.97 frames/s, 5 s, H.264; CC0 1.0, by MDN contributors";
static CLIP: &[u8] = include_bytes!("../../../tests/media/flower_960x540p30_h264_aac2_5s.mp4");

/// Two seconds, as the profiles have it.
const GOP_FRAMES: u32 = 60;
/// A ladder of 540p as the profile `web` makes it, largest first.
const LADDER: &[(u32, u32)] = &[(960, 540), (854, 480), (640, 360), (426, 240), (256, 144)];
const P540: &[(u32, u32)] = &[(960, 540)];
const P360: &[(u32, u32)] = &[(640, 360)];

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// As profiles name it.
    pub encoder: &'static str,
    /// Its preset; of rav1e its speed.
    pub preset: &'static str,
    /// Sizes of the renditions, largest first.
    pub sizes: &'static [(u32, u32)],
    /// Frames of the clip that each slot encodes, as far as it has so many.
    pub frames: usize,
    /// What the scheduler is told of the encoder: its usual preset on what chunks of it mostly are.
    pub is_usual: bool,
}

/// What is measured, in order.
pub fn all(is_quick: bool) -> impl Iterator<Item = Case> {
    let quick = [
        case("libx264", "veryfast", LADDER, 60, true),
        case("libsvtav1", "10", P360, 60, true),
        case("rav1e", "10", P360, 12, true),
    ];
    let whole = [
        case("libx264", "veryfast", LADDER, 150, true),
        case("libx264", "veryfast", P540, 150, false),
        case("libx264", "veryfast", P360, 150, false),
        case("libx264", "medium", P540, 150, false),
        case("libx264", "medium", P360, 150, false),
        case("libsvtav1", "10", P540, 150, false),
        case("libsvtav1", "10", P360, 150, true),
        case("rav1e", "10", P540, 60, false),
        case("rav1e", "10", P360, 60, true),
    ];
    let (quick, whole) = if is_quick { (Some(quick), None) } else { (None, Some(whole)) };
    quick.into_iter().flatten().chain(whole.into_iter().flatten())
}

fn case(
    encoder: &'static str,
    preset: &'static str,
    sizes: &'static [(u32, u32)],
    frames: usize,
    is_usual: bool,
) -> Case {
    Case { encoder, preset, sizes, frames, is_usual }
}

impl Case {
    /// "540p", or "540p ladder".
    pub fn size(&self) -> String {
        let height = self.sizes.first().map_or(0, |(_, height)| *height);
        if self.sizes.len() > 1 { format!("{height}p ladder") } else { format!("{height}p") }
    }

    /// Pixels of all renditions of one frame.
    pub fn pixels(&self) -> u64 {
        self.sizes.iter().map(|(width, height)| u64::from(*width) * u64::from(*height)).sum()
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let settings: &[(&str, &str)] = match self.encoder {
            "libsvtav1" => &[("preset", self.preset), ("crf", "35"), ("svtav1-params", "lp=1:scd=0")],
            "rav1e" => &[("speed", self.preset), ("quantizer", "120")],
            _ => {
                &[("preset", self.preset), ("crf", "23"), ("bf", "12"), ("b_strategy", "1"), ("threads", "1")]
            }
        };
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.encoder, self.preset, self.size())
    }
}

/// The clip, and what a probe says of it.
#[derive(Debug)]
pub struct Clip {
    demuxer: String,
    stream: VideoStream,
}

impl Clip {
    /// Has an engine look at the clip, as the first task of every job does.
    pub async fn probe(engine: &config::Engine) -> Result<Self, String> {
        let done = local::run(engine, Task::Probe(Probe::default()), Self::bytes(), 0).await?;
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
    pub fn chunk(&self, case: &Case) -> Task {
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
        Task::EncodeChunk(EncodeChunk {
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
            encode_on: None,
            decode_on: Default::default(),
            marks: Vec::new(),
        })
    }

    fn rendition(&self, case: &Case, (width, height): (u32, u32)) -> VideoRendition {
        VideoRendition {
            name: format!("{height}p"),
            grid_index: 0,
            width,
            height,
            encoder: case.encoder.to_owned(),
            gop_frames: GOP_FRAMES,
            frame_rate: self.stream.frame_rate,
            settings: case.settings(),
            colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false },
            pixel_format: "yuv420p".to_owned(),
            first_sequence_number: 1,
            variable_rate: false,
        }
    }
}
