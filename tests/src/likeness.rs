//! How alike pictures are, by FFmpeg's SSIM: 1 is the same.

use std::path::Path;
use std::process::Command;

/// Mean likeness of what a filter graph compares last, by `ssim`.
///
/// # Panics
/// When FFmpeg compares nothing.
pub fn likeness(inputs: &[&Path], graph: &str) -> f64 {
    let mut ffmpeg = Command::new("ffmpeg");
    for input in inputs {
        ffmpeg.arg("-i").arg(input);
    }
    let output = ffmpeg.args(["-lavfi", graph, "-f", "null", "-"]).output().expect("ffmpeg is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let value = said.split("All:").nth(1).and_then(|rest| rest.split(' ').next());
    value.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}
