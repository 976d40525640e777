//! The comparison as a table, and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

/// What one contestant took and made.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub name: String,
    /// Frames that were made.
    pub frames: u64,
    /// Of the encodes; of a peer, of its command.
    pub cpu_seconds: f64,
    /// Of the whole command; the fleet's starts, tries its encoders and publishes.
    pub wall_seconds: f64,
    /// Of the result.
    pub size_bytes: u64,
    /// Mean over all frames.
    pub ssim: f64,
    /// Most of one process.
    pub threads: usize,
    /// Most engines at a time, and their threads that ran or would have, on average; none for a peer.
    pub at_work: Option<(usize, f64)>,
}

impl Row {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name, "frames": self.frames, "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds, "bytes": self.size_bytes, "ssim": self.ssim, "threads": self.threads,
            "engines_at_once": self.at_work.map(|(engines, _)| engines),
            "busy_engine_threads": self.at_work.map(|(_, threads)| threads),
        })
    }
}

/// One line a contestant.
pub fn table(rows: &[Row], slots: usize) -> String {
    let mut text = String::from("frames/cpu s   cpu s  wall s        kB     SSIM  threads\n");
    for row in rows {
        let _ = writeln!(
            text,
            "{:>12.1}{:>8.2}{:>8.2}{:>10.1}{:>9.5}{:>9}  {}",
            row.frames as f64 / row.cpu_seconds,
            row.cpu_seconds,
            row.wall_seconds,
            row.size_bytes as f64 / 1000.0,
            row.ssim,
            row.threads,
            row.name
        );
    }
    for row in rows {
        if let Some((engines, busy)) = row.at_work {
            let is_kept = engines <= slots && busy <= slots as f64;
            let verdict = if is_kept { "not oversubscribed" } else { "OVERSUBSCRIBED" };
            let _ = writeln!(
                text,
                "{}: at most {engines} engines, {busy:.2} threads at work on average, {slots} slots: {verdict}",
                row.name
            );
        }
    }
    text
}
