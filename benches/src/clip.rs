//! What ffprobe says of a clip, as far as the peers' commands and the accounts need it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A source.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Frames a second, rounded: as the peers reckon.
    pub frame_rate: u64,
    /// Lines.
    pub height: u64,
    /// Length of the file, bytes.
    pub size_bytes: u64,
    /// Frames of the video, in the order in which they are coded: true where decoding can start.
    pub keyframes: Vec<bool>,
}

impl Clip {
    /// Asks ffprobe, and counts the packets of the first video stream.
    pub fn probe(path: &Path) -> Result<Self> {
        let entries = "stream=avg_frame_rate,height:packet=flags";
        let answer = ffprobe(path, &["-select_streams", "v:0", "-show_packets", "-show_entries", entries])?;
        let stream = &answer["streams"][0];
        let rate = stream["avg_frame_rate"].as_str().context("the clip has no video")?;
        let (numerator, denominator) = rate.split_once('/').context("ffprobe gives no frame rate")?;
        let (numerator, denominator): (f64, f64) = (numerator.parse()?, denominator.parse()?);
        ensure!(denominator > 0.0 && numerator > 0.0, "the clip states no frame rate");
        let packets = answer["packets"].as_array().context("the clip has no packets")?;
        let is_key = |packet: &Value| packet["flags"].as_str().is_some_and(|flags| flags.starts_with('K'));
        Ok(Self {
            frame_rate: (numerator / denominator).round() as u64,
            height: stream["height"].as_u64().context("the clip has no height")?,
            size_bytes: std::fs::metadata(path)?.len(),
            keyframes: packets.iter().map(is_key).collect(),
        })
    }

    /// Frames from the last keyframe at or before `frame` to `frame`: decoded in vain by a chunk that starts there.
    pub fn lead_in_frames(&self, frame: usize) -> usize {
        let before = &self.keyframes[..(frame + 1).min(self.keyframes.len())];
        before.iter().rev().position(|is_key| *is_key).unwrap_or(0)
    }
}

/// What ffprobe answers, as JSON.
pub fn ffprobe(path: &Path, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json"]).args(arguments).arg(path);
    let output = command.output().context("ffprobe does not start")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ffprobe {}: {complaint}", path.display());
    serde_json::from_slice(&output.stdout).context("ffprobe gives no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_in_counts_from_the_last_keyframe() {
        let keyframes = [true, false, false, true, false].to_vec();
        let clip = Clip { frame_rate: 24, height: 720, size_bytes: 1, keyframes };
        for (frame, expected) in [(0, 0), (2, 2), (3, 0), (4, 1), (9, 1)] {
            assert_eq!(clip.lead_in_frames(frame), expected, "{frame}");
        }
    }
}
