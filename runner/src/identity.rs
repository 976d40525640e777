//! Who this runner is: made by `join`, stored as JSON that only its owner can read, forgotten by `leave`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Modes of files.
const PRIVATE: u32 = 0o600;
const OPEN: u32 = 0o644;
/// Tries at the claim of a folder, and the time between them.
const CLAIM_TRIES: u32 = 5;
const CLAIM_WAIT: Duration = Duration::from_millis(20);

/// An identity that a coordinator gave out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Address of the coordinator.
    pub url: String,
    /// Id at the coordinator.
    pub runner_id: String,
    /// Proves the id; never shown.
    pub secret: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity {{ url: {:?}, runner_id: {:?}, secret: … }}", self.url, self.runner_id)
    }
}

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

    /// Where the identity is kept.
    pub fn identity_path(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    /// Where a pause is kept.
    pub fn pause_path(&self) -> PathBuf {
        self.path.join("pause.json")
    }

    /// Where a daemon tells what it does.
    pub fn status_path(&self) -> PathBuf {
        self.path.join("status.json")
    }

    /// The stored identity; none before the first `join`.
    pub fn identity(&self) -> Result<Option<Identity>, Error> {
        let path = self.identity_path();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| unusable(&path, &error))?,
        };
        let damaged = |error| {
            let message = format!("the identity in {} is damaged: {error}", path.display());
            Error::usage(message, "delete the file and join again with a new token")
        };
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Stores an identity, readable by its owner alone.
    pub fn store_identity(&self, identity: &Identity) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(identity).expect("plain data has a JSON form");
        self.replace(&self.identity_path(), &text).map_err(|error| unusable(&self.identity_path(), &error))
    }

    /// Forgets the identity.
    pub fn forget_identity(&self) -> Result<(), Error> {
        fs::remove_file(self.identity_path()).map_err(|error| unusable(&self.identity_path(), &error))
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn identity() -> Identity {
        Identity { url: "http://127.0.0.1:1".into(), runner_id: "r1".into(), secret: "hush".into() }
    }

    #[test]
    fn an_identity_is_kept_private_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("a/b")).unwrap();
        assert_eq!(state.identity().unwrap(), None);
        state.store_identity(&identity()).unwrap();
        let mode = fs::metadata(state.identity_path()).unwrap().permissions().mode();
        assert_eq!((state.identity().unwrap(), mode & 0o777), (Some(identity()), 0o600));
        state.forget_identity().unwrap();
        assert_eq!(state.identity().unwrap(), None);
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", identity()).contains("hush"));
    }

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
