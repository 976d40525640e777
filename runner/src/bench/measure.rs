//! One case, measured: an engine in every slot at the same time, and what they did.

use std::fmt;
use std::time::{Duration, Instant};

use flotilla_engine::report::Report;
use flotilla_engine::spec::Task;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::cases::Case;
use super::clip::Clip;
use super::energy::Counters;
use super::quality::{Made, Quality};
use crate::attempt::local::{self, Done, Keep};
use crate::config;

/// What one run showed, all engines together.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// From the start of the first engine to the end of the last.
    pub took: Duration,
    /// Mean over the engines of the time from an engine's start to its last word.
    pub slot_took: Duration,
    /// Of all engines.
    pub cpu_time: Duration,
    /// Of the engine that held most.
    pub peak_memory_bytes: u64,
    /// Of all engines.
    pub output_bytes: u64,
    /// Where it can be measured.
    pub joules: Option<f64>,
}

/// What the runs of a case showed: medians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// As profiles name it.
    pub encoder: String,
    /// Its preset; of rav1e its speed.
    pub preset: String,
    /// "540p ladder", "360p".
    pub size: String,
    /// Frames of the clip that each engine encoded.
    pub frames_per_slot: u64,
    /// How often.
    pub runs: usize,
    /// Frames of the clip per second, all engines together.
    pub frames_per_second: f64,
    /// Seconds of video per second, all engines together.
    pub times_real_time: f64,
    /// Output pixels per second of one engine while all work, as the scheduler counts.
    pub pixels_per_second_per_slot: u64,
    /// Whether the scheduler is told so of the encoder.
    pub is_usual: bool,
    /// (Fastest - slowest) / median of the runs, per cent; none for one run.
    pub spread_percent: Option<f64>,
    /// CPU seconds for a minute of video.
    pub cpu_seconds_per_minute: f64,
    /// Of the engine that held most in any run.
    pub peak_memory_bytes: u64,
    /// Of all renditions together.
    pub output_kbps: f64,
    /// Joules for a minute of video, of whom the findings say; none where it cannot be measured.
    pub joules_per_minute: Option<f64>,
    /// Structural similarity of brightness, mean of all frames of the largest rendition; none where it cannot be told.
    pub ssim: Option<f64>,
    /// The same of the frame that is least alike.
    pub ssim_worst: Option<f64>,
    /// Bit rate of the largest rendition alone, which has that similarity.
    pub ssim_kbps: Option<f64>,
    /// VMAF, mean of all frames of the largest rendition, 0 to 100; none where there is no program for it.
    pub vmaf: Option<f64>,
    /// The same of the frame that looks worst.
    pub vmaf_worst: Option<f64>,
    /// Engines at work at the same time.
    pub engines: u32,
    /// Encodes at a time that the device carries; none: software has no such limit.
    pub sessions: Option<u32>,
}

/// Encodes the case's frames with all engines at once. What the first of them makes is kept for a look at it, where that is
/// wanted; copying it costs a thousandth of the encode.
pub async fn once(
    case: &Case,
    clip: &Clip,
    engine: &config::Engine,
    (engines, keep): (u32, Keep),
    energy: Option<&Counters>,
) -> Result<(Run, Option<Made>), String> {
    let before = energy.and_then(Counters::read);
    let started = Instant::now();
    let one = |number: u32| {
        let keep = if number == 0 { keep } else { Keep::Nothing };
        let task = Task::EncodeChunk(clip.chunk(case));
        local::run(engine, task, vec![Clip::bytes()], (case.sizes.len(), keep))
    };
    let done = try_join_all((0..engines).map(one)).await?;
    let took = started.elapsed();
    let joules = energy.and_then(|energy| Some(energy.joules(&before?, &energy.read()?)));
    done.iter().try_for_each(|done| verify(done, clip.frame_count(case) as u64))?;
    let run = Run {
        took,
        slot_took: done.iter().map(|done| done.took).sum::<Duration>() / engines.max(1),
        cpu_time: done.iter().map(|done| done.cpu_time).sum(),
        peak_memory_bytes: done.iter().map(|done| done.peak_memory_bytes).max().unwrap_or(0),
        output_bytes: done.iter().map(|done| done.output_bytes).sum(),
        joules,
    };
    Ok((run, done.first().and_then(Made::of)))
}

