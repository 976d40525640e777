//! A runner process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::coordinator::Coordinator;
use super::process::Process;
use super::programs::runner_program;

/// What the first runner's trial encodes found, for the others: they take seconds, and this is one machine.
static TRIALS: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// What an engine may take: more than any source here needs.
pub const ENGINE_MEMORY_MIB: u64 = 3072;

/// A running `flotilla-runner run`.
pub struct Runner {
    /// The name that the coordinator shows.
    pub name: String,
    /// The daemon.
    pub process: Process,
    state: PathBuf,
}

impl Runner {
    /// Joins `coordinator` and starts to work, `slots` tasks at a time. State and log lie in `folder`.
    pub fn start(coordinator: &Coordinator, name: &str, slots: u32, folder: &Path) -> Self {
        Self::start_with(coordinator, name, slots, folder, |_| {})
    }

    /// As [`Runner::start`], with more settings.
    pub fn start_with(
        coordinator: &Coordinator,
        name: &str,
        slots: u32,
        folder: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let token = coordinator.token();
        let state = folder.join(name);
        if let Some(trials) = &*TRIALS.lock().expect("no holder panics") {
            fs::create_dir_all(&state).expect("a folder can be made");
            fs::write(state.join("trials.json"), trials).expect("a file can be written");
        }
        let configure = |command: &mut Command| {
            command.args(["run", "--url", coordinator.url(), "--token", &token, "--name", name, "-v"]);
            command.args(["--engine-memory-mib", &ENGINE_MEMORY_MIB.to_string()]);
            command.args(["--slots", &slots.to_string()]).env("FLOTILLA_RUNNER_STATE", &state);
            more(command);
        };
        let process = Process::start(&runner_program(), configure, &folder.join(format!("{name}.log")));
        Self { name: name.into(), process, state }
    }

    /// Says something to it as its owner does, and returns what was answered.
    pub fn tell(&self, words: &[&str]) -> String {
        let mut command = Command::new(runner_program());
        let output = command.args(words).env("FLOTILLA_RUNNER_STATE", &self.state).output();
        let output = output.expect("the runner's program starts");
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{words:?}: {said} {}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.log()).unwrap_or_default()
    }

    /// A file of its state that is JSON; null while it is not there.
    pub fn state(&self, name: &str) -> serde_json::Value {
        let text = fs::read(self.state.join(name)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Its engine children: one for each task that it works on.
    pub fn engines(&self) -> Vec<Pid> {
        self.process.children()
    }

    /// Kills one engine child, as the kernel does when memory runs out. True: there was one.
    pub fn kill_an_engine(&self) -> bool {
        self.engines().first().is_some_and(|&engine| kill(engine, Signal::SIGKILL).is_ok())
    }

    /// Tells it to finish what it does and go, and waits for that.
    pub fn drain(mut self, at_most: Duration) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait_end(at_most);
        assert!(status.success(), "{} drained with {status}", self.name);
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Ok(trials) = fs::read(self.state.join("trials.json"))
            && let Ok(mut kept) = TRIALS.lock()
        {
            kept.get_or_insert(trials);
        }
    }
}
