//! Multipart uploads and the presigned URLs that let runners read and write without a credential.
//!
//! ```text
//! create_upload ──> presign_part 1..n ──> (runner PUTs) ──> complete_upload  sealed
//!        ├────────> put_part, copy_part (ourselves) ──────────────^
//!        └───────────────────────────────────────────────> abort_upload    gone: late parts have no place
//! ```

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::{Location, Storage, StorageClass, StorageError};

/// Of a larger object so much is copied at once; S3 takes 5 GiB.
const COPIED_BYTES: u64 = 1 << 30;

impl Storage {
    /// A URL that reads the object, whole or by range, until `ttl` has passed. The object need not be there
    /// yet.
    pub async fn presign_get(&self, at: &Location, ttl: Duration) -> Result<String, StorageError> {
        let window = self.window(at, ttl)?;
        let request = self.signer.get_object().bucket(at.bucket()).key(at.key());
        let signed = request.presigned(window).await.map_err(|error| self.failed("sign", at, &error))?;
        Ok(signed.uri().to_owned())
    }

    /// Begins a multipart upload and returns its id.
    pub async fn create_upload(&self, at: &Location, content_type: &str) -> Result<String, StorageError> {
        let request = self.client.create_multipart_upload().bucket(at.bucket()).key(at.key());
        let reply = request.content_type(content_type).send().await;
        let reply = reply.map_err(|error| self.failed("begin an upload of", at, &error))?;
        let missing =
            || StorageError::other("begin an upload of", self.place(at), "the reply has no upload id");
        reply.upload_id().map(str::to_owned).ok_or_else(missing)
    }

    /// A URL that takes the PUT of one part, from 1, until `ttl` has passed. The `ETag` header of the reply
    /// to that PUT is what [`complete_upload`](Self::complete_upload) asks for.
    pub async fn presign_part(
        &self,
        at: &Location,
        upload_id: &str,
        part_number: u32,
        ttl: Duration,
    ) -> Result<String, StorageError> {
        let window = self.window(at, ttl)?;
        let request = self.signer.upload_part().bucket(at.bucket()).key(at.key());
        let request = request.upload_id(upload_id).part_number(number(part_number));
        let signed = request.presigned(window).await.map_err(|error| self.failed("sign", at, &error))?;
        Ok(signed.uri().to_owned())
    }

    /// Writes a part of an upload from here and returns its ETag.
    pub async fn put_part(
        &self,
        at: &Location,
        upload_id: &str,
        part_number: u32,
        content: Bytes,
    ) -> Result<String, StorageError> {
        let request = self.client.upload_part().bucket(at.bucket()).key(at.key()).upload_id(upload_id);
        let reply = request.part_number(number(part_number)).body(ByteStream::from(content)).send().await;
        let reply = reply.map_err(|error| self.failed("write a part of", at, &error))?;
        let missing = || StorageError::other("write a part of", self.place(at), "the reply has no ETag");
        reply.e_tag().map(str::to_owned).ok_or_else(missing)
    }

    /// Lets the store itself make a part of an upload of the bytes `range` of an object, or of all of it, and returns
    /// the part's ETag. No byte comes by here.
    pub async fn copy_part(
        &self,
        from: &Location,
        range: Option<Range<u64>>,
        at: &Location,
        upload_id: &str,
        part_number: u32,
    ) -> Result<String, StorageError> {
        let request = self.client.upload_part_copy().bucket(at.bucket()).key(at.key()).upload_id(upload_id);
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let request = request.copy_source(copy_source(from)).set_copy_source_range(range);
        let reply = request.part_number(number(part_number)).send().await;
        let reply = reply.map_err(|error| self.failed("copy into a part of", at, &error))?;
        let etag = reply.copy_part_result().and_then(|copied| copied.e_tag());
        let missing = || StorageError::other("copy into a part of", self.place(at), "the reply has no ETag");
        etag.map(str::to_owned).ok_or_else(missing)
    }

    /// Lets the store itself copy an object. No byte comes by here.
    pub async fn copy(&self, from: &Location, at: &Location, size_bytes: u64) -> Result<(), StorageError> {
        let upload_id = self.create_upload(at, "application/octet-stream").await?;
        let copied = async {
            let mut etags = Vec::new();
            for (number, start) in (1..).zip((0..size_bytes).step_by(COPIED_BYTES as usize)) {
                // A range of a small object is not taken.
                let is_whole = size_bytes <= COPIED_BYTES;
                let range = (!is_whole).then(|| start..(start + COPIED_BYTES).min(size_bytes));
                etags.push(self.copy_part(from, range, at, &upload_id, number).await?);
            }
            self.complete_upload(at, &upload_id, &etags, size_bytes).await
        };
        if let Err(error) = copied.await {
            // The failure told is the first one: a store that is away cannot abort either.
            let _ = self.abort_upload(at, &upload_id).await;
            return Err(error);
        }
        Ok(())
    }

    /// Seals an upload: `etags` are those of parts 1, 2, … and `size_bytes` is what they hold together.
    ///
    /// May be repeated: an upload that is gone while an object of that size is there counts as sealed, which
    /// is safe because no two uploads of ours share a key.
    pub async fn complete_upload(
        &self,
        at: &Location,
        upload_id: &str,
        etags: &[String],
        size_bytes: u64,
    ) -> Result<(), StorageError> {
        let part =
            |(number, etag): (i32, &String)| CompletedPart::builder().part_number(number).e_tag(etag).build();
        let parts = (1..).zip(etags).map(part).collect();
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(at.bucket()).key(at.key());
        let Err(error) = request.upload_id(upload_id).multipart_upload(upload).send().await else {
            return Ok(());
        };
        let error = self.failed("complete the upload of", at, &error);
        // The first try may have been done although its reply was lost.
        let done = error.class() == StorageClass::Missing && self.head(at).await.ok() == Some(size_bytes);
        if done { Ok(()) } else { Err(error) }
    }

    /// Ends an upload and drops its parts. One that is gone already is no failure.
    pub async fn abort_upload(&self, at: &Location, upload_id: &str) -> Result<(), StorageError> {
        let request = self.client.abort_multipart_upload().bucket(at.bucket()).key(at.key());
        let Err(error) = request.upload_id(upload_id).send().await else { return Ok(()) };
        let error = self.failed("abort the upload of", at, &error);
        if error.class() == StorageClass::Missing { Ok(()) } else { Err(error) }
    }

    fn window(&self, at: &Location, ttl: Duration) -> Result<PresigningConfig, StorageError> {
        let refused = |error: &dyn Display| StorageError::other("sign", self.place(at), error.to_string());
        PresigningConfig::expires_in(ttl).map_err(|error| refused(&error))
    }
}

/// The name of an object in a header: all but plain letters is escaped, as S3 wants it.
fn copy_source(from: &Location) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped = from.key().bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    format!("{}/{}", from.bucket(), escaped.collect::<String>())
}

/// A part number as the SDK wants it; what exceeds S3's 10000 is refused by the store.
pub(super) fn number(part_number: u32) -> i32 {
    i32::try_from(part_number).unwrap_or(i32::MAX)
}
