//! Clips made and read by the FFmpeg command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder of clips that goes away with it.
pub struct Clips(TempDir);

impl Clips {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A clip of FFmpeg's test picture, which differs in each frame. `arguments` are for its encoder.
    pub fn make(&self, name: &str, source: &str, arguments: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let input = format!("-f lavfi -i {source}");
        ffmpeg(input.split(' ').chain(arguments.split(' ')).chain([path.to_str().unwrap()]));
        path
    }

    /// A copy that players turn by a quarter.
    pub fn turn(&self, clip: &Path, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let copy = format!("-i {} -c copy -metadata:s:v rotate=270 {}", clip.display(), path.display());
        ffmpeg(copy.split(' '));
        path
    }

    /// What FFmpeg makes of other clips; `arguments` name them.
    pub fn copy(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.0.path().join(name);
        ffmpeg(arguments.split(' ').chain([path.to_str().unwrap()]));
        path
    }

    /// Bytes as a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Presentation times of all frames that a player shows, as `ffprobe` decodes them, in ticks of the stream.
pub fn decoded_pts(path: &Path) -> Vec<i64> {
    let arguments = "-v error -select_streams v:0 -show_entries frame=best_effort_timestamp -of csv=p=0";
    let output = Command::new("ffprobe").args(arguments.split(' ')).arg(path).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut times: Vec<i64> = Vec::new();
    for line in lines.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty()) {
        // A frame that has no time goes on at the pace of those before it.
        times.push(line.parse().unwrap_or_else(|_| times[times.len() - 1] * 2 - times[times.len() - 2]));
    }
    times
}

/// Presentation time and hash of the pixels of all frames, as `ffmpeg` decodes them.
pub fn frame_hashes(path: &Path) -> Vec<(i64, String)> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-copyts", "-i", path.to_str().unwrap()])
        .args("-map 0:v:0 -fps_mode passthrough -enc_time_base -1 -pix_fmt yuv420p -f framemd5 -".split(' '))
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let frames = lines.lines().filter(|line| !line.starts_with('#'));
    frames.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>()).map(parse_hash).collect()
}

/// Hashes of the pixels of all frames of a clip in order, as `ffmpeg` decodes them from its start, whatever their times.
pub fn decoded_hashes(path: &Path) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i", path.to_str().unwrap()])
        .args("-map 0:v:0 -fps_mode passthrough -pix_fmt yuv420p -vf setpts=N -f framemd5 -".split(' '))
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let frames = lines.lines().filter(|line| !line.starts_with('#'));
    frames.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

fn parse_hash(fields: Vec<&str>) -> (i64, String) {
    (fields[2].parse().unwrap(), fields[5].to_owned())
}

fn ffmpeg<'a>(arguments: impl Iterator<Item = &'a str>) {
    let status = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).status().unwrap();
    assert!(status.success());
}
