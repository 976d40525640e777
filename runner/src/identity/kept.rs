//! The identities of a runner, one for each coordinator that it works for. They lie in one file: as a plain object while there is
//! one, as every version has written it, and as a list where there are several.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{PRIVATE, StateDir, unusable};
use crate::error::Error;

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
    /// How much of the machine it is for, beside the others.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub share: NonZeroU32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    One(Identity),
    Several(Vec<Identity>),
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, runner_id, share, .. } = self;
        write!(f, "Identity {{ url: {url:?}, runner_id: {runner_id:?}, secret: …, share: {share} }}")
    }
}

impl StateDir {
    /// Where the identities are kept.
    pub fn identity_path(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    /// The stored identities, in the order of joining; none before the first `join`.
    pub fn identities(&self) -> Result<Vec<Identity>, Error> {
        let path = self.identity_path();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| unusable(&path, &error))?,
        };
        match serde_json::from_slice(&text) {
            Ok(Kept::One(identity)) => Ok(vec![identity]),
            Ok(Kept::Several(identities)) => Ok(identities),
            Err(error) => {
                let message = format!("the identity in {} is damaged: {error}", path.display());
                Err(Error::usage(message, "delete the file and join again with a new token"))
            }
        }
    }

    /// Stores one identity more, readable by its owner alone; in place of one of the same coordinator.
    pub fn add_identity(&self, identity: &Identity) -> Result<(), Error> {
        self.change_identities(|identities| {
            identities.retain(|other| other.url != identity.url);
            identities.push(identity.clone());
        })
    }

    /// Forgets the identity that a coordinator gave.
    pub fn forget_identity(&self, url: &str) -> Result<(), Error> {
        self.change_identities(|identities| identities.retain(|identity| identity.url != url))
    }

    fn change_identities(&self, change: impl FnOnce(&mut Vec<Identity>)) -> Result<(), Error> {
        // Two that join at the same time must not lose what the other one stores.
        let _turn = self.lock_identities()?;
        let mut identities = self.identities()?;
        change(&mut identities);
        let path = self.identity_path();
        let text = match identities.as_slice() {
            [] => return fs::remove_file(&path).map_err(|error| unusable(&path, &error)),
            [identity] => serde_json::to_vec_pretty(identity),
            several => serde_json::to_vec_pretty(several),
        };
        let text = text.expect("plain data has a JSON form");
        self.replace(&path, &text).map_err(|error| unusable(&path, &error))
    }

    fn lock_identities(&self) -> Result<Flock<File>, Error> {
        let path = self.path.join("identity.lock");
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(&path);
        let file = opened.map_err(|error| unusable(&path, &error))?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| unusable(&path, &error.into()))
    }
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn is_one(share: &NonZeroU32) -> bool {
    *share == NonZeroU32::MIN
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn identity(url: &str, share: u32) -> Identity {
        let share = NonZeroU32::new(share).unwrap();
        Identity { url: url.into(), runner_id: "r1".into(), secret: "hush".into(), share }
    }

    fn mode(state: &StateDir) -> u32 {
        fs::metadata(state.identity_path()).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn identities_are_kept_private_and_can_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("a/b")).unwrap();
        assert_eq!(state.identities().unwrap(), []);
        let (here, there) = (identity("http://here", 1), identity("http://there", 3));
        state.add_identity(&here).unwrap();
        assert_eq!((state.identities().unwrap(), mode(&state)), (vec![here.clone()], 0o600));
        state.add_identity(&there).unwrap();
        assert_eq!((state.identities().unwrap(), mode(&state)), (vec![here, there.clone()], 0o600));
        state.forget_identity("http://here").unwrap();
        assert_eq!((state.identities().unwrap(), mode(&state)), (vec![there], 0o600));
        state.forget_identity("http://there").unwrap();
        assert!(state.identities().unwrap().is_empty() && !state.identity_path().exists());
    }

    #[test]
    fn one_identity_is_read_and_written_as_ever() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let text = r#"{ "url": "http://here", "runner_id": "r1", "secret": "hush" }"#;
        fs::write(state.identity_path(), text).unwrap();
        assert_eq!(state.identities().unwrap(), [identity("http://here", 1)]);
        state.add_identity(&identity("http://here", 1)).unwrap();
        let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&fs::read(state.identity_path()).unwrap()), value(text.as_bytes()));
    }

    #[test]
    fn what_is_damaged_is_told_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        fs::write(state.identity_path(), "[{").unwrap();
        assert!(state.identities().unwrap_err().to_string().contains("damaged"));
        assert!(state.add_identity(&identity("http://here", 1)).is_err());
        assert_eq!(fs::read(state.identity_path()).unwrap(), b"[{");
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert!(!format!("{:?}", identity("http://here", 1)).contains("hush"));
    }
}
