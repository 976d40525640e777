//! Copies a published result out of the store into a folder.
//!
//! Everything is first fetched into a hidden folder `.flotilla-JOB.partial` inside the target and moved when
//! all of it is there, the manifest last. So a failure leaves the target as it was; a file that is no part of
//! the result is never touched; and what is already there under a name of the result is replaced as a whole.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::objects::{Location, Storage, StorageClass, StorageError};
use crate::store::JobRecord;

/// Why a result cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder refuses.
    #[error("cannot write to {}: {source}", path.display())]
    Folder {
        /// What could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store (or the disk, while a file was fetched) refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What lies in the store is no published result.
    #[error("{place} holds no complete result: {reason}")]
    Incomplete {
        /// The job's destination.
        place: String,
        /// What is missing or wrong.
        reason: String,
    },
}

impl ExportError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Folder { .. } => {
                "name a folder that you may write to, on a disk with enough space, with --out"
            }
            Self::Storage(error) if error.class() == StorageClass::Other => {
                "check free space and permissions of the output folder"
            }
            Self::Storage(error) => error.hint(),
            Self::Incomplete { .. } => "wait until the job is published; or submit it again",
        }
    }
}

/// Bytes copied so far and bytes in all.
pub type Progress<'a> = dyn Fn(u64, u64) + Send + Sync + 'a;

/// Copies what `job` has published into the folder `to`, which is made if it is not there. Answers the paths
/// written. When the returned future is dropped early, it leaves nothing behind either.
pub async fn export(
    job: &JobRecord,
    storage: &Storage,
    to: &Path,
    progress: &Progress<'_>,
) -> Result<Vec<PathBuf>, ExportError> {
    let files = published_files(job, storage).await?;
    let staging = Staging::create(to, job.id.as_str())?;
    let total: u64 = files.iter().map(|file| file.size_bytes).sum();
    let mut done = 0;
    for file in &files {
        let path = staging.path.join(&file.path);
        make_parent(&path)?;
        let before = done;
        storage.get_to_file(&file.at, &path, &|bytes, _| progress(before + bytes, total)).await?;
        done += file.size_bytes;
    }
    staging.move_out(to, files.iter().map(|file| file.path.as_path()))
}

/// A file of the result.
struct Source {
    at: Location,
    /// Below the destination: plain names only.
    path: PathBuf,
    size_bytes: u64,
}

/// The part of `report.json` that is of interest here.
#[derive(Deserialize)]
struct Listing {
    files: Vec<ListedFile>,
}

#[derive(Deserialize)]
struct ListedFile {
    path: String,
}

/// The files that the report names, then the report, then the manifest, if there is one.
async fn published_files(job: &JobRecord, storage: &Storage) -> Result<Vec<Source>, ExportError> {
    let destination = &job.destination;
    let incomplete = |reason: String| ExportError::Incomplete { place: destination.to_string(), reason };
    let report = storage.get(&destination.report()).await?;
    let listing: Listing = serde_json::from_slice(&report)
        .map_err(|error| incomplete(format!("its report cannot be read: {error}")))?;
    let prefix = destination.key_prefix();
    let mut missing: BTreeSet<String> = listing.files.into_iter().map(|file| file.path).collect();
    let (mut files, mut last) = (Vec::new(), Vec::new());
    for entry in storage.list(destination.bucket(), &prefix).await? {
        let Some(name) = entry.key.strip_prefix(&prefix) else { continue };
        let at =
            Location::new(destination.bucket(), &entry.key).map_err(|error| incomplete(error.to_string()))?;
        let is_last = at == destination.report() || at == destination.master();
        if !missing.remove(name) && !is_last {
            continue;
        }
        let path = plain_path(name).ok_or_else(|| incomplete(format!("{name:?} is no name for a file")))?;
        let source = Source { at, path, size_bytes: entry.size_bytes };
        if is_last { last.push(source) } else { files.push(source) }
    }
    if let Some(name) = missing.first() {
        return Err(incomplete(format!("{name} is missing")));
    }
    last.sort_by_key(|source| source.at == destination.master());
    files.append(&mut last);
    Ok(files)
}

/// A relative path without any step out of its folder.
fn plain_path(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let plain = path.components().all(|component| matches!(component, Component::Normal(_)));
    (plain && !name.is_empty() && !name.contains('\\')).then(|| path.to_owned())
}

/// The hidden folder; dropping it removes it with all that is still in it.
struct Staging {
    path: PathBuf,
    /// The outermost folder that was made for it, to be removed again unless something lies in it.
    made: Option<PathBuf>,
}

impl Staging {
    fn create(to: &Path, job_id: &str) -> Result<Self, ExportError> {
        let made = outermost_missing(to);
        let path = to.join(format!(".flotilla-{job_id}.partial"));
        let staging = Self { path, made };
        // One that a killed process left behind is of no use.
        let cleared = match std::fs::remove_dir_all(&staging.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let refused = |source| ExportError::Folder { path: to.to_owned(), source };
        cleared.and_then(|()| std::fs::create_dir_all(&staging.path)).map_err(refused)?;
        Ok(staging)
    }

    /// Moves the files into place, in order; takes back what was moved when one cannot be.
    fn move_out<'a>(
        mut self,
        to: &Path,
        files: impl Iterator<Item = &'a Path>,
    ) -> Result<Vec<PathBuf>, ExportError> {
        let mut written = Vec::new();
        for file in files {
            let target = to.join(file);
            let moved = make_parent(&target).and_then(|()| {
                let refused = |source| ExportError::Folder { path: target.clone(), source };
                std::fs::rename(self.path.join(file), &target).map_err(refused)
            });
            if let Err(error) = moved {
                written.iter().for_each(|path: &PathBuf| drop(std::fs::remove_file(path)));
                return Err(error);
            }
            written.push(target);
        }
        self.made = None;
        // Names are durable once their folders are; a file system that cannot sync folders has no such
        // promise.
        let folders: BTreeSet<_> = written.iter().filter_map(|path| path.parent()).collect();
        folders
            .into_iter()
            .for_each(|folder| drop(std::fs::File::open(folder).and_then(|open| open.sync_all())));
        Ok(written)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Best effort: the failure that led here is what the user is told.
        let _ = std::fs::remove_dir_all(&self.path);
        if let Some(made) = &self.made {
            let mut folder = self.path.parent();
            while let Some(empty) = folder.filter(|folder| folder.starts_with(made)) {
                let _ = std::fs::remove_dir(empty);
                folder = empty.parent();
            }
        }
    }
}

fn outermost_missing(to: &Path) -> Option<PathBuf> {
    let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    to.ancestors().take_while(missing).last().map(Path::to_owned)
}

fn make_parent(path: &Path) -> Result<(), ExportError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent).map_err(|source| ExportError::Folder { path: parent.to_owned(), source })
}
