//! Sources of an instance: recognized by their first bytes, and fetched once, by ranges, into our object store.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::records::{HEAD_BYTES, Identity};
use super::trouble::Trouble;
use crate::config::Terms;
use crate::data_dir::DataDir;
use crate::objects::Location;
use crate::parts::Parts;
use crate::peertube::{CallError, Download, JobToken, Runner, Waits, Window};

/// How often a download is taken up again where it broke off without a byte in between.
const MAX_BREAKS: u32 = 8;

/// Pauses after breaks.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// What a URL of a payload gives, by its length and first bytes.
pub async fn identify(runner: &Runner, token: &JobToken, url: &str) -> Result<Identity, CallError> {
    let mut reply = runner.download(url, token, Window { start: 0, end: Some(HEAD_BYTES) }).await?;
    let mut head = Vec::new();
    while head.len() < HEAD_BYTES as usize
        && let Some(bytes) = reply.bytes.next().await
    {
        head.extend_from_slice(&bytes?);
    }
    head.truncate(HEAD_BYTES as usize);
    // A server that tells no length makes files known by their first bytes alone.
    Ok(Identity { size_bytes: reply.total_bytes.unwrap_or(0), head: digest(&head) })
}

/// Of a file of ours.
pub async fn identity_of(parts: &Parts, at: &Location, size_bytes: u64) -> Result<Identity, Trouble> {
    let head = parts.storage.get_range(at, 0..HEAD_BYTES.min(size_bytes)).await?;
    Ok(Identity { size_bytes, head: digest(&head) })
}

fn digest(head: &[u8]) -> String {
    hex::encode(Sha256::digest(head))
}

/// A folder for what is fetched; gone when it is dropped.
pub fn folder(parts: &Parts) -> Result<tempfile::TempDir, Trouble> {
    DataDir::fetch_folder(&parts.config.data.dir)
        .map_err(|error| Trouble::Ours(format!("no room for a source: {error}")))
}

