//! Who this runner is: made by `join`, stored as JSON that only its owner can read, forgotten by `leave`; and the folder
//! in which that lies, with all else that a runner keeps.

mod kept;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

pub use self::kept::Identity;
use crate::error::Error;

/// Modes of files.
const PRIVATE: u32 = 0o600;
const OPEN: u32 = 0o644;
/// Tries at the claim of a folder, and the time between them.
const CLAIM_TRIES: u32 = 5;
const CLAIM_WAIT: Duration = Duration::from_millis(20);

/// The folder that holds all that a runner keeps between starts.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// Held while a daemon runs; two daemons with one identity would take each other for dead.
#[derive(Debug)]
pub struct Claim {
    _lock: Flock<File>,
}

impl StateDir {
    /// Opens the folder, making it where it is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| unusable(path, &error))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where the results of encoder trials are kept.
    pub fn trials_path(&self) -> PathBuf {
        self.path.join("trials.json")
    }

    /// Where what is known of hardware devices is kept.
    pub fn devices_path(&self) -> PathBuf {
        self.path.join("devices.json")
    }

    /// Where the result of the last benchmark is kept.
    pub fn bench_path(&self) -> PathBuf {
        self.path.join("bench.json")
    }

    /// Where a pause is kept.
    pub fn pause_path(&self) -> PathBuf {
        self.path.join("pause.json")
    }

    /// Where a daemon tells what it does.
    pub fn status_path(&self) -> PathBuf {
        self.path.join("status.json")
    }

    /// Where a daemon tells whom it has not joined yet.
    pub fn pending_path(&self) -> PathBuf {
        self.path.join("pending.json")
    }

    /// Writes a file whole or not at all, with mode 0600 from its first byte on.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        put(path, bytes, PRIVATE, File::sync_all)
    }

    /// The same for what is no secret, which may belong to another user than the daemon: the folder guards it.
    pub fn replace_open(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        put(path, bytes, OPEN, File::sync_all)
    }

    /// The same for what a power cut may lose.
    pub fn note(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        put(path, bytes, OPEN, |_| Ok(()))
    }

    /// Whether a daemon runs with this folder.
    pub fn is_claimed(&self) -> Result<bool, Error> {
        let path = self.claim_path();
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(|error| unusable(&path, &error))?,
        };
        // Shared: two who ask do not take each other for the daemon.
        Ok(Flock::lock(file, FlockArg::LockSharedNonblock).is_err())
    }

    fn claim_path(&self) -> PathBuf {
        self.path.join("run.lock")
    }

    /// Claims the folder for a daemon, for as long as the claim lives.
    pub fn claim(&self) -> Result<Claim, Error> {
        let path = self.claim_path();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| unusable(&path, &error))?;
        let taken = |_| {
            let message = format!("another flotilla-runner runs with the state in {}", self.path.display());
            Error::usage(message, "stop it first, or give this one its own folder with --state-dir")
        };
        let mut claimed = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        for _ in 1..CLAIM_TRIES {
            let Err((file, _)) = claimed else { break };
            // Who only asks whether it is claimed holds it for a moment.
            std::thread::sleep(CLAIM_WAIT);
            claimed = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        }
        claimed.map(|lock| Claim { _lock: lock }).map_err(taken)
    }
}

fn put(path: &Path, bytes: &[u8], mode: u32, settle: impl Fn(&File) -> io::Result<()>) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
    file.write_all(bytes)?;
    settle(&file)?;
    fs::rename(&fresh, path)
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    let message = format!("{} cannot be used: {error}", path.display());
    Error::usage(message, "choose a folder that this user can write with --state-dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_per_state_folder() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let claim = state.claim().unwrap();
        assert!(state.claim().is_err());
        drop(claim);
        assert!(state.claim().is_ok());
    }
}
