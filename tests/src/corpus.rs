//! Runs a folder of media through one coordinator and tells, file by file, what became of it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::fleet::{Coordinator, FileServer, Job};
use crate::wait::wait_for;

/// The small profile that the corpus is made with: what is tested is the way in, not the encoder.
const PROFILE: &str = "corpus";

/// What a job may take, the wait for all those before it included.
const AT_MOST: Duration = Duration::from_secs(1800);

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Its name in the folder.
    pub file: String,
    /// "published", or the class of the failure.
    pub outcome: String,
    /// Why it failed; empty when it was published.
    pub reason: String,
    /// What was published of it.
    pub published: Option<Made>,
    /// Largest memory that an engine took for it; 0: no engine has read it. Differs from run to run.
    pub peak_memory_bytes: u64,
}

/// What was published of a file, beside what the system's own FFmpeg finds in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Names of renditions and audio tracks.
    pub renditions: Vec<String>,
    /// Frames of the largest rendition.
    pub frames: u64,
    /// Frames that FFmpeg decodes of the stream that was used.
    pub frames_decoded: u64,
    /// Milliseconds of sound of the first track.
    pub sound_ms: u64,
    /// Milliseconds of sound that FFmpeg decodes.
    pub sound_decoded_ms: u64,
    /// What people are told.
    pub notes: Vec<String>,
}

/// All files below a folder, by name; texts about them are not media.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the corpus is a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_none_or(|extension| extension != "md") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Submits every file, and waits for all of them.
pub fn run(coordinator: &Coordinator, files: &[PathBuf], chunk_seconds: u32) -> Vec<Fate> {
    let submit = |(index, path): (usize, &PathBuf)| {
        let server = FileServer::start(path.clone());
        let prefix = format!("corpus/{chunk_seconds}/{index}");
        let submitted = coordinator.try_submit(&server.url(), PROFILE, chunk_seconds, &prefix);
        // Which port the file was served from is of no account.
        submitted.map_err(|sentence| sentence.replace(&server.url(), &name(path)))
    };
    let jobs: Vec<_> = files.iter().enumerate().map(submit).collect();
    let fate = |(path, job): (&PathBuf, Result<Job, String>)| match job {
        Ok(job) => ended(coordinator, path, &job),
        Err(reason) => {
            let (file, outcome) = (name(path), "source".into());
            Fate { file, outcome, reason, published: None, peak_memory_bytes: 0 }
        }
    };
    files.iter().zip(jobs).map(fate).collect()
}

fn ended(coordinator: &Coordinator, path: &Path, job: &Job) -> Fate {
    let over = wait_for(&format!("the end of {}", path.display()), AT_MOST, || {
        let job = coordinator.job(job);
        ["published", "failed"].contains(&text(&job["state"]).as_str()).then_some(job)
    });
    let file = name(path);
    let peak_memory_bytes = over["peak_memory_bytes"].as_u64().unwrap_or(0);
    if over["state"] == "published" {
        let report = coordinator.bucket().json(&format!("{}/report.json", job.prefix));
        return Fate {
            file,
            outcome: "published".into(),
            reason: String::new(),
            published: Some(made(path, &report)),
            peak_memory_bytes,
        };
    }
    // What a failed job keeps for another try goes when somebody gives it up.
    coordinator.json(&["cancel", &job.id]);
    let (outcome, reason) = (text(&over["failure"]["class"]), text(&over["failure"]["message"]));
    Fate { file, outcome, reason, published: None, peak_memory_bytes }
}

fn made(path: &Path, report: &Value) -> Made {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (video, audio) = (list(&report["renditions"]), list(&report["audio"]));
    let names = video.iter().chain(&audio).map(|made| text(&made["name"])).collect();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let first = audio.first().cloned().unwrap_or_default();
    let rate = number(&first["sample_rate_hz"]).max(1);
    Made {
        renditions: names,
        frames: video.first().map_or(0, |top| number(&top["frames"])),
        frames_decoded: if video.is_empty() { 0 } else { decoded_frames(path) },
        sound_ms: number(&first["samples"]) * 1000 / rate,
        sound_decoded_ms: if audio.is_empty() { 0 } else { decoded_sound_ms(path) },
        notes: list(&report["notes"]).iter().map(text).collect(),
    }
}

/// As many frames as `ffprobe` decodes of the first video stream that is no cover picture.
fn decoded_frames(path: &Path) -> u64 {
    let words = "-v quiet -select_streams V:0 -count_frames -show_entries stream=nb_read_frames -of csv=p=0";
    let output = Command::new("ffprobe").args(words.split(' ')).arg(path).output().expect("ffprobe starts");
    let said = String::from_utf8_lossy(&output.stdout);
    said.split(|char: char| !char.is_ascii_digit()).find_map(|number| number.parse().ok()).unwrap_or(0)
}

fn decoded_sound_ms(path: &Path) -> u64 {
    const RATE_HZ: u64 = 8000;
    let words = format!("-map 0:a:0 -ac 1 -ar {RATE_HZ} -f u8 -");
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-nostdin", "-i"])
        .arg(path)
        .args(words.split(' '))
        .output()
        .expect("ffmpeg starts");
    output.stdout.len() as u64 * 1000 / RATE_HZ
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file has a name").to_string_lossy().into_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Fate {
    /// The same with another number of chunks: all but what the chunks themselves are told of, and what they took.
    pub fn without_chunks(mut self) -> Self {
        self.peak_memory_bytes = 0;
        if let Some(made) = &mut self.published {
            made.notes.retain(|note| !note.contains("chunk"));
            // Where frames are missing is told by chunks.
            made.notes.iter_mut().for_each(|note| {
                let end = note.find(" in its place").unwrap_or(note.len());
                note.truncate(end);
            });
        }
        self
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}\n    {}", self.file, self.outcome)?;
        let Some(made) = &self.published else { return writeln!(to, ": {}", self.reason) };
        writeln!(to, ": {}", made.renditions.join(" "))?;
        if made.frames > 0 {
            writeln!(to, "    {} frames of {} that FFmpeg decodes", made.frames, made.frames_decoded)?;
        }
        if made.sound_ms > 0 {
            writeln!(
                to,
                "    {} ms of sound of {} that FFmpeg decodes",
                made.sound_ms, made.sound_decoded_ms
            )?;
        }
        made.notes.iter().try_for_each(|note| writeln!(to, "    note: {note}"))
    }
}
