//! On what was measured: a figure without its machine means nothing.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// What the figures depend on beside the programs.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Main memory, MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Version of the `ffmpeg` in the PATH, which the peers run.
    pub ffmpeg: String,
    /// Load average of one minute at the start; the bench itself runs nothing before.
    pub load_before: f64,
}

impl Machine {
    /// Asks this machine, before anything runs.
    pub fn ask() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores,
            memory_mib: field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0) >> 10,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            ffmpeg: ffmpeg(),
            load_before: load(),
        }
    }

    /// Two lines for people.
    pub fn print(&self) {
        println!(
            "{}, {} cores, {} MiB, Linux {}, FFmpeg {}",
            self.processor, self.cores, self.memory_mib, self.kernel, self.ffmpeg
        );
        let noise = if self.is_busy() { "; other work ran: the figures are noisy" } else { "" };
        println!("load average {:.2} before, {:.2} after{noise}", self.load_before, load());
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor, "cores": self.cores, "memory_mib": self.memory_mib,
            "kernel": self.kernel, "ffmpeg": self.ffmpeg,
            "load_before": self.load_before, "load_after": load(), "is_busy": self.is_busy(),
        })
    }

    /// Whether other work ran when the bench began; its own load makes the later average worthless for that.
    fn is_busy(&self) -> bool {
        self.load_before > 0.3
    }
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// The first field of this name in a file of `name : value` lines.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = |line: &str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(value).unwrap_or_else(|| "unknown".into())
}

fn ffmpeg() -> String {
    let output = Command::new("ffmpeg").arg("-version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split(' ').nth(2).unwrap_or("missing").to_owned()
}
