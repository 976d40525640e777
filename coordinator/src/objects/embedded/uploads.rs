//! Multipart uploads.
//!
//! ```text
//! create: uploads/ID/upload.json ──> part n: uploads/ID/n ──> complete: joined, sealed, renamed, ID removed
//!                                                        └──> abort: ID removed
//! ```
//! The upload goes only after its object is durable, and the object remembers the upload's id: a completion
//! cut short by a crash or a lost reply is repeated with the same result.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::commit::{Condition, is_absent, sync_folder};
use super::layout::object_path;
use super::objects::{blocking, signed};
use super::receive::{Declared, receive};
use super::root::{Bucket, Root, Temporary, failed};
use super::sealed::{self, Facts};

/// S3's rule for every part but the last: smaller ones would work here and nowhere else.
const MIN_PART_BYTES: u64 = 5 << 20;

pub(super) const MAX_PART_NUMBER: i32 = 10_000;

/// What is known of an upload from its start.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub key: String,
    content_type: Option<String>,
    metadata: Option<std::collections::HashMap<String, String>>,
}

pub(super) fn create(
    root: &Root,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    let bucket = root.bucket(&input.bucket)?;
    object_path(&bucket.objects, &input.key)?;
    let begun = Begun { key: input.key, content_type: input.content_type, metadata: input.metadata };
    let upload_id = uuid::Uuid::from_bytes(rand::random()).simple().to_string();
    // Filled aside and renamed as a whole: an upload that is there has its facts.
    let aside = root.temporary_path();
    let text = serde_json::to_vec(&begun).map_err(|error| s3_error!(error, InternalError))?;
    fs::create_dir(&aside)
        .and_then(|()| fs::write(aside.join("upload.json"), text))
        .and_then(|()| fs::File::open(aside.join("upload.json"))?.sync_all())
        .and_then(|()| sync_folder(&aside))
        .and_then(|()| fs::rename(&aside, bucket.uploads.join(&upload_id)))
        .and_then(|()| sync_folder(&bucket.uploads))
        .map_err(failed)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(begun.key),
        upload_id: Some(upload_id),
        ..Default::default()
    })
}

pub(super) async fn put_part(
    root: &Arc<Root>,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let (headers, trailing) = (request.headers, request.trailing_headers);
    let input = request.input;
    let (folder, _) = begun(&root.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    if !(1..=MAX_PART_NUMBER).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "part numbers are 1 to {MAX_PART_NUMBER}"));
    }
    let declared = Declared { headers, trailing, content_length: input.content_length };
    let mut received = receive(root, input.body, declared).await?;
    blocking(move || {
        let facts = Facts { etag: received.md5_hex, ..Facts::default() };
        sealed::seal(&mut received.temporary.file, &facts).map_err(failed)?;
        // Fails when the upload has been completed or aborted meanwhile: a late part has nowhere to land.
        let renamed = fs::rename(&received.temporary.path, part_path(&folder, input.part_number));
        renamed.and_then(|()| sync_folder(&folder)).map_err(no_such_upload)?;
        Ok(UploadPartOutput { e_tag: Some(ETag::Strong(facts.etag)), ..Default::default() })
    })
    .await
}

pub(super) fn complete(
    root: &Root,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let bucket = root.bucket(&input.bucket)?;
    let path = object_path(&bucket.objects, &input.key)?;
    let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let etag = match begun(&bucket, &input.key, &input.upload_id) {
        Ok((folder, begun)) => {
            let (mut object, etag) = join(root, &folder, &listed)?;
            let (content_type, metadata) = (begun.content_type, begun.metadata);
            let upload_id = Some(input.upload_id);
            let facts = Facts { etag: etag.clone(), content_type, metadata, upload_id };
            sealed::seal(&mut object.file, &facts).map_err(failed)?;
            let condition = Condition { if_match: input.if_match, if_none_match: input.if_none_match };
            root.publish(&object, &path, &condition)?;
            remove(root, &bucket, &folder)?;
            etag
        }
        Err(absent) => match sealed::open(&path) {
            Ok(object) if object.facts.upload_id.as_ref() == Some(&input.upload_id) => object.facts.etag,
            _ => return Err(absent),
        },
    };
    Ok(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..Default::default()
    })
}

pub(super) fn abort(root: &Root, input: &AbortMultipartUploadInput) -> S3Result<()> {
    let bucket = root.bucket(&input.bucket)?;
    let (folder, _) = begun(&bucket, &input.key, &input.upload_id)?;
    remove(root, &bucket, &folder)
}

