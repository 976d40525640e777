//! What was made, as a table and where it lies.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::exit::{Exit, UserError};
use crate::cli::table::{duration, rate, size, table};

/// Prints the table of a finished job, or its last JSON line.
pub fn print(out: &Path, written: &[PathBuf], json: bool) -> Result<(), UserError> {
    let path = out.join("report.json");
    let unreadable = |error: &dyn std::fmt::Display| {
        UserError::new(
            Exit::Storage,
            format!("{} cannot be read: {error}", path.display()),
            "check the output folder",
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
    let report: Value = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    if json {
        println!("{}", json!({ "event": "done", "out": out, "files": written, "report": report }));
        return Ok(());
    }
    println!("{}\n", renditions(&report));
    println!("{}\n", totals(&report));
    let main = written.iter().find(|path| path.ends_with("master.m3u8")).or(written.last());
    if let Some(main) = main {
        println!("play it   ffplay {}", main.display());
    }
    println!("report    {}", path.display());
    Ok(())
}

fn renditions(report: &Value) -> comfy_table::Table {
    let mut rows = table(&["name", "codec", "size", "frames", "bytes", "average", "peak", "encoder"]);
    for video in list(report, "renditions") {
        let size_pixels = format!("{}x{}", video["width"], video["height"]);
        rows.add_row(row(video, size_pixels, number(&video["frames"]).to_string()));
    }
    for audio in list(report, "audio") {
        let shape = format!("{} Hz, {} ch", audio["sample_rate_hz"], audio["channel_count"]);
        rows.add_row(row(audio, shape, String::new()));
    }
    rows
}

fn row(track: &Value, shape: String, frames: String) -> [String; 8] {
    let text = |key: &str| track[key].as_str().unwrap_or_default().to_owned();
    let version = track["encoder"]["version"].as_str().filter(|version| !version.is_empty());
    let encoder = version.or(track["encoder"]["name"].as_str()).unwrap_or_default().to_owned();
    let bit_rate = |key: &str| rate(number(&track[key]));
    let bytes = size(number(&track["bytes"]));
    let (average, peak) = (bit_rate("average_bitrate_bps"), bit_rate("peak_bitrate_bps"));
    [text("name"), text("codec"), shape, frames, bytes, average, peak, encoder]
}

fn totals(report: &Value) -> String {
    let totals = &report["totals"];
    let took = |key: &str| format!("{}.{} s", number(&totals[key]) / 1000, number(&totals[key]) % 1000 / 100);
    let wall = number(&totals["wall_ms"]);
    let long = if wall >= 60_000 { format!(" ({})", duration(wall)) } else { String::new() };
    let chunks = list(report, "tasks").filter(|task| task["kind"] == "encode_chunk").count();
    format!(
        "took {}{long}, {} of processor time, {chunks} chunks, {} attempts, {} read, {} written",
        took("wall_ms"),
        took("cpu_ms"),
        number(&totals["attempts"]),
        size(number(&totals["bytes_downloaded"])),
        size(number(&totals["bytes_uploaded"])),
    )
}

fn list<'a>(report: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    report[key].as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
