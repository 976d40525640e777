//! The S3 operations that the server speaks; what is not here is answered with NotImplemented.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::copying;
use super::objects::{self, blocking};
use super::root::Root;
use super::uploads;

/// S3's limit on one page of a listing.
const MAX_PAGE: i32 = 1000;

/// The operations over a root.
pub(super) struct Backend {
    root: Arc<Root>,
}

impl Backend {
    pub fn new(root: Arc<Root>) -> Self {
        Self { root }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> S3Result<T> + Send + 'static,
    ) -> S3Result<S3Response<T>> {
        let root = Arc::clone(&self.root);
        blocking(move || work(&root)).await.map(S3Response::new)
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.blocking(move |root| {
            root.create_bucket(&request.input.bucket)?;
            Ok(CreateBucketOutput { location: Some(format!("/{}", request.input.bucket)) })
        })
        .await
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.blocking(move |root| root.bucket(&request.input.bucket).map(|_| HeadBucketOutput::default()))
            .await
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.blocking(|root| {
            let named = |name| Bucket { name: Some(name), ..Default::default() };
            let buckets = root.buckets()?.into_iter().map(named).collect();
            Ok(ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
        })
        .await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        objects::put(&self.root, request).await.map(S3Response::new)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        objects::get(&self.root, request.input).await.map(S3Response::new)
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        objects::head(&self.root, request.input).await.map(S3Response::new)
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.blocking(move |root| {
            objects::delete(root, &request.input.bucket, &[request.input.key])?;
            Ok(DeleteObjectOutput::default())
        })
        .await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.blocking(move |root| {
            let keys: Vec<_> = request.input.delete.objects.into_iter().map(|object| object.key).collect();
            objects::delete(root, &request.input.bucket, &keys)?;
            let told = if request.input.delete.quiet == Some(true) { Vec::new() } else { keys };
            let deleted = told.into_iter().map(|key| DeletedObject { key: Some(key), ..Default::default() });
            Ok(DeleteObjectsOutput { deleted: Some(deleted.collect()), ..Default::default() })
        })
        .await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.blocking(move |root| objects::list(root, request.input)).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.blocking(move |root| uploads::create(root, request.input)).await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        uploads::put_part(&self.root, request).await.map(S3Response::new)
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.blocking(move |root| copying::copy_part(root, &request.input)).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.blocking(move |root| uploads::complete(root, request.input)).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.blocking(move |root| {
            uploads::abort(root, &request.input)?;
            Ok(AbortMultipartUploadOutput::default())
        })
        .await
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.blocking(move |root| list_uploads(root, request.input)).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.blocking(move |root| list_parts(root, request.input)).await
    }
}

fn list_uploads(root: &Root, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let limit = input.max_uploads.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let prefix = input.prefix.as_deref().unwrap_or("");
    let marker = (input.key_marker.as_deref().unwrap_or(""), input.upload_id_marker.as_deref());
    let is_wanted = |key: &str, upload_id: &str| match marker {
        // Without an id, the marker stands for all uploads of its key.
        (marker, None) => key > marker,
        (marker, Some(id)) => (key, upload_id) > (marker, id),
    };
    let mut uploads = uploads::all(&root.bucket(&input.bucket)?)?;
    uploads.retain(|(begun, id, _)| begun.key.starts_with(prefix) && is_wanted(&begun.key, id));
    let more = uploads.len() > limit as usize;
    uploads.truncate(limit as usize);
    let last = uploads.last().filter(|_| more).map(|(begun, id, _)| (begun.key.clone(), id.clone()));
    let (next_key_marker, next_upload_id_marker) = last.unzip();
    let listed = uploads.into_iter().map(|(begun, upload_id, since)| MultipartUpload {
        key: Some(begun.key),
        upload_id: Some(upload_id),
        initiated: Some(since.into()),
        ..Default::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(listed.collect()),
        is_truncated: Some(more),
        max_uploads: Some(limit),
        next_key_marker,
        next_upload_id_marker,
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        ..Default::default()
    })
}

fn list_parts(root: &Root, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let limit = input.max_parts.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let after = input.part_number_marker.unwrap_or(0);
    let mut parts = uploads::parts(root, &input)?;
    parts.retain(|part| part.part_number > Some(after));
    let more = parts.len() > limit as usize;
    parts.truncate(limit as usize);
    Ok(ListPartsOutput {
        next_part_number_marker: parts.last().filter(|_| more).and_then(|part| part.part_number),
        parts: Some(parts),
        is_truncated: Some(more),
        max_parts: Some(limit),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..Default::default()
    })
}
