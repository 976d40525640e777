//! Processor and wall time of a command with all its descendants.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// User and system time of the command and every descendant that was waited for.
    pub cpu_seconds: f64,
    /// From start to end.
    pub wall_seconds: f64,
}

/// Runs a command to its end; an unsuccessful one measures nothing.
pub fn run(mut command: Command) -> Result<Figures> {
    let before = children_cpu()?;
    let started = Instant::now();
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} does not start"))?;
    let wall = started.elapsed();
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let cpu = children_cpu()? - before;
    Ok(Figures { cpu_seconds: cpu.as_secs_f64(), wall_seconds: wall.as_secs_f64() })
}

/// The middle value; of an even number the lower middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

fn children_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("the system does not tell processor time")?;
    let duration = |time: TimeVal| {
        Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0))
    };
    Ok(duration(usage.user_time()) + duration(usage.system_time()))
}
