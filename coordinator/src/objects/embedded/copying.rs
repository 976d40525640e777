//! Parts that the store makes itself, of objects that it has.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::commit::{is_absent, sync_folder};
use super::layout::object_path;
use super::root::{Root, Temporary, failed};
use super::sealed::{self, Facts, Sealed};
use super::uploads::{MAX_PART_NUMBER, begun, no_such_upload, part_path};

/// Copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// A part made of an object that is here already: of a whole one by a second name for its file, which never changes,
/// of a range by copying.
pub(super) fn copy_part(root: &Root, input: &UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    let (folder, _) = begun(&root.bucket(&input.bucket)?, &input.key, &input.upload_id)?;
    if !(1..=MAX_PART_NUMBER).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "part numbers are 1 to {MAX_PART_NUMBER}"));
    }
    let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "only objects in buckets are copied from"));
    };
    let from = object_path(&root.bucket(&bucket.to_string())?.objects, key)?;
    let source = sealed::open(&from).map_err(|error| match is_absent(&error) {
        true => s3_error!(NoSuchKey, "there is no object {key} to copy from"),
        false => failed(error),
    })?;
    let (part, etag) = match range_of(input.copy_source_range.as_deref(), source.size_bytes)? {
        None => second_name(root, &from, source)?,
        Some(range) => copy_range(root, source, range)?,
    };
    // Like any part: when the upload is over there is nowhere to land.
    let renamed = fs::rename(&part.path, part_path(&folder, input.part_number));
    renamed.and_then(|()| sync_folder(&folder)).map_err(no_such_upload)?;
    let copied = CopyPartResult { e_tag: Some(ETag::Strong(etag)), ..Default::default() };
    Ok(UploadPartCopyOutput { copy_part_result: Some(copied), ..Default::default() })
}

/// `bytes=first-last`, which must lie within the object; none: all of it.
fn range_of(header: Option<&str>, size_bytes: u64) -> S3Result<Option<Range<u64>>> {
    let Some(header) = header else { return Ok(None) };
    let bounds = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let parsed = bounds.and_then(|(first, last)| Some((first.parse().ok()?, last.parse::<u64>().ok()?)));
    match parsed {
        Some((first, last)) if first <= last && last < size_bytes => Ok(Some(first..last + 1)),
        _ => Err(s3_error!(InvalidRange, "{header:?} is no range of {size_bytes} bytes")),
    }
}

/// The file of a whole object once more; a copy where the file system knows no second names.
fn second_name(root: &Root, from: &Path, source: Sealed) -> S3Result<(Temporary, String)> {
    let path = root.temporary_path();
    if fs::hard_link(from, &path).is_err() {
        let whole = 0..source.size_bytes;
        return copy_range(root, source, whole);
    }
    // Whoever replaces the object gives its key another file; what is linked is told by the file itself.
    let Sealed { file, facts, .. } = sealed::open(&path).map_err(failed)?;
    Ok((Temporary { path, file }, facts.etag))
}

/// Copies a range into a sealed file of its own.
fn copy_range(root: &Root, mut source: Sealed, range: Range<u64>) -> S3Result<(Temporary, String)> {
    source.file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    let mut part = root.temporary()?;
    let mut digest = Md5::new();
    let mut block = vec![0; COPY_BYTES];
    let mut left = range.end - range.start;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        source.file.read_exact(&mut block[..wanted]).map_err(failed)?;
        digest.update(&block[..wanted]);
        part.file.write_all(&block[..wanted]).map_err(failed)?;
        left -= wanted as u64;
    }
    let facts = Facts { etag: hex::encode(digest.finalize()), ..Facts::default() };
    sealed::seal(&mut part.file, &facts).map_err(failed)?;
    Ok((part, facts.etag))
}
