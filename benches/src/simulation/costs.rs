//! Costs of tasks, recorded from the reports of real runs. `costs.json` keeps the recordings; what the model needs is
//! derived from them here.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The recordings that are shipped.
const SHIPPED: &str = include_str!("costs.json");

/// Recordings of real runs on one machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recordings {
    /// The machine, for people: speed 1 is the speed of one of its processors.
    pub machine: String,
    /// How they were made.
    pub command: String,
    /// Processor time of `ffmpeg -threads 1 -i CLIP -map 0:v -f null -` over the clips, microseconds for a million
    /// pixels.
    pub decode_us_per_megapixel: f64,
    /// Processor time of a probe's share in a frame of the source, microseconds: of an hour-long file.
    pub probe_us_per_frame: f64,
    /// One per clip.
    pub clips: Vec<Clip>,
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clip {
    /// Name of the file.
    pub name: String,
    /// Pixels of all renditions' frames, millions.
    pub output_megapixels: f64,
    /// Length of the sound.
    pub audio_seconds: f64,
    /// Processor time of the probe.
    pub probe_ms: u64,
    /// Processor time of all sound.
    pub audio_ms: u64,
    /// Of each chunk: its share in the frames, and its processor time.
    pub chunks: Vec<(f64, u64)>,
    /// Of each assembly: MiB read, and its processor time.
    pub assemblies: Vec<(f64, u64)>,
}

/// What tasks take on a slot of speed 1.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Start and end of any engine, milliseconds.
    pub start_ms: f64,
    /// Of a million pixels of output, decoding included.
    pub encode_ms_per_megapixel: f64,
    /// Of a million pixels of the source that are decoded in vain.
    pub decode_ms_per_megapixel: f64,
    /// Of a second of sound.
    pub audio_ms_per_second: f64,
    /// Of a frame of the source.
    pub probe_ms_per_frame: f64,
    /// Of what is joined.
    pub assemble_ms_per_mebibyte: f64,
    /// Effort of stretches of real videos, in that of a mean stretch of the same video.
    pub unevenness: Vec<f64>,
}

impl Costs {
    /// Those that are shipped.
    pub fn shipped() -> Self {
        Self::of(&serde_json::from_str(SHIPPED).expect("costs.json reads back"))
    }

    fn of(recordings: &Recordings) -> Self {
        let clips = &recordings.clips;
        let assemblies = || clips.iter().flat_map(|clip| &clip.assemblies);
        let start_ms = assemblies().map(|(_, ms)| *ms).min().unwrap_or(0) as f64;
        let chunks = |clip: &Clip| clip.chunks.iter().map(|(_, ms)| *ms as f64 - start_ms).sum::<f64>();
        let sum = |of: &dyn Fn(&Clip) -> f64| clips.iter().map(of).sum::<f64>();
        let unevenness = clips.iter().flat_map(|clip| {
            let mean = chunks(clip);
            clip.chunks.iter().map(move |(share, ms)| (*ms as f64 - start_ms) / share / mean)
        });
        Self {
            start_ms,
            encode_ms_per_megapixel: sum(&chunks) / sum(&|clip| clip.output_megapixels),
            decode_ms_per_megapixel: recordings.decode_us_per_megapixel / 1000.0,
            audio_ms_per_second: sum(&|clip| clip.audio_ms as f64 - start_ms)
                / sum(&|clip| clip.audio_seconds),
            probe_ms_per_frame: recordings.probe_us_per_frame / 1000.0,
            assemble_ms_per_mebibyte: assemblies().map(|(_, ms)| *ms as f64 - start_ms).sum::<f64>()
                / assemblies().map(|(mebibytes, _)| mebibytes).sum::<f64>(),
            unevenness: unevenness.collect(),
        }
    }
}

/// Takes a recording out of a `report.json`.
///
/// # Errors
/// The report lacks a figure.
pub fn record(name: &str, report: &Value) -> Result<Clip> {
    let number = |value: &Value| value.as_f64().context("the report lacks a figure");
    let renditions = report["renditions"].as_array().context("the report names no renditions")?;
    let pixels = |video: &Value| {
        Ok(number(&video["width"])? * number(&video["height"])? * number(&video["frames"])? / 1e6)
    };
    let audio = &report["source"]["audio"][0];
    let audio_seconds = match audio["time_base"]["denominator"].as_f64() {
        Some(rate) => number(&audio["duration"])? * number(&audio["time_base"]["numerator"])? / rate,
        None => 0.0,
    };
    let tasks = report["tasks"].as_array().context("the report names no tasks")?;
    let of = |kind: &'static str| tasks.iter().filter(move |task| task["kind"] == kind);
    let cpu_ms = |task: &Value| task["cpu_ms"].as_u64().context("a task lacks its processor time");
    let frames: f64 = of("encode_chunk").filter_map(|task| task["frames"].as_f64()).sum();
    let chunk = |task: &Value| Ok((number(&task["frames"])? / frames, cpu_ms(task)?));
    let assembly =
        |task: &Value| Ok((number(&task["bytes_downloaded"])? / f64::from(1 << 20), cpu_ms(task)?));
    Ok(Clip {
        name: name.to_owned(),
        output_megapixels: renditions.iter().map(pixels).sum::<Result<f64>>()?,
        audio_seconds,
        probe_ms: of("probe").map(cpu_ms).sum::<Result<u64>>()?,
        audio_ms: of("encode_audio").map(cpu_ms).sum::<Result<u64>>()?,
        chunks: of("encode_chunk").map(chunk).collect::<Result<_>>()?,
        assemblies: of("assemble").map(assembly).collect::<Result<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_costs_are_of_a_plausible_size() {
        let costs = Costs::shipped();
        assert!((5.0..100.0).contains(&costs.encode_ms_per_megapixel), "{costs:?}");
        assert!((0.2..10.0).contains(&costs.decode_ms_per_megapixel), "{costs:?}");
        assert!((1.0..100.0).contains(&costs.audio_ms_per_second), "{costs:?}");
        let mean = costs.unevenness.iter().sum::<f64>() / costs.unevenness.len() as f64;
        assert!((0.7..1.3).contains(&mean), "{costs:?}");
    }
}
