//! The root folder: its lock, its buckets and its temporary files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use s3s::dto::BucketName;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::OpenError;
use super::commit::sync_folder;

/// An exclusively held root.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// Makes "look, then rename" one step. One server holds the root, so a lock in the process is enough.
    pub committing: Mutex<()>,
    next_temporary: AtomicU64,
    /// Released by the system however the process ends.
    _lock: File,
}

/// The folders of one bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub objects: PathBuf,
    pub uploads: PathBuf,
}

/// A file being written; removed when dropped unless it was moved to its final name.
#[derive(Debug)]
pub(super) struct Temporary {
    pub path: PathBuf,
    pub file: File,
}

impl Root {
    /// Makes the folders that are missing, takes the lock and removes what a crash left half-written.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path.join("buckets")).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let temporary = path.join("temporary");
        match fs::remove_dir_all(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => fs::create_dir(&temporary).map_err(failed)?,
        }
        sync_folder(path).map_err(failed)?;
        let (committing, next_temporary) = (Mutex::new(()), AtomicU64::new(0));
        Ok(Self { path: path.to_owned(), committing, next_temporary, _lock: lock })
    }

    /// The folders of a bucket that is there.
    pub fn bucket(&self, name: &BucketName) -> S3Result<Bucket> {
        let bucket = self.folders(name)?;
        // `uploads` is made last: a bucket is there once it is.
        if bucket.uploads.is_dir() {
            Ok(bucket)
        } else {
            Err(s3_error!(NoSuchBucket, "there is no bucket {name}"))
        }
    }

    /// Makes a bucket; says so when it is there.
    pub fn create_bucket(&self, name: &BucketName) -> S3Result<()> {
        let bucket = self.folders(name)?;
        let _commit = self.committing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if bucket.uploads.is_dir() {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        let folder = self.path.join("buckets").join(name);
        let made = fs::create_dir_all(&bucket.objects)
            .and_then(|()| fs::create_dir_all(&bucket.uploads))
            .and_then(|()| sync_folder(&folder))
            .and_then(|()| sync_folder(&self.path.join("buckets")));
        made.map_err(failed)
    }

    /// The names of all buckets, sorted.
    pub fn buckets(&self) -> S3Result<Vec<String>> {
        let entries = fs::read_dir(self.path.join("buckets")).map_err(failed)?;
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// A path in the temporary folder that nothing else has.
    pub fn temporary_path(&self) -> PathBuf {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        self.path.join("temporary").join(number.to_string())
    }

    /// A new temporary file.
    pub fn temporary(&self) -> S3Result<Temporary> {
        let path = self.temporary_path();
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(failed)?;
        Ok(Temporary { path, file })
    }

    fn folders(&self, name: &BucketName) -> S3Result<Bucket> {
        // The protocol crate checks names too; a path must not depend on that alone.
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if name.starts_with('.') || !name.bytes().all(harmless) {
            return Err(s3_error!(InvalidBucketName));
        }
        let folder = self.path.join("buckets").join(name);
        Ok(Bucket { objects: folder.join("objects"), uploads: folder.join("uploads") })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Fails when the file has its final name by now; what else fails is cleared at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// A failure of the file system as S3 tells it.
pub(super) fn failed(error: io::Error) -> S3Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let code = S3ErrorCode::Custom("StorageFull".into());
            let mut full = S3Error::with_message(code, "the disk of the embedded store is full");
            full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        ErrorKind::InvalidFilename => s3_error!(KeyTooLongError),
        _ => {
            tracing::error!(%error, "the folder of the embedded store fails");
            s3_error!(error, InternalError)
        }
    }
}
