//! Processor and wall time of a command with all its descendants, which are watched meanwhile.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::process::Watched;

/// Between two looks for the command's end.
const LOOK: Duration = Duration::from_millis(10);

/// Looks for the end between two looks at all processes.
const LOOKS: u32 = 20;

/// What one run cost.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// User and system time of the command and every descendant that was waited for.
    pub cpu_seconds: f64,
    /// From start to end.
    pub wall_seconds: f64,
    /// Who took what.
    pub watched: Watched,
}

/// Runs a command to its end; an unsuccessful one measures nothing.
pub fn run(command: Command) -> Result<Figures> {
    run_all(vec![command])
}

/// Runs commands one after the other, counted together.
pub fn run_all(commands: Vec<Command>) -> Result<Figures> {
    let before = children_cpu()?;
    let started = Instant::now();
    let mut watched = Watched::default();
    for command in commands {
        watched.extend(&follow(command)?);
    }
    let wall_seconds = started.elapsed().as_secs_f64();
    Ok(Figures { cpu_seconds: (children_cpu()? - before).as_secs_f64(), wall_seconds, watched })
}

fn follow(mut command: Command) -> Result<Watched> {
    // A file: a pipe that nobody reads would stop the command.
    let mut complaint = tempfile::tempfile().context("no temporary file")?;
    let stderr = complaint.try_clone().context("no temporary file")?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    let mut watched = Watched::default();
    let status = watch(&mut child, &mut watched)?;
    if !status.success() {
        bail!("{command:?} failed: {status}\n{}", text(&mut complaint));
    }
    Ok(watched)
}

/// Looks at the processes until the first of them has ended.
fn watch(child: &mut Child, watched: &mut Watched) -> Result<ExitStatus> {
    let root = i32::try_from(child.id()).context("a process id is out of range")?;
    for look in 0_u32.. {
        if let Some(status) = child.try_wait().context("the command cannot be waited for")? {
            return Ok(status);
        }
        if look % LOOKS == 0 {
            watched.look(root);
        }
        std::thread::sleep(LOOK);
    }
    bail!("the command does not end")
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read back is left out of the message.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
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
