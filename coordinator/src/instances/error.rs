//! What can go wrong with an instance, for people: one sentence and a hint.

use super::client::ClientError;
use super::origin::OriginError;
use super::trouble::Trouble;
use crate::store::StoreError;

/// A wish about an instance that could not be met.
#[derive(Debug, thiserror::Error)]
pub enum PeertubeError {
    /// Its URL is none.
    #[error("{0}")]
    Url(#[from] OriginError),
    /// We work for it already.
    #[error("this coordinator is registered at {0} already")]
    Known(String),
    /// We do not work for it.
    #[error("this coordinator is not registered at {0}")]
    Unknown(String),
    /// The instance refuses, or is away.
    #[error("{url}: {error}")]
    Instance {
        /// Which.
        url: String,
        /// Why.
        error: ClientError,
    },
    /// The client cannot be made.
    #[error("{0}")]
    Client(#[from] ClientError),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Objects cannot be removed.
    #[error("{0}")]
    Tidy(#[from] Trouble),
}

impl PeertubeError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Url(_) => "give the URL of the instance as a browser shows it: https://videos.example.org",
            Self::Known(_) => "to register anew, leave it first: flotilla peertube unregister URL",
            Self::Unknown(_) => "list the instances with `flotilla peertube list`",
            Self::Instance { error: ClientError::Refused { status: 404, .. }, .. } => {
                "check the registration token: Administration, System, Remote runners, Registration tokens"
            }
            Self::Instance { error: ClientError::Refused { .. }, .. } => {
                "choose another --name; names are unique on an instance"
            }
            Self::Instance { .. } | Self::Client(_) => {
                "check that the URL is right and reachable from the coordinator"
            }
            Self::Store(_) | Self::Tidy(_) => "check free space and permissions of the data folder",
        }
        .to_owned()
    }

    /// The request itself is at fault: nothing has to be mended but its words.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Tidy(_) | Self::Client(_))
    }
}
