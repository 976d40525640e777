//! Sources of an instance: recognized by their first bytes, and fetched once, by ranges, into our object store.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::records::{HEAD_BYTES, Identity};
use super::trouble::Trouble;
use crate::config::Terms;
use crate::data_dir::DataDir;
use crate::objects::Location;
use crate::parts::Parts;
use crate::peertube::{CallError, JobToken, Runner, Window};

/// How often a download is taken up again where it broke off without a byte in between.
const MAX_BREAKS: u32 = 8;

/// Pause after the first break; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

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
    let unwritable = |error: std::io::Error| Trouble::Ours(format!("a source cannot be written: {error}"));
    let mut file = File::create(path).await.map_err(unwritable)?;
    let (mut done_bytes, mut breaks) = (0_u64, 0_u32);
    loop {
        let before = done_bytes;
        let broken = match runner.download(url, token, Window { start: done_bytes, end: None }).await {
            Err(error) if error.is_transient() => Some(error),
            Err(error) => return Err(error.into()),
            Ok(mut reply) => {
                if reply.start < done_bytes {
                    // Its server knows no ranges: all of it comes again.
                    file = File::create(path).await.map_err(unwritable)?;
                    done_bytes = 0;
                }
                let total_bytes = reply.total_bytes.unwrap_or(0);
                check_size(total_bytes, limit_bytes)?;
                let mut broken = None;
                while let Some(bytes) = reply.bytes.next().await {
                    match bytes {
                        Ok(bytes) => {
                            file.write_all(&bytes).await.map_err(unwritable)?;
                            done_bytes += bytes.len() as u64;
                            check_size(done_bytes, limit_bytes)?;
                            progress(done_bytes, total_bytes.max(done_bytes));
                        }
                        Err(error) => {
                            broken = Some(error);
                            break;
                        }
                    }
                }
                if broken.is_none() && (total_bytes == 0 || done_bytes >= total_bytes) {
                    file.flush().await.map_err(unwritable)?;
                    return Ok(());
                }
                broken
            }
        };
        breaks = if done_bytes > before { 1 } else { breaks + 1 };
        if breaks > MAX_BREAKS {
            let cut_short = || Trouble::Ours("its source breaks off again and again".into());
            return Err(broken.map_or_else(cut_short, |error: CallError| error.into()));
        }
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(breaks - 1)).await;
    }
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
