//! `report.json`, which a job leaves beside its result: what was made, by which tasks, at what cost.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A rendition that the fleet made.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Its folder.
    pub name: String,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Frames a second, as a fraction.
    pub frame_rate: (u64, u64),
    /// Frames.
    pub frames: u64,
    /// Length of the file, bytes.
    pub size_bytes: u64,
    /// Cap of the encoder, bit/s; 0: it had none.
    pub max_bitrate_bps: u64,
}

/// A task as it was done.
#[derive(Clone, Debug)]
pub struct Task {
    /// "probe", "encode_chunk", "encode_audio", "extract_text", "assemble".
    pub kind: String,
    /// Which of its kind.
    pub index: u64,
    /// Processor time of its engine, ms.
    pub cpu_ms: u64,
    /// From start to last byte, ms.
    pub ran_ms: u64,
    /// Largest memory of its engine, bytes.
    pub peak_memory_bytes: u64,
    /// Bytes in.
    pub bytes_downloaded: u64,
    /// Bytes out.
    pub bytes_uploaded: u64,
    /// Frames of a chunk, in its finest grid.
    pub frames: u64,
}

/// What is read of a report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Length of the source, bytes.
    pub source_bytes: u64,
    /// Video renditions, largest first.
    pub ladder: Vec<Rung>,
    /// All tasks, chunks in order.
    pub tasks: Vec<Task>,
    /// Processor time of all attempts, ms.
    pub cpu_ms: u64,
    /// Bytes that all attempts read.
    pub bytes_downloaded: u64,
    /// Bytes that all attempts wrote.
    pub bytes_uploaded: u64,
    /// Attempts at all tasks.
    pub attempts: u64,
}

impl Report {
    /// Of the result in a folder.
    pub fn read(out: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(out.join("report.json")).context("the fleet left no report.json")?;
        Self::parse(&serde_json::from_str(&text).context("report.json is no JSON")?)
    }

    /// Of its JSON.
    pub fn parse(report: &Value) -> Result<Self> {
        let list = |name: &str| report[name].as_array().with_context(|| format!("report.json has no {name}"));
        let mut tasks = list("tasks")?.iter().map(task).collect::<Result<Vec<_>>>()?;
        tasks.sort_by_key(|task| task.index);
        Ok(Self {
            source_bytes: number(&report["job"]["source_bytes"])?,
            ladder: list("renditions")?.iter().map(rung).collect::<Result<_>>()?,
            tasks,
            cpu_ms: number(&report["totals"]["cpu_ms"])?,
            bytes_downloaded: number(&report["totals"]["bytes_downloaded"])?,
            bytes_uploaded: number(&report["totals"]["bytes_uploaded"])?,
            attempts: number(&report["totals"]["attempts"])?,
        })
    }

    /// The tasks of a kind, in order.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Task> {
        self.tasks.iter().filter(move |task| task.kind == kind)
    }

    /// Processor time of the tasks of a kind, seconds.
    pub fn cpu_seconds(&self, kind: &str) -> f64 {
        self.of(kind).map(|task| task.cpu_ms as f64 / 1000.0).sum()
    }

    /// Frames, in the finest grid, at which a chunk begins; without the first.
    pub fn seams(&self) -> Vec<u64> {
        let ends = self.of("encode_chunk").scan(0, |end, task| {
            *end += task.frames;
            Some(*end)
        });
        let mut seams: Vec<u64> = ends.collect();
        seams.pop();
        seams
    }
}

fn rung(rendition: &Value) -> Result<Rung> {
    let rate = &rendition["frame_rate"];
    Ok(Rung {
        name: rendition["name"].as_str().context("a rendition has no name")?.to_owned(),
        width: number(&rendition["width"])?,
        height: number(&rendition["height"])?,
        frame_rate: (number(&rate["numerator"])?, number(&rate["denominator"])?),
        frames: number(&rendition["frames"])?,
        size_bytes: number(&rendition["bytes"])?,
        max_bitrate_bps: number(&rendition["max_bitrate_bps"])?,
    })
}

fn task(task: &Value) -> Result<Task> {
    Ok(Task {
        kind: task["kind"].as_str().context("a task has no kind")?.to_owned(),
        index: number(&task["index"])?,
        cpu_ms: number(&task["cpu_ms"])?,
        ran_ms: number(&task["ran_ms"])?,
        peak_memory_bytes: number(&task["peak_memory_bytes"])?,
        bytes_downloaded: number(&task["bytes_downloaded"])?,
        bytes_uploaded: number(&task["bytes_uploaded"])?,
        frames: number(&task["frames"])?,
    })
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().context("report.json lacks a figure")
}
