//! Objects: write, read, look up, delete, list.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use super::commit::{Condition, is_absent};
use super::layout::object_path;
use super::receive::{Declared, receive};
use super::root::{Bucket, Root, failed};
use super::sealed::{self, Facts, Sealed};
use super::walk::{Wanted, walk};

/// Read from disk at once.
const READ_BYTES: usize = 256 << 10;

/// S3's limit on one page of a listing.
const MAX_PAGE: i32 = 1000;

pub(super) async fn put(root: &Arc<Root>, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let (headers, trailing) = (request.headers, request.trailing_headers);
    let mut input = request.input;
    let path = object_path(&root.bucket(&input.bucket)?.objects, &input.key)?;
    let declared = Declared { headers, trailing, content_length: input.content_length };
    let mut received = receive(root, input.body.take(), declared).await?;
    let facts = Facts {
        etag: received.md5_hex.clone(),
        content_type: input.content_type,
        metadata: input.metadata,
        upload_id: None,
    };
    let condition = Condition { if_match: input.if_match, if_none_match: input.if_none_match };
    let root = Arc::clone(root);
    blocking(move || {
        sealed::seal(&mut received.temporary.file, &facts).map_err(failed)?;
        root.publish(&received.temporary, &path, &condition)?;
        Ok(PutObjectOutput { e_tag: Some(ETag::Strong(facts.etag)), ..Default::default() })
    })
    .await
}

pub(super) async fn get(root: &Arc<Root>, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let object = open(root, &input.bucket, &input.key).await?;
    check_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let range = input.range.map(|range| range.check(object.size_bytes)).transpose()?;
    let content_range =
        range.as_ref().map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size_bytes));
    let range = range.unwrap_or(0..object.size_bytes);
    let mut file = tokio::fs::File::from_std(object.file);
    file.seek(SeekFrom::Start(range.start)).await.map_err(failed)?;
    let length = range.end - range.start;
    let body = StreamingBlob::wrap(ReaderStream::with_capacity(file.take(length), READ_BYTES));
    Ok(GetObjectOutput {
        body: Some(body),
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(length)),
        content_range,
        content_type: object.facts.content_type,
        e_tag: Some(ETag::Strong(object.facts.etag)),
        last_modified: Some(object.modified.into()),
        metadata: object.facts.metadata,
        ..Default::default()
    })
}

pub(super) async fn head(root: &Arc<Root>, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let object = open(root, &input.bucket, &input.key).await?;
    check_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(signed(object.size_bytes)),
        content_type: object.facts.content_type,
        e_tag: Some(ETag::Strong(object.facts.etag)),
        last_modified: Some(object.modified.into()),
        metadata: object.facts.metadata,
        ..Default::default()
    })
}

pub(super) fn delete(root: &Root, bucket: &BucketName, keys: &[ObjectKey]) -> S3Result<()> {
    let bucket = root.bucket(bucket)?;
    // A key too long for us names nothing that could be there.
    let paths = keys.iter().filter_map(|key| object_path(&bucket.objects, key).ok());
    paths.into_iter().try_for_each(|path| root.remove(&bucket, &path))
}

pub(super) fn list(root: &Root, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let bucket = root.bucket(&input.bucket)?;
    let limit = input.max_keys.unwrap_or(MAX_PAGE).clamp(0, MAX_PAGE);
    let token = input.continuation_token.as_deref().map(decode_token).transpose()?;
    let page = Page::read(&bucket, &input, token.as_deref(), limit as usize)?;
    let common = page.common.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
    Ok(ListObjectsV2Output {
        key_count: Some(page.count as i32),
        max_keys: Some(limit),
        is_truncated: Some(page.more),
        next_continuation_token: page.more.then(|| hex::encode(&page.last)),
        contents: Some(page.contents),
        common_prefixes: Some(common.collect()),
        name: Some(input.bucket),
        prefix: input.prefix,
        delimiter: input.delimiter,
        start_after: input.start_after,
        continuation_token: input.continuation_token,
        ..Default::default()
    })
}

/// Runs file work on the threads meant for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| s3_error!(error, InternalError))?
}

/// A size as S3's schema has it.
pub(super) fn signed(size_bytes: u64) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}

#[derive(Default)]
struct Page {
    contents: Vec<Object>,
    common: BTreeSet<String>,
    count: usize,
    /// The last key, or common prefix, on this page.
    last: String,
    more: bool,
}

impl Page {
    fn read(
        bucket: &Bucket,
        input: &ListObjectsV2Input,
        token: Option<&str>,
        limit: usize,
    ) -> S3Result<Self> {
        let prefix = input.prefix.as_deref().unwrap_or("");
        let after = token.or(input.start_after.as_deref()).unwrap_or("");
        let mut page = Self { last: after.to_owned(), ..Self::default() };
        let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
        let mut visit = |key: &str, path: &Path| {
            let common = delimiter.and_then(|delimiter| common_prefix(key, prefix, delimiter));
            if common.is_some_and(|common| page.last == common) {
                return Ok(ControlFlow::Continue(()));
            }
            if page.count == limit {
                page.more = limit > 0;
                return Ok(ControlFlow::Break(()));
            }
            match common {
                Some(common) => _ = page.common.insert(common.to_owned()),
                None => match entry(key, path)? {
                    Some(object) => page.contents.push(object),
                    None => return Ok(ControlFlow::Continue(())),
                },
            }
            page.last = common.unwrap_or(key).to_owned();
            page.count += 1;
            Ok(ControlFlow::Continue(()))
        };
        walk(&bucket.objects, Wanted { prefix, after }, &mut visit).map_err(failed)?;
        Ok(page)
    }
}

/// What is listed of an object; nothing when it has been deleted meanwhile.
fn entry(key: &str, path: &Path) -> std::io::Result<Option<Object>> {
    let object = match sealed::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        opened => opened?,
    };
    Ok(Some(Object {
        key: Some(key.to_owned()),
        size: Some(signed(object.size_bytes)),
        e_tag: Some(ETag::Strong(object.facts.etag)),
        last_modified: Some(object.modified.into()),
        ..Default::default()
    }))
}

fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let position = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + position + delimiter.len())
}

fn decode_token(token: &str) -> S3Result<String> {
    let decoded = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of ours"))
}

async fn open(root: &Arc<Root>, bucket: &BucketName, key: &ObjectKey) -> S3Result<Sealed> {
    let (root, bucket, key) = (Arc::clone(root), bucket.clone(), key.clone());
    blocking(move || {
        let path = object_path(&root.bucket(&bucket)?.objects, &key)?;
        match sealed::open(&path) {
            Err(error) if is_absent(&error) => Err(s3_error!(NoSuchKey, "there is no object {key:?}")),
            opened => opened.map_err(failed),
        }
    })
    .await
}

fn check_read(
    object: &Sealed,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let meets =
        |wanted: &ETagCondition| wanted.as_etag().is_none_or(|wanted| wanted.value() == object.facts.etag);
    if if_match.is_some_and(|wanted| !meets(wanted)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(meets) { Err(s3_error!(NotModified)) } else { Ok(()) }
}
