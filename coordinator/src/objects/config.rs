//! How an S3 endpoint is reached.

use std::fmt;

/// Everything needed to talk to one S3 endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// Where the coordinator reaches the store, for example `http://127.0.0.1:7700`.
    pub endpoint: String,
    /// Where runners reach it, when that differs: presigned URLs carry this address.
    pub public_endpoint: Option<String>,
    /// The region that signatures name.
    pub region: String,
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`.
    pub path_style: bool,
    /// Name of the key that signs requests.
    pub access_key: String,
    /// The key that signs requests. Never printed.
    pub secret_key: String,
}

impl fmt::Debug for StorageConfig {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("StorageConfig")
            .field("endpoint", &self.endpoint)
            .field("public_endpoint", &self.public_endpoint)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("access_key", &self.access_key)
            .field("secret_key", &"(redacted)")
            .finish()
    }
}
