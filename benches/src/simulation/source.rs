//! Synthetic sources, as a probe would report them: scenes of uneven effort, keyframes at cuts and at least every 250
//! frames, bytes that follow the effort only roughly.

use flotilla_coordinator::domain::Rational;
use flotilla_coordinator::domain::source::{
    AudioStream, BLOCK_FRAMES, Colour, PictureFacts, Source, VideoStream,
};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// x264's default longest distance of keyframes.
const KEYFRAME_FRAMES: u32 = 250;

/// Ticks a frame.
const STEP: i64 = 512;

/// Of the sound.
const SAMPLE_RATE_HZ: u32 = 48_000;

/// Size and length of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Length.
    pub seconds: u32,
}

/// A source with what only the simulation knows.
pub struct Synthetic {
    /// What a probe finds.
    pub source: Source,
    /// Effort of each run of [`BLOCK_FRAMES`] frames, in that of a mean frame.
    pub effort: Vec<f64>,
}

impl Synthetic {
    /// Makes one; `unevenness` are the efforts that scenes may have.
    pub fn make(shape: Shape, unevenness: &[f64], rng: &mut StdRng) -> Self {
        let frames = shape.fps * shape.seconds;
        let scenes = scenes(frames, shape.fps, unevenness, rng);
        let blocks = (frames as usize).div_ceil(BLOCK_FRAMES);
        let effort: Vec<f64> = (0..blocks)
            .map(|block| {
                let frame = (block * BLOCK_FRAMES) as u32;
                let scene = scenes.partition_point(|(start, _)| *start <= frame) - 1;
                scenes[scene].1 * rng.random_range(0.85..1.15)
            })
            .collect();
        // Effort grows with the square root of the bits, as was measured; what else it hangs on a probe does not see.
        let bytes = |effort: &f64| 200_000.0 * effort * effort * rng.random_range(0.7..1.3);
        let block_bytes = effort.iter().map(bytes).map(|bytes| bytes as u64).collect();
        let video = video(shape, frames, keyframes(&scenes, frames), block_bytes);
        Self { source: source(video, shape.seconds), effort }
    }

    /// Effort of frames `start..end` in mean frames.
    pub fn effort_of(&self, start: usize, end: usize) -> f64 {
        let mut sum = 0.0;
        let mut frame = start;
        while frame < end {
            let block = frame / BLOCK_FRAMES;
            let until = ((block + 1) * BLOCK_FRAMES).min(end);
            sum += self.effort[block] * (until - frame) as f64;
            frame = until;
        }
        sum
    }

    /// The position of the frame at a time of the source.
    pub fn frame_at(pts: i64) -> usize {
        usize::try_from(pts / STEP).unwrap_or(0)
    }
}

/// Starts of scenes of 2 to 12 seconds with their effort.
fn scenes(frames: u32, fps: u32, unevenness: &[f64], rng: &mut StdRng) -> Vec<(u32, f64)> {
    let mean = unevenness.iter().sum::<f64>() / unevenness.len() as f64;
    let mut scenes = Vec::new();
    let mut start = 0;
    while start < frames.max(1) {
        let effort = unevenness.choose(rng).expect("costs were recorded") / mean;
        scenes.push((start, effort));
        start += rng.random_range(2 * fps..12 * fps);
    }
    scenes
}

fn keyframes(scenes: &[(u32, f64)], frames: u32) -> Vec<u32> {
    let ends = scenes.iter().skip(1).map(|(start, _)| *start).chain([frames]);
    let within = |((start, _), end): (&(u32, f64), u32)| (*start..end).step_by(KEYFRAME_FRAMES as usize);
    scenes.iter().zip(ends).flat_map(within).collect()
}

fn video(shape: Shape, frames: u32, keyframes: Vec<u32>, block_bytes: Vec<u64>) -> VideoStream {
    let rate = i64::from(shape.fps);

    VideoStream {
        index: 0,
        codec: "h264".to_owned(),
        width: shape.width,
        height: shape.height,
        sample_aspect_ratio: None,
        rotation_degrees: 0,
        pixel_format: "yuv420p".to_owned(),
        time_base: Rational { numerator: 1, denominator: rate * STEP },
        frame_rate: Rational { numerator: rate, denominator: 1 },
        colour: Colour::default(),
        interlaced: false,
        picture: PictureFacts::default(),
        attached_picture: false,
        is_default: true,
        pts: (0..i64::from(frames)).map(|frame| frame * STEP).collect(),
        keyframes,
        last_duration: STEP,
        block_bytes,
        // Not known: no rendition is then capped by it.
        bitrate_bps: 0,
    }
}

fn source(video: VideoStream, seconds: u32) -> Source {
    let sound = AudioStream {
        index: 1,
        codec: "aac".to_owned(),
        sample_rate_hz: SAMPLE_RATE_HZ,
        channel_count: 2,
        bitrate_bps: 192_000,
        time_base: Rational { numerator: 1, denominator: i64::from(SAMPLE_RATE_HZ) },
        first_pts: 0,
        duration: i64::from(seconds) * i64::from(SAMPLE_RATE_HZ),
        language: "und".to_owned(),
        title: String::new(),
        is_default: true,
        is_commentary: false,
        is_description: false,
        // As a rule sound is encoded again, which is the longer chain.
        copies_exactly: false,
    };
    Source {
        demuxer: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        duration_us: u64::from(seconds) * 1_000_000,
        // Not known: no rendition is then capped by it.
        bitrate_bps: 0,
        video: vec![video],
        audio: vec![sound],
        text: Vec::new(),
        notes: Vec::new(),
        inserts: Vec::new(),
    }
}