/// Fetches a file into an object; answers its length.
pub async fn fetch(
    parts: &Parts,
    runner: &Runner,
    of: (&JobToken, &Terms),
    url: &str,
    into: &Location,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<u64, Trouble> {
    let folder = folder(parts)?;
    let path = folder.path().join("source");
    to_file(runner, of, url, &path, progress).await?;
    parts.storage.ensure_bucket(into.bucket()).await?;
    Ok(parts.storage.put_file(&path, into, "application/octet-stream", &|_, _| {}).await?)
}

/// Fetches a file, within what an instance's terms allow.
pub async fn to_file(
    runner: &Runner,
    (token, terms): (&JobToken, &Terms),
    url: &str,
    path: &Path,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(), Trouble> {
    let longest = Duration::from_secs(u64::from(terms.max_fetch_minutes) * 60);
    let limit_bytes = u64::from(terms.max_source_gib) << 30;
    let fetched = download(runner, token, url, path, limit_bytes, progress);
    let late = |_| {
        let minutes = terms.max_fetch_minutes;
        Trouble::Ours(format!("its source did not come within {minutes} minutes"))
    };
    tokio::time::timeout(longest, fetched).await.map_err(late)?
}

/// Downloads into a file, going on where a connection broke off.
async fn download(
    runner: &Runner,
    token: &JobToken,
    url: &str,
    path: &Path,
    limit_bytes: u64,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(), Trouble> {
    let file = File::create(path).await.map_err(unwritable)?;
    let mut sink = Sink { file, bytes: 0, limit_bytes, version: Version::default() };
    let (mut breaks, mut waits) = (0, Waits::new(FIRST_PAUSE, LONGEST_PAUSE));
    loop {
        let before = sink.bytes;
        let broken = match runner.download(url, token, Window { start: before, end: None }).await {
            Err(error) if error.is_transient() => error.into(),
            Err(error) => return Err(error.into()),
            Ok(reply) => match sink.take(reply, progress).await? {
                Taken::All => return Ok(()),
                Taken::Part(broken) => broken,
            },
        };
        if sink.bytes > before {
            breaks = 0;
            waits.reset();
        }
        breaks += 1;
        if breaks > MAX_BREAKS {
            return Err(broken);
        }
        tokio::time::sleep(waits.next_wait()).await;
    }
}

/// A file that grows by what comes.
struct Sink {
    file: File,
    bytes: u64,
    limit_bytes: u64,
    /// Of what is in it.
    version: Version,
}

/// What tells one version of a file from another: an instance replaces a video's best file while others read it.
#[derive(Default)]
struct Version {
    etag: Option<String>,
    total_bytes: Option<u64>,
}

impl Version {
    /// Nothing speaks against both being of one file.
    fn may_be(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_some() && other.is_some() && one != other
        }
        !differ(&self.etag, &other.etag) && !differ(&self.total_bytes, &other.total_bytes)
    }
}

/// How far a reply went.
enum Taken {
    All,
    /// It broke off, for this reason.
    Part(Trouble),
}

impl Sink {
    async fn take(
        &mut self,
        mut reply: Download,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Taken, Trouble> {
        let version = Version { etag: reply.etag.clone(), total_bytes: reply.total_bytes };
        let goes_on = reply.start > 0 && reply.start == self.bytes;
        if self.bytes > 0 && !(goes_on && self.version.may_be(&version)) {
            // Its server knows no ranges, or has another file there by now: all of it comes again.
            self.file.set_len(0).await.map_err(unwritable)?;
            self.file.rewind().await.map_err(unwritable)?;
            self.bytes = 0;
        }
        if reply.start != self.bytes {
            return Ok(Taken::Part(Trouble::Ours("its source changed while it was fetched".into())));
        }
        self.version = version;
        let total_bytes = reply.total_bytes.unwrap_or(0);
        check_size(total_bytes, self.limit_bytes)?;
        while let Some(bytes) = reply.bytes.next().await {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Taken::Part(error.into())),
            };
            self.file.write_all(&bytes).await.map_err(unwritable)?;
            self.bytes += bytes.len() as u64;
            check_size(self.bytes, self.limit_bytes)?;
            progress(self.bytes, total_bytes.max(self.bytes));
        }
        if self.bytes < total_bytes {
            return Ok(Taken::Part(Trouble::Ours("its source breaks off again and again".into())));
        }
        self.file.flush().await.map_err(unwritable)?;
        Ok(Taken::All)
    }
}

fn unwritable(error: std::io::Error) -> Trouble {
    Trouble::Ours(format!("a source cannot be written: {error}"))
}

fn check_size(size_bytes: u64, limit_bytes: u64) -> Result<(), Trouble> {
    match size_bytes > limit_bytes {
        true => Err(Trouble::Source(format!(
            "the source has more than {} GiB, this fleet's limit for your instance (max_source_gib)",
            limit_bytes >> 30
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt;

    use super::*;

    /// Of a file of ten bytes, or as many as its server says.
    fn reply(start: u64, etag: &str, total_bytes: u64, pieces: &[&'static str], is_cut: bool) -> Download {
        let cut = is_cut.then(|| Err(CallError::Unreachable { reason: "cut".into() }));
        let bytes = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).chain(cut);
        Download {
            start,
            is_as_asked: true,
            total_bytes: Some(total_bytes),
            etag: Some(etag.into()),
            content_type: None,
            bytes: futures::stream::iter(bytes.collect::<Vec<_>>()).boxed(),
        }
    }

    #[tokio::test]
    async fn halves_of_two_files_are_not_put_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source");
        for (etag, total_bytes) in [("new", 10), ("old", 12)] {
            let file = File::create(&path).await.unwrap();
            let mut sink = Sink { file, bytes: 0, limit_bytes: 1 << 20, version: Version::default() };
            let mut take = async |reply| match sink.take(reply, &|_, _| {}).await.unwrap() {
                Taken::All => (true, sink.bytes),
                Taken::Part(_) => (false, sink.bytes),
            };
            assert_eq!(take(reply(0, "old", 10, &["aaaaa"], true)).await, (false, 5));
            assert_eq!(take(reply(5, "old", 10, &["aa"], true)).await, (false, 7));
            assert_eq!(take(reply(7, etag, total_bytes, &["bbb"], false)).await, (false, 0), "{etag}");
            assert_eq!(take(reply(0, etag, 5, &["bb", "bbb"], false)).await, (true, 5));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "bbbbb");
        }
    }
}