/// An engine that leaves out frames would be a fast one.
fn verify(done: &Done, frame_count: u64) -> Result<(), String> {
    let Report::EncodeChunk { renditions, .. } = &done.report else {
        return Err("the engine answered another task than it was given".to_owned());
    };
    match renditions.iter().find(|rendition| rendition.sample_count != frame_count) {
        Some(short) => Err(format!("{} of {frame_count} frames came back", short.sample_count)),
        None => Ok(()),
    }
}

impl Measurement {
    /// What these runs of so many engines together say; there is at least one.
    pub fn of(case: &Case, clip: &Clip, engines: u32, runs: &[Run], quality: &Quality) -> Self {
        let likeness = quality.likeness.as_ref().ok();
        let score = quality.score.as_ref().and_then(|score| score.as_ref().ok());
        let frames_per_slot = clip.frame_count(case) as u64;
        let frames = frames_per_slot * u64::from(engines);
        let per_second: Vec<f64> = runs.iter().map(|run| frames as f64 / seconds(run.took)).collect();
        let frames_per_second = median(&per_second);
        let minutes = clip.seconds(frames) / 60.0;
        let of = |value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
        let joules: Option<Vec<f64>> = runs.iter().map(|run| run.joules).collect();
        let slot_pixels = (case.pixels() * frames_per_slot) as f64;
        Self {
            encoder: case.encoder.clone(),
            preset: case.preset.clone(),
            size: case.size(),
            frames_per_slot,
            runs: runs.len(),
            frames_per_second: rounded(frames_per_second),
            times_real_time: rounded(clip.seconds(1) * frames_per_second),
            pixels_per_second_per_slot: (slot_pixels / of(|run| seconds(run.slot_took))) as u64,
            is_usual: case.is_usual,
            spread_percent: spread_percent(&per_second).map(rounded),
            cpu_seconds_per_minute: rounded(of(|run| run.cpu_time.as_secs_f64()) / minutes),
            peak_memory_bytes: runs.iter().map(|run| run.peak_memory_bytes).max().unwrap_or(0),
            output_kbps: rounded(of(|run| run.output_bytes as f64) * 8.0 / 1000.0 / (minutes * 60.0)),
            joules_per_minute: joules.map(|joules| rounded(median(&joules) / minutes)),
            ssim: likeness.map(|likeness| fine(likeness.mean_ssim_y)),
            ssim_worst: likeness.map(|likeness| fine(likeness.worst_ssim_y)),
            ssim_kbps: likeness.map(|_| rounded(quality.kbps)),
            vmaf: score.map(|score| rounded(score.mean)),
            vmaf_worst: score.map(|score| rounded(score.worst)),
            engines,
            sessions: case.device.as_ref().map(|device| device.sessions),
        }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoder, preset, size, frames_per_second, times_real_time, .. } = self;
        write!(
            f,
            "{encoder} {preset} {size}: {frames_per_second:.1} frames/s, {times_real_time:.2}x real time"
        )
    }
}

/// Never 0, so that it can be divided by.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64().max(1e-6)
}

/// Of an even number the mean of the two in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// How far the values lie apart, per cent of the median; none of fewer than two.
pub fn spread_percent(values: &[f64]) -> Option<f64> {
    let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
        (least.min(*value), most.max(*value))
    });
    (values.len() > 1 && median(values) > 0.0).then(|| (most - least) / median(values) * 100.0)
}

/// Three digits behind the point: a text of it is read as the same number everywhere.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Six digits, as the filter tells it: what matters of a similarity stands far behind the point.
fn fine(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
