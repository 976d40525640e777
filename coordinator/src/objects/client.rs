//! The client of an S3 endpoint: small objects, listings and deletion. Uploads in parts and presigned URLs
//! are in `grants`, whole files in `files`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use bytes::Bytes;

use super::{Location, StorageClass, StorageConfig, StorageError};

/// The most that [`Storage::get`] takes into memory.
const MAX_SMALL_BYTES: u64 = 16 << 20;

/// S3's limit on one deletion.
const MAX_DELETED_AT_ONCE: usize = 1000;

/// A handle on one S3 endpoint; cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(super) client: Client,
    /// Signs URLs for the address under which runners reach the store.
    pub(super) signer: Client,
    endpoint: Arc<str>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its key.
    pub key: String,
    /// Its size.
    pub size_bytes: u64,
}

/// An unfinished multipart upload in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadEntry {
    /// The key it would become.
    pub key: String,
    /// The store's name of the upload.
    pub upload_id: String,
}

impl Storage {
    /// A client of the endpoint. Connects only when used.
    pub fn new(config: &StorageConfig) -> Self {
        let client = connect(config, &config.endpoint);
        let signer = config.public_endpoint.as_ref().map(|endpoint| connect(config, endpoint));
        Self {
            signer: signer.unwrap_or_else(|| client.clone()),
            client,
            endpoint: config.endpoint.as_str().into(),
        }
    }

    /// Creates the bucket unless it is there.
    pub async fn ensure_bucket(&self, bucket: &str) -> Result<(), StorageError> {
        let place = format!("bucket {bucket} at {}", self.endpoint);
        let Err(error) = self.client.head_bucket().bucket(bucket).send().await else { return Ok(()) };
        let error = StorageError::from_sdk("reach", &place, &error);
        if error.class() != StorageClass::Missing {
            return Err(error);
        }
        match self.client.create_bucket().bucket(bucket).send().await {
            Err(error) if error.code() != Some("BucketAlreadyOwnedByYou") => {
                Err(StorageError::from_sdk("create", &place, &error))
            }
            _ => Ok(()),
        }
    }

    /// The size of an object.
    pub async fn head(&self, at: &Location) -> Result<u64, StorageError> {
        let reply = self.client.head_object().bucket(at.bucket()).key(at.key()).send().await;
        let reply = reply.map_err(|error| self.failed("look up", at, &error))?;
        Ok(size(reply.content_length()))
    }

    /// A small object, whole. Refuses one of more than 16 MiB.
    pub async fn get(&self, at: &Location) -> Result<Bytes, StorageError> {
        let reply = self.client.get_object().bucket(at.bucket()).key(at.key()).send().await;
        let reply = reply.map_err(|error| self.failed("read", at, &error))?;
        if size(reply.content_length()) > MAX_SMALL_BYTES {
            let reason = format!("it is larger than {MAX_SMALL_BYTES} bytes");
            return Err(StorageError::other("read", self.place(at), reason));
        }
        self.collect(at, reply.body).await
    }

    /// The bytes `range` of an object. Shorter than asked when the object ends before.
    pub async fn get_range(&self, at: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let request = self.client.get_object().bucket(at.bucket()).key(at.key()).range(header);
        let reply = request.send().await.map_err(|error| self.failed("read", at, &error))?;
        self.collect(at, reply.body).await
    }

    /// Writes a small object in one request.
    pub async fn put(&self, at: &Location, content: Bytes, content_type: &str) -> Result<(), StorageError> {
        let request = self.client.put_object().bucket(at.bucket()).key(at.key()).content_type(content_type);
        let reply = request.body(ByteStream::from(content)).send().await;
        reply.map_err(|error| self.failed("write", at, &error)).map(drop)
    }

