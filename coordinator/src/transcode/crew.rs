//! The runner processes of one `flotilla transcode`: started together, watched, and gone at the end whatever happens.
//! Their standard input is a pipe that only this process holds, and they stop when it closes: even kill -9 of this
//! process leaves none behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::app::Coordinator;
use crate::cli::exit::{Exit, UserError};
use crate::domain::JobId;
use crate::jobs::{JobsError, NewToken, Submission};

/// How long a runner may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Runner processes.
pub struct Crew {
    runners: Vec<Child>,
    logs: PathBuf,
}

impl Crew {
    /// Starts `wanted` runners that share this machine's processors; by default one with a slot per processor. They try
    /// only what the profile needs: trials take a moment.
    pub async fn muster(
        coordinator: &Coordinator,
        wanted: Option<u32>,
        profile: &str,
        work: &Path,
        verbose: u8,
    ) -> Result<Self, UserError> {
        let binary = runner_binary()?;
        let count = wanted.unwrap_or(1);
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        let profile = coordinator.jobs().profiles().get(profile).map_err(JobsError::profile)?;
        let encoders = profile.encoders().join(",");
        let token = NewToken { note: "flotilla transcode".into(), uses: count, ..NewToken::default() };
        let (_, token) = coordinator.jobs().create_token(token).await?;
        let mut crew = Self { runners: Vec::new(), logs: work.to_owned() };
        for number in 1..=count {
            // The processors are dealt out, so that no slot waits while another has two.
            let slots = (processors / count + u32::from(number <= processors % count)).max(1);
            let name = format!("runner-{number}");
            let mut command = Command::new(&binary);
            command
                .args(["run", "--stop-with-stdin", "--url", &coordinator.url(), "--name", &name])
                .args(["--slots", &slots.to_string(), "--encoders", &encoders])
                .env("FLOTILLA_RUNNER_TOKEN", &token)
                .env("FLOTILLA_RUNNER_STATE", work.join(&name))
                .args(std::iter::repeat_n("-v", verbose.into()))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(stderr(verbose, &crew.log(number))?)
                // Ctrl-C at the terminal is for us; we tell them.
                .process_group(0)
                .kill_on_drop(true);
            let child = command.spawn().map_err(|error| not_started(&binary, &error))?;
            crew.runners.push(child);
        }
        Ok(crew)
    }

    /// Submits what the crew is here for; when that is refused, it goes first.
    pub async fn submit(
        self,
        coordinator: &Coordinator,
        submission: Submission,
    ) -> Result<(Self, JobId), UserError> {
        match coordinator.jobs().submit(submission).await {
            Ok(job_id) => Ok((self, job_id)),
            Err(error) => {
                self.dismiss().await;
                Err(error.into())
            }
        }
    }

    /// How many runners were started.
    pub fn len(&self) -> usize {
        self.runners.len()
    }

    /// What went wrong, when no runner is left.
    pub async fn all_gone(&mut self) -> Option<UserError> {
        let mut last = None;
        for runner in &mut self.runners {
            last = Some(runner.try_wait().ok().flatten()?);
        }
        let exit = match last?.code() {
            Some(5) => Exit::NoRunner,
            _ => Exit::Internal,
        };
        let (message, hint) = self.last_words();
        Some(UserError::new(exit, message, hint))
    }

    /// Asks all runners to stop, and kills those that do not.
    pub async fn dismiss(mut self) {
        for runner in &mut self.runners {
            // There is nothing that they could finish, so they stop at once.
            drop(runner.stdin.take());
        }
        for runner in &mut self.runners {
            if tokio::time::timeout(GRACE, runner.wait()).await.is_err() {
                let _ = runner.kill().await;
            }
        }
    }

    fn log(&self, number: u32) -> PathBuf {
        self.logs.join(format!("runner-{number}.log"))
    }

    /// What the first runner said before it went: its error and hint, as it prints them.
    fn last_words(&self) -> (String, String) {
        let log = std::fs::read_to_string(self.log(1)).unwrap_or_default();
        let said = |mark: &str| log.lines().rev().find_map(|line| line.strip_prefix(mark)).map(str::to_owned);
        let message =
            said("error: ").unwrap_or_else(|| "the runner processes ended before the job was done".into());
        (message, said("hint: ").unwrap_or_else(|| "run again with -v to see what the runners say".into()))
    }
}

/// With `-v` people see what the runners say; otherwise it is kept for the case that they fail.
fn stderr(verbose: u8, log: &Path) -> Result<Stdio, UserError> {
    if verbose > 0 {
        return Ok(Stdio::inherit());
    }
    let file = std::fs::File::create(log);
    file.map(Stdio::from).map_err(|error| {
        let message = format!("cannot write {}: {error}", log.display());
        UserError::new(Exit::Storage, message, "check free space, or name another --work-dir")
    })
}

/// The runner lies beside this program, or where FLOTILLA_RUNNER_BINARY says, or in the PATH.
fn runner_binary() -> Result<PathBuf, UserError> {
    if let Some(named) = std::env::var_os("FLOTILLA_RUNNER_BINARY") {
        return Ok(PathBuf::from(named));
    }
    let beside = std::env::current_exe().ok().and_then(|here| Some(here.parent()?.join("flotilla-runner")));
    let in_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("flotilla-runner")).find(|file| file.is_file())
    };
    beside.filter(|file| file.is_file()).or_else(in_path).ok_or_else(|| {
        let hint = "build both programs with `cargo build --release`, or set FLOTILLA_RUNNER_BINARY";
        UserError::new(
            Exit::NoRunner,
            "the program flotilla-runner is neither beside this one nor in the PATH",
            hint,
        )
    })
}

fn not_started(binary: &Path, error: &std::io::Error) -> UserError {
    let message = format!("{} cannot be started: {error}", binary.display());
    UserError::new(
        Exit::NoRunner,
        message,
        "is it built for this machine, with its FFmpeg libraries installed?",
    )
}
