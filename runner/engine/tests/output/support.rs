//! Inputs and outputs in memory, and the FFmpeg command line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flotilla_engine::error::Result;
use flotilla_engine::pipe::{Inputs, Outputs, SharedInputs};
use flotilla_engine::report::{Report, Track};
use flotilla_engine::run::execute;
use flotilla_engine::spec::Task;
use tempfile::TempDir;

struct Stored {
    inputs: Vec<Vec<u8>>,
    read_bytes: Arc<AtomicUsize>,
}

impl Inputs for Stored {
    fn count(&self) -> usize {
        self.inputs.len()
    }

    fn size(&self, input: usize) -> u64 {
        self.inputs[input].len() as u64
    }

    fn read_at(&mut self, input: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let rest = self.inputs[input].get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read_bytes.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

#[derive(Default)]
struct Collected(Vec<Vec<u8>>);

impl Outputs for Collected {
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()> {
        if self.0.len() <= output {
            self.0.resize(output + 1, Vec::new());
        }
        self.0[output].extend_from_slice(bytes);
        Ok(())
    }

    fn progress(&mut self, _done: u64) -> Result<()> {
        Ok(())
    }
}

/// Runs a task over these inputs and returns its report and outputs.
pub fn run(task: &Task, inputs: Vec<Vec<u8>>) -> Result<(Report, Vec<Vec<u8>>)> {
    run_counted(task, inputs).map(|(report, outputs, _)| (report, outputs))
}

/// The same, with the number of bytes that were read.
pub fn run_counted(task: &Task, inputs: Vec<Vec<u8>>) -> Result<(Report, Vec<Vec<u8>>, usize)> {
    let read_bytes: Arc<AtomicUsize> = Arc::default();
    let inputs: SharedInputs = Arc::new(Mutex::new(Stored { inputs, read_bytes: read_bytes.clone() }));
    let mut outputs = Collected::default();
    let report = execute(task, &inputs, &mut outputs)?;
    Ok((report, outputs.0, read_bytes.load(Ordering::Relaxed)))
}

/// A folder that is gone after the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a file with `ffmpeg ARGUMENTS name` and returns its bytes.
    pub fn make(&self, name: &str, arguments: &str) -> Vec<u8> {
        let path = self.path(name);
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(arguments.split_whitespace())
            .arg(&path)
            .status()
            .unwrap();
        assert!(status.success(), "ffmpeg {arguments}");
        std::fs::read(path).unwrap()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A track as a published rendition: `NAME.mp4` and `NAME.m3u8` with byte ranges, four fragments a
    /// segment.
    pub fn publish(&self, name: &str, track: &Track, media: &[u8], timescale: u32) -> [PathBuf; 2] {
        let file = format!("{name}.mp4");
        let init = track.init_segment.len();
        let mut playlist = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:30\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXT-X-MAP:URI=\"{file}\",BYTERANGE=\"{init}@0\"\n"
        );
        let mut offset = init;
        for segment in track.fragments.chunks(4) {
            let size: usize = segment.iter().map(|fragment| fragment.size_bytes as usize).sum();
            let ticks: u32 = segment.iter().map(|fragment| fragment.duration).sum();
            let seconds = f64::from(ticks) / f64::from(timescale);
            playlist += &format!("#EXTINF:{seconds:.6},\n#EXT-X-BYTERANGE:{size}@{offset}\n{file}\n");
            offset += size;
        }
        let whole = [&track.init_segment[..], media].concat();
        assert_eq!(offset, whole.len(), "the fragment index covers the file");
        [
            self.write(&file, &whole),
            self.write(&format!("{name}.m3u8"), (playlist + "#EXT-X-ENDLIST\n").as_bytes()),
        ]
    }
}

/// Presentation times of all frames as FFmpeg decodes them, in display order, microseconds; decoding must be
/// silent.
pub fn frame_times_us(path: &Path, stream: &str) -> Vec<i64> {
    let text = command(
        "ffprobe",
        &["-v", "warning", "-select_streams", stream, "-show_entries", "frame=pts_time", "-of", "csv=p=0"],
        path,
    );
    let micros = |line: &str| {
        let (whole, part) = line.trim_end_matches(',').split_once('.').unwrap();
        let value =
            whole.trim_start_matches('-').parse::<i64>().unwrap() * 1_000_000 + part.parse::<i64>().unwrap();
        if whole.starts_with('-') { -value } else { value }
    };
    text.lines().filter(|line| !line.is_empty()).map(micros).collect()
}

/// All samples of the first audio track, 16 bits, as FFmpeg decodes them.
pub fn samples(path: &Path) -> Vec<i16> {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-f", "s16le", "-"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn command(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(path).output().unwrap();
    assert!(output.stderr.is_empty(), "{program} {path:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
