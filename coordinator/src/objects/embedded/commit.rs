//! From a synced temporary file to its final name, so that a crash leaves the old state or the new one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::root::{Bucket, Root, Temporary, failed};
use super::sealed;

/// What must hold of the object that is there before it is replaced.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl Root {
    /// Gives a sealed file its final name, which is durable when this returns.
    pub fn publish(&self, sealed: &Temporary, path: &Path, condition: &Condition) -> S3Result<()> {
        let folder = path.parent().ok_or_else(|| s3_error!(InternalError))?;
        {
            let _commit = self.committing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            check(path, condition)?;
            create_folders(folder).map_err(failed)?;
            fs::rename(&sealed.path, path).map_err(failed)?;
        }
        sync_if_there(folder).map_err(failed)
    }

    /// Removes an object and the folders that it leaves empty. One that is not there is no failure.
    pub fn remove(&self, bucket: &Bucket, path: &Path) -> S3Result<()> {
        let mut folder = path.parent().unwrap_or(&bucket.objects);
        {
            let _commit = self.committing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match fs::remove_file(path) {
                Err(error) if is_absent(&error) => return Ok(()),
                removed => removed.map_err(failed)?,
            }
            // Fails at the first folder that still holds something.
            while folder != bucket.objects && fs::remove_dir(folder).is_ok() {
                folder = folder.parent().unwrap_or(&bucket.objects);
            }
        }
        sync_if_there(folder).map_err(failed)
    }
}

/// Nothing has this path: also when a folder on the way to it is missing.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder that a deletion has taken meanwhile was synced by it.
fn sync_if_there(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if is_absent(&error) => Ok(()),
        synced => synced,
    }
}

fn check(path: &Path, condition: &Condition) -> S3Result<()> {
    if condition.if_match.is_none() && condition.if_none_match.is_none() {
        return Ok(());
    }
    let etag = match sealed::open(path) {
        Ok(there) => Some(there.facts.etag),
        Err(error) if is_absent(&error) => None,
        Err(error) => return Err(failed(error)),
    };
    let meets = |wanted: &ETagCondition| match wanted.as_etag() {
        Some(wanted) => etag.as_deref() == Some(wanted.value()),
        None => etag.is_some(),
    };
    let refused = condition.if_match.as_ref().is_some_and(|wanted| !meets(wanted))
        || condition.if_none_match.as_ref().is_some_and(meets);
    if refused { Err(s3_error!(PreconditionFailed)) } else { Ok(()) }
}

/// Makes the folders that are missing, each durable before the next.
fn create_folders(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = folder.parent().ok_or(error)?;
            create_folders(parent)?;
            fs::create_dir(folder)?;
        }
        made => made?,
    }
    folder.parent().map_or(Ok(()), sync_folder)
}