    /// Deletes objects; those that are not there are no failure.
    pub async fn delete(&self, objects: &[Location]) -> Result<(), StorageError> {
        let mut by_bucket: BTreeMap<&str, Vec<&Location>> = BTreeMap::new();
        for at in objects {
            by_bucket.entry(at.bucket()).or_default().push(at);
        }
        for (bucket, objects) in by_bucket {
            for some in objects.chunks(MAX_DELETED_AT_ONCE) {
                self.delete_some(bucket, some).await?;
            }
        }
        Ok(())
    }

    /// The objects whose keys begin with `prefix`, in the order of their keys.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectEntry>, StorageError> {
        let mut pages = self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut entries = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed_listing(bucket, prefix, &error))?;
            entries.extend(page.contents().iter().filter_map(|object| {
                Some(ObjectEntry { key: object.key()?.to_owned(), size_bytes: size(object.size()) })
            }));
        }
        Ok(entries)
    }

    /// The unfinished uploads whose keys begin with `prefix`.
    pub async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<UploadEntry>, StorageError> {
        let mut entries = Vec::new();
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(bucket).prefix(prefix);
            let request = request.set_key_marker(key_marker).set_upload_id_marker(upload_marker);
            let page = request.send().await.map_err(|error| self.failed_listing(bucket, prefix, &error))?;
            entries.extend(page.uploads().iter().filter_map(|upload| {
                Some(UploadEntry { key: upload.key()?.to_owned(), upload_id: upload.upload_id()?.to_owned() })
            }));
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(entries);
            }
            (key_marker, upload_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    /// An object and the endpoint it is at, for messages.
    pub(super) fn place(&self, at: &Location) -> String {
        format!("{at} at {}", self.endpoint)
    }

    /// A failure at an object, from the SDK's.
    pub(super) fn failed<E: ProvideErrorMetadata>(
        &self,
        action: &'static str,
        at: &Location,
        error: &SdkError<E, HttpResponse>,
    ) -> StorageError {
        StorageError::from_sdk(action, self.place(at), error)
    }

    fn failed_listing<E: ProvideErrorMetadata>(
        &self,
        bucket: &str,
        prefix: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> StorageError {
        StorageError::from_sdk("list", format!("s3://{bucket}/{prefix} at {}", self.endpoint), error)
    }

    async fn collect(&self, at: &Location, body: ByteStream) -> Result<Bytes, StorageError> {
        let broken = |error: &dyn Display| StorageError::broken_off("read", self.place(at), error);
        Ok(body.collect().await.map_err(|error| broken(&error))?.into_bytes())
    }

    async fn delete_some(&self, bucket: &str, objects: &[&Location]) -> Result<(), StorageError> {
        let place = || format!("{} objects in bucket {bucket} at {}", objects.len(), self.endpoint);
        let named =
            |at: &&Location| ObjectIdentifier::builder().key(at.key()).build().expect("the key is set");
        let objects = objects.iter().map(named).collect();
        let delete =
            Delete::builder().set_objects(Some(objects)).quiet(true).build().expect("objects are set");
        let reply = self.client.delete_objects().bucket(bucket).delete(delete).send().await;
        let reply = reply.map_err(|error| StorageError::from_sdk("delete", place(), &error))?;
        match reply.errors().first() {
            None => Ok(()),
            Some(first) => {
                let reason =
                    format!("{}: {}", first.key().unwrap_or("?"), first.message().unwrap_or("refused"));
                Err(StorageError::other("delete", place(), reason))
            }
        }
    }
}

/// A length in a reply, which never is negative.
pub(super) fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn connect(config: &StorageConfig, endpoint: &str) -> Client {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        // To the first byte of a reply: sealing a large upload takes a store some seconds.
        .read_timeout(Duration::from_secs(60))
        .build();
    let credentials = Credentials::new(&config.access_key, &config.secret_key, None, None, "flotilla");
    let sdk = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .endpoint_url(endpoint)
        .force_path_style(config.path_style)
        .credentials_provider(credentials)
        // The SDK's defaults break some stores; ours are SHA-256 digests end to end.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts)
        .http_client(http)
        .build();
    Client::from_conf(sdk)
}
