//! Moves bytes between object storage and an attempt: ranged reads with a little read-ahead, uploads in parts
//! while the encode still runs. Knows presigned URLs, which are secrets and never stand in a message or a log
//! line.

pub mod digest;
pub mod fetch;
pub mod input;
pub mod lane;
pub mod output;
pub mod part;
pub mod throttle;
pub mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;

pub use input::{Grant, Inputs};
pub use output::{Output, PartGrants, Uploaded};
pub use throttle::{Pace, Throttle};

/// Why bytes could not be moved; never holds a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection failed, broke or fell silent.
    #[error("{0}")]
    Network(String),
    /// The store answered with a refusal.
    #[error("the store answered {0}")]
    Status(StatusCode),
    /// The store's answer makes no sense.
    #[error("the store {0}")]
    Nonsense(&'static str),
    /// The coordinator gives no URL for a part.
    #[error("no upload URL for part {part}: {reason}")]
    NoGrant {
        /// Number of the part, from 1.
        part: u32,
        /// As the coordinator put it.
        reason: String,
    },
}

impl Error {
    /// True when the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Nonsense(_) | Self::NoGrant { .. } => false,
        }
    }

    /// True when the store has no room, after it was asked more than once.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Status(StatusCode::INSUFFICIENT_STORAGE))
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Network(cause.to_string())
    }
}

/// Counts what an attempt moves over the network, bytes, and holds it back where it is limited.
#[derive(Debug, Default)]
pub struct Meter {
    pace: Pace,
    downloaded: AtomicU64,
    uploaded: AtomicU64,
}

impl Meter {
    /// Counts from nothing.
    pub fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// Bytes received from the store so far, asked for by the engine or not.
    pub fn downloaded_bytes(&self) -> u64 {
        self.downloaded.load(Ordering::Relaxed)
    }

    /// Bytes of accepted parts so far.
    pub fn uploaded_bytes(&self) -> u64 {
        self.uploaded.load(Ordering::Relaxed)
    }

    fn add_downloaded(&self, bytes: usize) {
        self.downloaded.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn add_uploaded(&self, bytes: usize) {
        self.uploaded.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The HTTP client for the store; one for the whole daemon.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    // An embedding program may have chosen its provider already; either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}
