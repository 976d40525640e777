//! The access key of an embedded server, made at random at its first start.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::OpenError;

/// The one key pair that may do everything.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Names the key.
    pub access_key: String,
    /// Signs requests. Never printed.
    pub secret_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Credentials {
    /// New ones, from the system's randomness.
    pub fn random() -> Self {
        let (name, secret): ([u8; 10], [u8; 32]) = (rand::random(), rand::random());
        Self { access_key: format!("FLOTILLA{}", hex::encode_upper(name)), secret_key: hex::encode(secret) }
    }

    /// Those in the file, which is made readable for its owner only when it is not there.
    pub(super) fn load_or_create(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|source| OpenError::Credentials { path: path.to_owned(), source }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let credentials = Self::random();
                credentials.store(path).map_err(failed)?;
                Ok(credentials)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn store(&self, path: &Path) -> std::io::Result<()> {
        let partial = path.with_extension("partial");
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    }
}
