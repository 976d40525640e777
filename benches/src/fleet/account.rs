//! What a job moved and held, beside the limits that the project sets itself.

use std::fmt::Write;

use flotilla_benches::measure::Figures;
use flotilla_benches::process::Role;
use flotilla_benches::report::Report;
use serde_json::{Value, json};

/// Chunk tasks together may read so much of a source, index included.
const MAX_DOWNLOAD: f64 = 1.10;

/// Largest memory of a daemon, MB; the coordinator's limit is for an idle one without object store.
const MAX_DAEMON_MB: f64 = 60.0;

/// Up to this short side an engine may hold [`MAX_ENGINE_MB`], above [`MAX_LARGE_ENGINE_MB`].
const LARGE_ABOVE: u64 = 1080;
const MAX_ENGINE_MB: f64 = 600.0;
const MAX_LARGE_ENGINE_MB: f64 = 1800.0;

struct Line {
    name: &'static str,
    value: f64,
    unit: &'static str,
    limit: Option<f64>,
}

/// A table and its figures, of the last round's report and all rounds' processes.
pub fn account(report: &Report, rounds: &[Figures]) -> (String, Value) {
    let lines = lines(report, rounds);
    let mut text = String::new();
    for line in &lines {
        let verdict = match line.limit {
            Some(limit) if line.value <= limit => format!("of at most {limit}: kept"),
            Some(limit) => format!("of at most {limit}: NOT KEPT"),
            None => String::new(),
        };
        let _ = writeln!(text, "{:<44}{:>9.2} {:<4} {verdict}", line.name, line.value, line.unit);
    }
    let figure = |line: &Line| {
        let is_kept = line.limit.map(|limit| line.value <= limit);
        json!({ "name": line.name, "value": line.value, "unit": line.unit, "limit": line.limit, "kept": is_kept })
    };
    (text, lines.iter().map(figure).collect())
}

fn lines(report: &Report, rounds: &[Figures]) -> Vec<Line> {
    let chunk_bytes: u64 = report.of("encode_chunk").map(|task| task.bytes_downloaded).sum();
    let engine_bytes = report.tasks.iter().map(|task| task.peak_memory_bytes).max().unwrap_or(0);
    let peak = |role| rounds.iter().map(|round| round.watched.peak_bytes(role)).max().unwrap_or(0);
    let top = report.ladder.iter().map(|rung| rung.width.min(rung.height)).max().unwrap_or(0);
    let engine_limit = if top > LARGE_ABOVE { MAX_LARGE_ENGINE_MB } else { MAX_ENGINE_MB };
    let line = |name, value, unit, limit| Line { name, value, unit, limit };
    let share = |bytes: u64| bytes as f64 / report.source_bytes.max(1) as f64;
    vec![
        line("chunks", report.of("encode_chunk").count() as f64, "", None),
        line("attempts at all tasks", report.attempts as f64, "", None),
        line("read by chunk tasks, of the source's size", share(chunk_bytes), "x", Some(MAX_DOWNLOAD)),
        line("read by all tasks, of the source's size", share(report.bytes_downloaded), "x", None),
        line("written by all tasks", megabytes(report.bytes_uploaded), "MB", None),
        line("largest engine", megabytes(engine_bytes), "MB", Some(engine_limit)),
        line("runner daemon, most memory", megabytes(peak(Role::Runner)), "MB", Some(MAX_DAEMON_MB)),
        line("coordinator with object store, most memory", megabytes(peak(Role::Coordinator)), "MB", None),
    ]
}

/// Bytes in millions.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The largest memory of an idle coordinator.
pub const fn max_idle_mb() -> f64 {
    MAX_DAEMON_MB
}
