//! The embedded S3 server: the `s3s` protocol crate over a durable local folder of ours.
//!
//! ```text
//! ROOT/lock                    held while a server runs: never two on one root
//! ROOT/credentials.json        made at random at first start, 0600
//! ROOT/temporary/              half-written files; emptied at start
//! ROOT/buckets/B/objects/…     one sealed file per object (see `layout` and `sealed`)
//! ROOT/buckets/B/uploads/ID/   upload.json and one sealed file per part
//! ```
//! Invariant: a request is answered with success only when what it wrote is on disk under its final name, and
//! no crash at any moment leaves a half object under one.

mod commit;
mod copying;
mod credentials;
mod layout;
mod objects;
mod receive;
mod root;
mod sealed;
mod service;
mod uploads;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::error_handling::HandleError;
use http::StatusCode;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};

use super::StorageConfig;
pub use credentials::Credentials;
use root::Root;

/// The only region of an embedded server: a name that signatures must agree on.
const REGION: &str = "us-east-1";

/// A running embedded server, cheap to clone. The root is locked until the last clone and service are gone.
#[derive(Clone, Debug)]
pub struct EmbeddedServer {
    service: S3Service,
    credentials: Credentials,
}

/// Why an embedded server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server holds the root.
    #[error("the object folder {} is in use by another server", .0.display())]
    InUse(PathBuf),
    /// The file system refuses.
    #[error("cannot open the object folder at {}", path.display())]
    Io {
        /// What could not be opened or made.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The stored credentials cannot be read.
    #[error("{} holds no credentials", path.display())]
    Credentials {
        /// Their file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InUse(_) => "stop the other coordinator, or give this one its own --data-dir",
            Self::Io { .. } => "check that the folder exists, is writable and has free space",
            Self::Credentials { .. } => "remove the file: new credentials are made at the next start",
        }
    }
}

impl EmbeddedServer {
    /// Opens the folder, makes what is missing and clears what a crash left. Without `credentials` those
    /// stored in the root are used, made at random at first start. Does blocking I/O.
    pub fn open(root: &Path, credentials: Option<Credentials>) -> Result<Self, OpenError> {
        let opened = Root::open(root)?;
        let credentials = match credentials {
            Some(given) => given,
            None => Credentials::load_or_create(&root.join("credentials.json"))?,
        };
        let mut builder = S3ServiceBuilder::new(service::Backend::new(Arc::new(opened)));
        let secret = credentials.secret_key.clone();
        builder.set_auth(SimpleAuth::from_single(credentials.access_key.clone(), secret));
        Ok(Self { service: builder.build(), credentials })
    }

    /// The protocol as a hyper and tower service.
    pub fn service(&self) -> S3Service {
        self.service.clone()
    }

    /// Answers with S3 whatever `router` has no route for.
    pub fn mount(&self, router: Router) -> Router {
        let broken = |error: s3s::HttpError| async move {
            tracing::warn!(?error, "an S3 request broke off");
            StatusCode::INTERNAL_SERVER_ERROR
        };
        router.fallback_service(HandleError::new(self.service(), broken))
    }

    /// How the server is reached once it is mounted at `endpoint`, such as `http://127.0.0.1:7700`.
    pub fn storage_config(&self, endpoint: &str) -> StorageConfig {
        StorageConfig {
            endpoint: endpoint.to_owned(),
            public_endpoint: None,
            region: REGION.to_owned(),
            path_style: true,
            access_key: self.credentials.access_key.clone(),
            secret_key: self.credentials.secret_key.clone(),
        }
    }
}
