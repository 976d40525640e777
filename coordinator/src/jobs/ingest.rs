//! Getting hold of a source: an object is used where it lies; a file or a URL is copied into the object store, once,
//! before the job is acknowledged.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use url::Url;

use super::{JobsError, SourceRef};
use crate::data_dir::DataDir;
use crate::objects::{Location, StorageClass};
use crate::parts::Parts;

/// A source that runners can read.
pub struct Taken {
    /// Where.
    pub at: Location,
    /// Its length.
    pub size_bytes: u64,
    /// It is a copy, to be removed with the job.
    pub is_ours: bool,
}

/// A server that sends nothing for so long is away.
const SILENCE: Duration = Duration::from_secs(60);

/// Makes a source, or what is submitted beside it, readable for runners; a copy is put at `place`.
pub async fn take(parts: &Parts, place: Location, source: &SourceRef) -> Result<Taken, JobsError> {
    match source {
        SourceRef::Object(at) => take_object(parts, at).await,
        SourceRef::File(path) => {
            check_file(path)?;
            put(parts, place, path).await
        }
        SourceRef::Http(url) => {
            let folder = fetch_folder(&parts.config.data.dir)?;
            let path = folder.path().join("source");
            fetch(url, &path).await?;
            put(parts, place, &path).await
        }
    }
}

async fn take_object(parts: &Parts, at: &Location) -> Result<Taken, JobsError> {
    match parts.storage.head(at).await {
        Ok(0) => Err(JobsError::Source(format!("source {at} is empty"))),
        Ok(size_bytes) => Ok(Taken { at: at.clone(), size_bytes, is_ours: false }),
        Err(error) if error.class() == StorageClass::Missing => {
            Err(JobsError::Source(format!("source {at} does not exist")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The mistakes that people make with files, each by its name.
fn check_file(path: &Path) -> Result<(), JobsError> {
    let shown = path.display();
    let problem = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("source {shown} does not exist")
        }
        Err(error) => format!("source {shown} cannot be read: {error}"),
        Ok(meta) if meta.is_dir() => format!("source {shown} is a folder, not a media file"),
        Ok(meta) if !meta.is_file() => format!("source {shown} is not a regular file"),
        Ok(meta) if meta.len() == 0 => format!("source {shown} is empty"),
        Ok(_) => match std::fs::File::open(path) {
            Ok(_) => return Ok(()),
            Err(error) => format!("source {shown} cannot be read: {error}"),
        },
    };
    Err(JobsError::Source(problem))
}

async fn put(parts: &Parts, at: Location, path: &Path) -> Result<Taken, JobsError> {
    let size_bytes = parts.storage.put_file(path, &at, "application/octet-stream", &|_, _| {}).await?;
    Ok(Taken { at, size_bytes, is_ours: true })
}

fn fetch_folder(dir: &Path) -> Result<tempfile::TempDir, JobsError> {
    DataDir::fetch_folder(dir)
        .map_err(|error| JobsError::Source(format!("cannot make a folder in {}: {error}", dir.display())))
}

/// Fetches a URL into a file.
async fn fetch(url: &Url, path: &Path) -> Result<(), JobsError> {
    let shown = SourceRef::Http(url.clone());
    let failed = |error: &dyn std::fmt::Display| {
        JobsError::Source(format!("source {shown} cannot be fetched: {error}"))
    };
    let client = reqwest::Client::builder().connect_timeout(SILENCE / 4).read_timeout(SILENCE).build();
    let client = client.map_err(|error| failed(&error.without_url()))?;
    let reply = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    let reply = reply.map_err(|error| failed(&error.without_url()))?;
    let mut file = tokio::fs::File::create(path).await.map_err(|error| failed(&error))?;
    let mut body = reply.bytes_stream();
    let mut size_bytes = 0_u64;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| failed(&error.without_url()))?;
        size_bytes += bytes.len() as u64;
        file.write_all(&bytes).await.map_err(|error| failed(&error))?;
    }
    file.flush().await.map_err(|error| failed(&error))?;
    if size_bytes == 0 {
        return Err(JobsError::Source(format!("source {shown} is empty")));
    }
    Ok(())
}
