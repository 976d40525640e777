//! The coordinator's folder: database, embedded objects, the admin token, and where the running coordinator is reached.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::clock::new_secret;

/// What the names of folders for fetches begin with.
const FETCH_PREFIX: &str = "fetch-";

/// A data folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("data folder: {path}: {source}")]
pub struct DataDirError {
    path: PathBuf,
    source: std::io::Error,
}

impl DataDir {
    /// Makes the folder if it is not there, for the owner only.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataDirError { path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.0.join("flotilla.sqlite")
    }

    /// The embedded object store's folder.
    pub fn objects(&self) -> PathBuf {
        self.0.join("objects")
    }

    /// The REST interface's secret, made at the first start and readable by the owner only.
    pub fn admin_token(&self) -> Result<String, DataDirError> {
        let path = admin_token_file(&self.0);
        let failed = |source| DataDirError { path: path.clone(), source };
        match std::fs::read_to_string(&path) {
            Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let token = new_secret();
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(failed)?;
        writeln!(file, "{token}").and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(token)
    }

    /// A new folder for a source that is being fetched; gone when it is dropped.
    pub fn fetch_folder(dir: &Path) -> std::io::Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix(FETCH_PREFIX).tempdir_in(dir)
    }

    /// Removes what fetches of a killed coordinator have left. Only for the one that holds the database.
    pub fn clear_fetches(&self) {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let left = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(FETCH_PREFIX));
        for folder in left {
            tracing::info!(folder = %folder.path().display(), "removing a fetch that was cut off");
            // One that cannot be removed wastes space and harms nothing.
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }

    /// Notes where the running coordinator is reached, for commands on this machine.
    pub fn note_url(&self, url: &str) -> Result<(), DataDirError> {
        let path = url_file(&self.0);
        std::fs::write(&path, format!("{url}\n")).map_err(|source| DataDirError { path, source })
    }

    /// The coordinator runs no more.
    pub fn forget_url(&self) {
        // A stale file only makes the next command's message a little less direct.
        let _ = std::fs::remove_file(url_file(&self.0));
    }
}

/// Where commands find the admin token of a coordinator whose data lies in `dir`.
pub fn admin_token_file(dir: &Path) -> PathBuf {
    dir.join("admin-token")
}

/// Where commands find the URL of a coordinator whose data lies in `dir`.
pub fn url_file(dir: &Path) -> PathBuf {
    dir.join("url")
}
