//! Whole local files to and from the store, in constant memory.
//!
//! Invariant: a file under its final name is complete and on disk. Until then it is called `NAME.partial`.

use std::path::{Path, PathBuf};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};

use super::client::size;
use super::{Location, Storage, StorageError};

/// Size of a part, unless the file is so large that it would need too many.
const PART_BYTES: u64 = 8 << 20;

/// Below S3's limit of 10000.
const MAX_PARTS: u64 = 9000;

/// Parts on their way at once: bounds memory to this many part sizes.
const PARTS_IN_FLIGHT: usize = 3;

/// How often a download is taken up again where it broke off.
const MAX_RESUMPTIONS: u32 = 5;

/// Bytes done so far and bytes in all.
pub type Progress<'a> = dyn Fn(u64, u64) + Send + Sync + 'a;

impl Storage {
    /// Writes a local file as an object and returns its size.
    pub async fn put_file(
        &self,
        path: &Path,
        at: &Location,
        content_type: &str,
        progress: &Progress<'_>,
    ) -> Result<u64, StorageError> {
        let unreadable = |error| StorageError::local("read", path, &error);
        let size_bytes = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
        if size_bytes <= PART_BYTES {
            self.put(at, read_part(path, 0, size_bytes).await?, content_type).await?;
            progress(size_bytes, size_bytes);
            return Ok(size_bytes);
        }
        let upload_id = self.create_upload(at, content_type).await?;
        let sent = self.put_parts(path, at, &upload_id, size_bytes, progress).await;
        let sealed = match sent {
            Ok(etags) => self.complete_upload(at, &upload_id, &etags, size_bytes).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sealed {
            // The failure told is the first one: a store that is away cannot abort either.
            let _ = self.abort_upload(at, &upload_id).await;
            return Err(error);
        }
        Ok(size_bytes)
    }

    /// Reads an object into a local file, replacing what is there, and returns its size.
    pub async fn get_to_file(
        &self,
        at: &Location,
        path: &Path,
        progress: &Progress<'_>,
    ) -> Result<u64, StorageError> {
        let partial = partial_name(path);
        let size_bytes = self.fill(at, &partial, progress).await?;
        let unwritable = |error| StorageError::local("write", path, &error);
        tokio::fs::rename(&partial, path).await.map_err(unwritable)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).await.map_err(unwritable)?.sync_all().await.map_err(unwritable)?;
        Ok(size_bytes)
    }

    /// Sends all parts and returns their ETags in order.
    async fn put_parts(
        &self,
        path: &Path,
        at: &Location,
        upload_id: &str,
        size_bytes: u64,
        progress: &Progress<'_>,
    ) -> Result<Vec<String>, StorageError> {
        let part_bytes = PART_BYTES.max(size_bytes.div_ceil(MAX_PARTS));
        let parts = (1u32..).zip((0..size_bytes).step_by(usize::try_from(part_bytes).unwrap_or(usize::MAX)));
        let sends = parts.map(|(part_number, start)| async move {
            let content = read_part(path, start, part_bytes.min(size_bytes - start)).await?;
            let sent_bytes = content.len() as u64;
            Ok((self.put_part(at, upload_id, part_number, content).await?, sent_bytes))
        });
        let mut done_bytes = 0;
        let counted = stream::iter(sends).buffered(PARTS_IN_FLIGHT).map_ok(|(etag, sent_bytes)| {
            done_bytes += sent_bytes;
            progress(done_bytes, size_bytes);
            etag
        });
        counted.try_collect().await
    }

    /// Downloads into `partial` and syncs it, going on where a connection broke off.
    async fn fill(
        &self,
        at: &Location,
        partial: &Path,
        progress: &Progress<'_>,
    ) -> Result<u64, StorageError> {
        let unwritable = |error| StorageError::local("write", partial, &error);
        let mut file = File::create(partial).await.map_err(unwritable)?;
        let first = self.open(at, 0, None).await?;
        let (size_bytes, etag) = (size(first.content_length()), first.e_tag().map(str::to_owned));
        let (mut reply, mut done_bytes, mut resumptions) = (Some(first), 0, 0);
        while done_bytes < size_bytes {
            let body = match reply.take() {
                Some(reply) => reply.body,
                // The ETag makes sure that both halves are of one object.
                None => self.open(at, done_bytes, etag.clone()).await?.body,
            };
            let broken = copy(body, &mut file, partial, |chunk_bytes| {
                done_bytes += chunk_bytes;
                progress(done_bytes, size_bytes);
            });
            let broken = broken.await?;
            resumptions += 1;
            if done_bytes < size_bytes && resumptions > MAX_RESUMPTIONS {
                let reason = broken.unwrap_or_else(|| "it ended early".to_owned());
                return Err(StorageError::broken_off("read", self.place(at), reason));
            }
        }
        file.sync_all().await.map_err(unwritable)?;
        Ok(size_bytes)
    }

    async fn open(
        &self,
        at: &Location,
        from: u64,
        etag: Option<String>,
    ) -> Result<GetObjectOutput, StorageError> {
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let request = self.client.get_object().bucket(at.bucket()).key(at.key()).set_range(range);
        request.set_if_match(etag).send().await.map_err(|error| self.failed("read", at, &error))
    }
}

/// Appends a body to a file; says why when the connection broke off.
async fn copy(
    mut body: ByteStream,
    file: &mut File,
    path: &Path,
    mut counted: impl FnMut(u64),
) -> Result<Option<String>, StorageError> {
    loop {
        match body.next().await {
            None => break,
            Some(Err(error)) => return Ok(Some(error.to_string())),
            Some(Ok(chunk)) => {
                file.write_all(&chunk).await.map_err(|error| StorageError::local("write", path, &error))?;
                counted(chunk.len() as u64);
            }
        }
    }
    Ok(None)
}

async fn read_part(path: &Path, start: u64, length: u64) -> Result<Bytes, StorageError> {
    let read = async {
        let mut file = File::open(path).await?;
        file.seek(SeekFrom::Start(start)).await?;
        let mut content = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact(&mut content).await?;
        Ok(Bytes::from(content))
    };
    read.await.map_err(|error| StorageError::local("read", path, &error))
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
