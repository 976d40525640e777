//! What can go wrong with an instance, for people: one sentence and a hint.

use super::trouble::Trouble;
use crate::peertube::CallError;
use crate::store::StoreError;

/// A wish about an instance that could not be met.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// We work for it already.
    #[error("this coordinator is registered at {0} already")]
    Known(String),
    /// We do not work for it.
    #[error("this coordinator is not registered at {0}")]
    Unknown(String),
    /// The instance refuses, or is away.
    #[error("{url}: {error}")]
    Call {
        /// Which.
        url: String,
        /// Why.
        error: CallError,
    },
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Objects cannot be removed.
    #[error("{0}")]
    Tidy(#[from] Trouble),
}

impl InstanceError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Known(_) => "to register anew, leave it first: flotilla peertube unregister URL",
            Self::Unknown(_) => "list the instances with `flotilla peertube list`",
            Self::Call { error: CallError::Refused { status: 404, .. }, .. } => {
                "check the registration token: Administration, System, Remote runners, Registration tokens"
            }
            Self::Call { error: CallError::Refused { status: 400, .. }, .. } => {
                "choose another --name; names are unique on an instance"
            }
            // Nothing but the instance's own URL is followed here.
            Self::Call { error: CallError::Untrusted(_), .. } => {
                "give the URL of the instance as a browser shows it: https://videos.example.org"
            }
            Self::Call { error, .. } => error.hint(),
            Self::Store(_) | Self::Tidy(_) => "check free space and permissions of the data folder",
        }
    }

    /// The request itself is at fault: nothing has to be mended but its words.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Known(_) | Self::Unknown(_) => true,
            Self::Call { error, .. } => !error.is_transient(),
            Self::Store(_) | Self::Tidy(_) => false,
        }
    }
}
