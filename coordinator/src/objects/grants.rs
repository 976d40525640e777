//! Multipart uploads and the presigned URLs that let runners read and write without a credential.
//!
//! ```text
//! create_upload ──> presign_part 1..n ──> (runner PUTs) ──> complete_upload  sealed
//!        └───────────────────────────────────────────────> abort_upload    gone: late parts have no place
//! ```

use std::fmt::Display;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{Location, Storage, StorageClass, StorageError};

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

/// A part number as the SDK wants it; what exceeds S3's 10000 is refused by the store.
pub(super) fn number(part_number: u32) -> i32 {
    i32::try_from(part_number).unwrap_or(i32::MAX)
}