/// The uploads of a bucket with their ids and times, in the order of their keys.
pub(super) fn all(bucket: &Bucket) -> S3Result<Vec<(Begun, String, SystemTime)>> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(&bucket.uploads).map_err(failed)? {
        let folder = entry.map_err(failed)?.path();
        let Some(upload_id) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        match read_begun(&folder) {
            Ok((begun, since)) => uploads.push((begun, upload_id.to_owned(), since)),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    uploads.sort_by(|(one, one_id, _), (other, other_id, _)| (&one.key, one_id).cmp(&(&other.key, other_id)));
    Ok(uploads)
}

/// The parts of an upload in order.
pub(super) fn parts(root: &Root, input: &ListPartsInput) -> S3Result<Vec<Part>> {
    let (folder, _) = begun(&root.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    let entries = fs::read_dir(&folder).map_err(no_such_upload)?;
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<i32>().ok();
    let mut numbers: Vec<i32> = entries.filter_map(number).collect();
    numbers.sort_unstable();
    let described = numbers.into_iter().map(|number| {
        let part = sealed::open(&part_path(&folder, number)).map_err(no_such_upload)?;
        Ok(Part {
            part_number: Some(number),
            size: Some(signed(part.size_bytes)),
            e_tag: Some(ETag::Strong(part.facts.etag)),
            last_modified: Some(part.modified.into()),
            ..Default::default()
        })
    });
    described.collect()
}

/// The parts named, checked and copied one after the other, and the ETag of the whole.
fn join(root: &Root, folder: &Path, listed: &[CompletedPart]) -> S3Result<(Temporary, String)> {
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "a completion names at least one part"));
    }
    let mut object = root.temporary()?;
    let (mut digests, mut previous) = (Md5::new(), 0);
    for (index, named) in listed.iter().enumerate() {
        let number = named.part_number.unwrap_or(0);
        if number <= previous {
            return Err(s3_error!(InvalidPartOrder));
        }
        previous = number;
        let part = match sealed::open(&part_path(folder, number)) {
            Err(error) if is_absent(&error) => {
                return Err(s3_error!(InvalidPart, "part {number} is missing"));
            }
            opened => opened.map_err(failed)?,
        };
        if named.e_tag.as_ref().map(ETag::value) != Some(part.facts.etag.as_str()) {
            return Err(s3_error!(InvalidPart, "part {number} has another ETag"));
        }
        if part.size_bytes < MIN_PART_BYTES && index + 1 < listed.len() {
            return Err(s3_error!(EntityTooSmall, "part {number} has less than {MIN_PART_BYTES} bytes"));
        }
        // The system copies from file to file without passing the bytes through this process where it can.
        let copied = io::copy(&mut part.file.take(part.size_bytes), &mut object.file).map_err(failed)?;
        if copied != part.size_bytes {
            return Err(s3_error!(InternalError, "part {number} is damaged"));
        }
        match hex::decode(&part.facts.etag) {
            Ok(digest) => digests.update(&digest),
            // A copy of an object that was joined itself: its name stands for its digests.
            Err(_) => digests.update(part.facts.etag.as_bytes()),
        }
    }
    Ok((object, format!("{}-{}", hex::encode(digests.finalize()), listed.len())))
}

/// Makes the upload vanish at once, then drops its parts.
fn remove(root: &Root, bucket: &Bucket, folder: &Path) -> S3Result<()> {
    let aside = root.temporary_path();
    match fs::rename(folder, &aside) {
        Err(error) if is_absent(&error) => return Ok(()),
        renamed => renamed.and_then(|()| sync_folder(&bucket.uploads)).map_err(failed)?,
    }
    fs::remove_dir_all(aside).map_err(failed)
}

pub(super) fn begun(bucket: &Bucket, key: &str, upload_id: &str) -> S3Result<(PathBuf, Begun)> {
    let ours = !upload_id.is_empty() && upload_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let absent = || s3_error!(NoSuchUpload, "the upload is completed, aborted or never was");
    let folder = bucket.uploads.join(if ours { upload_id } else { return Err(absent()) });
    let (begun, _) = read_begun(&folder).map_err(no_such_upload)?;
    if begun.key == key { Ok((folder, begun)) } else { Err(absent()) }
}

fn read_begun(folder: &Path) -> io::Result<(Begun, SystemTime)> {
    let path = folder.join("upload.json");
    let begun = serde_json::from_slice(&fs::read(&path)?)?;
    Ok((begun, fs::metadata(&path)?.modified()?))
}

pub(super) fn part_path(folder: &Path, number: i32) -> PathBuf {
    folder.join(format!("{number:05}"))
}

pub(super) fn no_such_upload(error: io::Error) -> s3s::S3Error {
    if is_absent(&error) { s3_error!(NoSuchUpload, "the upload is gone") } else { failed(error) }
}
