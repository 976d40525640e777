//! The engine child process: started in a process group of its own with an almost empty environment, and
//! always ended with its whole group, politely first.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::conversation::Said;
use super::cpu;
use super::memory::Watch;
use crate::config;

/// Time between asking a child to end and making it.
const GRACE: Duration = Duration::from_secs(2);
/// Kept of what a child writes to standard error.
const STDERR_TAIL_BYTES: usize = 4 << 10;
/// What FFmpeg and the loader need; nothing else of the daemon's environment is the engine's business.
const ENVIRONMENT: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

/// A running engine.
#[derive(Debug)]
pub struct Child {
    /// What the engine says.
    pub stdout: BufReader<ChildStdout>,
    /// What the engine is told.
    pub stdin: ChildStdin,
    /// Before `process`: the group is killed before its leader is let go.
    group: Group,
    process: tokio::process::Child,
    memory: Watch,
    stderr_tail: JoinHandle<Vec<u8>>,
}

/// How a child is seen off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// It has said its last word and ends by itself.
    Await,
    /// It is told to end.
    Terminate,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code or signal; an error when the kernel did not tell.
    pub status: io::Result<ExitStatus>,
    /// User and system time of all its threads.
    pub cpu_time: Duration,
    /// Largest resident memory that was seen.
    pub peak_memory_bytes: u64,
    /// The last it wrote to standard error.
    pub stderr_tail: String,
}

/// Kills a process group when dropped, unless the leader was collected.
#[derive(Debug)]
struct Group {
    leader: Pid,
    is_collected: bool,
}

impl Farewell {
    /// A child that has said how it went ends by itself; every other is told to.
    pub fn after(said: &Said) -> Self {
        match said {
            Said::Done(_) | Said::Failed(_) | Said::Nothing => Self::Await,
            Said::Hung | Said::Stalled | Said::Broken(_) | Said::UploadFailed(_) | Said::Stopped(_) => {
                Self::Terminate
            }
        }
    }
}

impl Child {
    /// Starts an engine.
    pub fn start(engine: &config::Engine) -> io::Result<Self> {
        let kept = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut process = Command::new(&engine.program)
            .args(&engine.arguments)
            .env_clear()
            .envs(kept)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            // Cards are numbered as the system does it, not by their speed.
            .env("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
            .kill_on_drop(true)
            .spawn()?;
        let pid = process.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(io::ErrorKind::NotFound)?;
        let stderr = process.stderr.take().expect("standard error is piped");
        Ok(Self {
            stdout: BufReader::new(process.stdout.take().expect("standard output is piped")),
            stdin: process.stdin.take().expect("standard input is piped"),
            group: Group { leader: Pid::from_raw(pid), is_collected: false },
            process,
            memory: Watch::start(Pid::from_raw(pid)),
            stderr_tail: tokio::spawn(tail(stderr)),
        })
    }

    /// Sees the child off: waits for it, or asks it to end, and kills what is left after a grace period.
    pub async fn end(self, farewell: Farewell) -> Ended {
        let Self { stdout, stdin, mut group, mut process, memory, stderr_tail } = self;
        // An engine that has said its last word waits for the end of its input, so that it can be measured.
        let peak_memory_bytes = memory.peak_bytes();
        drop((memory, stdin, stdout));
        if farewell == Farewell::Terminate {
            group.signal(Signal::SIGTERM);
        }
        let leader = group.leader;
        let mut exit = tokio::task::spawn_blocking(move || await_exit(leader));
        if tokio::time::timeout(GRACE, &mut exit).await.is_err() {
            group.signal(Signal::SIGKILL);
            let _ = exit.await;
        }
        // The leader is a zombie now: its times can be read, and its group id cannot belong to anybody else
        // yet.
        let cpu_time = cpu::time(leader);
        group.signal(Signal::SIGKILL);
        group.is_collected = true;
        let status = process.wait().await;
        // A process that left the group may hold the pipe open; it must not hold the slot.
        let stderr_tail = tokio::time::timeout(GRACE, stderr_tail)
            .await
            .map_or_else(|_| Vec::new(), Result::unwrap_or_default);
        let stderr_tail = String::from_utf8_lossy(&stderr_tail).trim_end().to_owned();
        Ended { status, cpu_time, peak_memory_bytes, stderr_tail }
    }
}

impl Group {
    fn signal(&self, signal: Signal) {
        // A group that is gone already is what was wanted.
        let _ = killpg(self.leader, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_collected {
            self.signal(Signal::SIGKILL);
        }
    }
}

/// Blocks until the process has ended, and leaves it to be collected.
fn await_exit(pid: Pid) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags) == Err(nix::errno::Errno::EINTR) {}
}

async fn tail(mut from: ChildStderr) -> Vec<u8> {
    let mut kept = VecDeque::with_capacity(STDERR_TAIL_BYTES);
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        kept.extend(&buffer[..length]);
        kept.drain(..kept.len().saturating_sub(STDERR_TAIL_BYTES));
    }
    kept.into()
}
