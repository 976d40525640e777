//! VMAF, where a program `ffmpeg` on this machine has the filter; the libraries that engines use need not have it. The
//! program gets two files that engines made of our own clip: what is judged, and what its encoder was given.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

/// Looked for in `PATH` where no other is named.
pub const PROGRAM: &str = "ffmpeg";

/// What the figure is.
pub const WHAT: &str = "VMAF (FFmpeg's libvmaf with its default model, mean of all frames) of the same";

const FILTER: &str = "libvmaf";

/// It lists its filters at once, or never.
const LIST_LIMIT: Duration = Duration::from_secs(20);

/// For one case: a slow machine takes half a minute for five seconds of 540p.
const JUDGE_LIMIT: Duration = Duration::from_secs(300);

/// Names in a folder of our own: in a filter's options most signs of a path would mean something.
const MADE: &str = "made.mp4";
const SENT: &str = "sent.mp4";
const LOG: &str = "vmaf.json";

/// Bytes of a program's last words that are told.
const MAX_WORDS: usize = 200;

/// A program that has the filter.
#[derive(Clone, Debug)]
pub struct Judge {
    program: PathBuf,
}

/// How a video looks, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Of all frames.
    pub mean: f64,
    /// Of the frame that looks worst.
    pub worst: f64,
}

impl Judge {
    /// Asks a program for its filters; the error says in one sentence why it cannot judge.
    pub async fn find(program: &Path) -> Result<Self, String> {
        // A name alone is looked for in PATH, a path is meant from here and not from the folder of the files.
        let program = match program.components().count() {
            1 => program.to_owned(),
            _ => std::path::absolute(program).unwrap_or_else(|_| program.to_owned()),
        };
        let mut command = Command::new(&program);
        command.args(["-hide_banner", "-v", "error", "-filters"]);
        let output = run(command, &program, LIST_LIMIT).await?;
        match has_filter(&String::from_utf8_lossy(&output.stdout)) {
            true => Ok(Self { program }),
            false => Err(format!("{} lacks the filter {FILTER}", program.display())),
        }
    }

    /// Holds a file, frame by frame, against what was sent to its encoder; the error says in one sentence why not.
    pub async fn score(&self, made: &[u8], sent: &[u8], frame_count: usize) -> Result<Score, String> {
        let kept =
            |error: io::Error| format!("no file for {} can be written: {error}", self.program.display());
        let folder = tempfile::tempdir().map_err(kept)?;
        std::fs::write(folder.path().join(MADE), made).map_err(kept)?;
        std::fs::write(folder.path().join(SENT), sent).map_err(kept)?;
        let mut command = Command::new(&self.program);
        command.args(["-v", "error", "-nostdin", "-i", MADE, "-i", SENT, "-filter_complex", &filters()]);
        command.args(["-f", "null", "-"]).current_dir(folder.path());
        run(command, &self.program, JUDGE_LIMIT).await?;
        let log = std::fs::read_to_string(folder.path().join(LOG));
        read(&log.map_err(|error| format!("{FILTER} left no log: {error}"))?, frame_count)
    }
}

/// Frames are paired by their number, and both are said to be of one colour: newer programs would convert between what is
/// tagged and what is not. What is judged comes first, as the filter wants it.
fn filters() -> String {
    let alike = "settb=1/1000,setpts=N,\
                 setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709";
    format!("[0:v]{alike}[made];[1:v]{alike}[sent];[made][sent]{FILTER}=log_fmt=json:log_path={LOG}")
}

/// " .. libvmaf           VV->V      Calculate the VMAF between two video streams."
fn has_filter(list: &str) -> bool {
    list.lines().any(|line| line.split_whitespace().nth(1) == Some(FILTER))
}

/// Runs a program to its end, for so long at most; it ends with this future.
async fn run(mut command: Command, program: &Path, limit: Duration) -> Result<Output, String> {
    let program = program.display();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| format!("{program} did not end within {} seconds", limit.as_secs()))?
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{program} failed: {}", last_words(&output))),
    }
}

/// The last line that a program wrote, or how it ended.
fn last_words(output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr);
    let line = words.lines().map(str::trim).rfind(|line| !line.is_empty());
    let plain = line.map(|line| line.chars().filter(|sign| !sign.is_control()).take(MAX_WORDS).collect());
    plain.unwrap_or_else(|| output.status.to_string())
}

#[derive(Deserialize)]
struct Log {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    vmaf: f64,
}

/// The filter's log. Frames that it left out would change the mean.
fn read(log: &str, frame_count: usize) -> Result<Score, String> {
    let log: Log =
        serde_json::from_str(log).map_err(|error| format!("{FILTER}'s log does not read: {error}"))?;
    let scores: Vec<f64> = log.frames.iter().map(|frame| frame.metrics.vmaf).collect();
    match scores.len() == frame_count && frame_count > 0 {
        true => Ok(Score {
            mean: scores.iter().sum::<f64>() / frame_count as f64,
            worst: scores.iter().copied().fold(f64::INFINITY, f64::min),
        }),
        false => Err(format!("{FILTER} judged {} frames of {frame_count}", scores.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvmaf 3 wrote it, of three frames.
    const RECORDED: &str = include_str!("recorded/vmaf.json");

    #[test]
    fn a_recorded_log_is_read() {
        let score = read(RECORDED, 3).unwrap();
        let log: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
        let pooled = |name: &str| log["pooled_metrics"]["vmaf"][name].as_f64().unwrap();
        assert!((score.mean - pooled("mean")).abs() < 1e-5, "{score:?}");
        assert!((score.worst - pooled("min")).abs() < 1e-5 && score.worst < score.mean, "{score:?}");
    }

    #[test]
    fn frames_that_were_not_judged_and_logs_that_are_none_are_told() {
        assert_eq!(read(RECORDED, 4), Err("libvmaf judged 3 frames of 4".to_owned()));
        assert_eq!(read(r#"{"frames": []}"#, 0), Err("libvmaf judged 0 frames of 0".to_owned()));
        for wrong in ["", "{}", r#"{"frames": [{"metrics": {"psnr": 40}}]}"#] {
            assert!(read(wrong, 1).unwrap_err().contains("does not read"), "{wrong}");
        }
    }

    #[test]
    fn the_filter_is_found_by_its_whole_name() {
        assert!(has_filter(" .. libvmaf           VV->V      Calculate the VMAF between two video streams."));
        assert!(!has_filter(" .. libvmaf_cuda      VV->V      Calculate the VMAF"));
        assert!(!has_filter(" ... ssim              VV->V      Like libvmaf."));
    }

    #[tokio::test]
    async fn a_program_that_is_none_is_told() {
        let why = Judge::find(Path::new("/nowhere/ffmpeg")).await.unwrap_err();
        assert!(why.starts_with("/nowhere/ffmpeg cannot be run: "), "{why}");
        let why = Judge::find(Path::new("false")).await.unwrap_err();
        assert_eq!(why, "false failed: exit status: 1");
    }
}
