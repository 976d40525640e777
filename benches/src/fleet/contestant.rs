//! The commands that are measured.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

/// A rendition that the fleet made.
pub struct Rung {
    width: u64,
    height: u64,
    frame_rate: String,
    gop_frames: u64,
    max_bitrate_bps: u64,
}

/// `flotilla transcode` with everything that belongs to it.
pub fn fleet(flotilla: &Path, clip: &Path, out: &Path, runners: Option<u32>) -> Command {
    let mut command = Command::new(flotilla);
    command.arg("transcode").arg(clip).args(["--profile", "web", "--out"]).arg(out);
    if let Some(runners) = runners {
        command.args(["--runners", &runners.to_string()]);
    }
    command
}

/// The video renditions of a result, largest first.
pub fn ladder(out: &Path) -> Result<Vec<Rung>> {
    let text = std::fs::read_to_string(out.join("report.json")).context("the fleet left no report.json")?;
    let report: Value = serde_json::from_str(&text).context("report.json is no JSON")?;
    let rungs = report["renditions"].as_array().context("report.json names no renditions")?;
    rungs.iter().map(rung).collect()
}

fn rung(rendition: &Value) -> Result<Rung> {
    let number = |value: &Value| value.as_u64().context("report.json lacks a figure of a rendition");
    let rate = &rendition["frame_rate"];
    let (numerator, denominator) = (number(&rate["numerator"])?, number(&rate["denominator"])?);
    Ok(Rung {
        width: number(&rendition["width"])?,
        height: number(&rendition["height"])?,
        frame_rate: format!("{numerator}/{denominator}"),
        gop_frames: 2 * (numerator as f64 / denominator as f64).round() as u64,
        max_bitrate_bps: number(&rendition["max_bitrate_bps"])?,
    })
}

/// One ffmpeg command: one decode, each rendition scaled from the one before it, audio encoded once.
pub fn limit(clip: &Path, ladder: &[Rung], out: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(clip);
    command.args(["-filter_complex", &graph(ladder)]);
    for (number, rung) in ladder.iter().enumerate() {
        let (gop, rate) = (rung.gop_frames.to_string(), rung.max_bitrate_bps);
        command.args([
            "-map",
            &format!("[out{number}]"),
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "23",
        ]);
        command.args(["-maxrate", &rate.to_string(), "-bufsize", &(2 * rate).to_string(), "-g", &gop]);
        command.args(["-bf", "16", "-b_strategy", "1", "-pix_fmt", "yuv420p", "-r", &rung.frame_rate]);
        command.arg(out.join(format!("{number}.mp4")));
    }
    command.args(["-map", "0:a?", "-c:a", "aac"]).arg(out.join("audio.mp4"));
    command
}

fn graph(ladder: &[Rung]) -> String {
    let mut graph = String::new();
    let mut from = "[0:v]".to_owned();
    for (number, rung) in ladder.iter().enumerate() {
        let scaled = format!("{from}scale={}:{}:flags=bicubic", rung.width, rung.height);
        if number + 1 == ladder.len() {
            graph += &format!("{scaled}[out{number}]");
        } else {
            from = format!("[next{number}]");
            graph += &format!("{scaled},split[out{number}]{from};");
        }
    }
    graph
}
