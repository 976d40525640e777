//! What can go wrong with a call to an instance, told by what its caller has to do about it.

use std::time::Duration;

use super::origin::Refusal;

/// A call that did not do what it was for. No variant holds a secret.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The job is no longer ours: deleted, cancelled, reset, or another runner's. Its work is to be stopped at once, and
    /// nothing more is to be said about it.
    #[error("the job is no longer ours: {detail}")]
    Gone {
        /// It is there, and nobody works on it. Else it is not there for us; or, where that was asked for, its file is not.
        is_idle: bool,
        /// The instance's words.
        detail: String,
    },
    /// Another runner was faster at accepting the job.
    #[error("another runner has taken the job: {detail}")]
    Taken {
        /// The instance's words.
        detail: String,
    },
    /// The instance has forgotten this runner: it has to be registered again by its admin.
    #[error("the instance does not know this runner")]
    UnknownRunner,
    /// The instance refuses the call for a reason of its own.
    #[error("the instance refuses (status {status}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The instance's words.
        detail: String,
    },
    /// The instance or the proxy before it takes no body of this size.
    #[error("the instance takes no upload of this size: {detail}")]
    TooLarge {
        /// The instance's words.
        detail: String,
    },
    /// The instance asks for fewer calls.
    #[error("the instance asks to call later, in {} s", retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The call did not come through. The instance has done nothing.
    #[error("the instance cannot be reached: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// An answer was sent in whole, and what came of it is unknown: it must not be sent again blindly. The job's state
    /// tells: [`CallError::Gone`] at its next update means that it counted.
    #[error("the answer was sent, but not acknowledged: {reason}")]
    MayHaveArrived {
        /// Why.
        reason: String,
    },
    /// What was to be uploaded could not be read.
    #[error("the result cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// The instance names a place that its admin has not been trusted with.
    #[error("{0}")]
    Untrusted(#[from] Refusal),
    /// The answer is not PeerTube's.
    #[error("the instance's answer is not understood: {reason}")]
    Strange {
        /// Why.
        reason: String,
    },
}

impl CallError {
    /// The same call may succeed later without anybody's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => true,
            Self::Refused { status, .. } => *status == 408 || *status >= 500,
            _ => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gone { .. } | Self::Taken { .. } => "nothing: other jobs follow",
            Self::UnknownRunner => "register this runner again with a registration token of the instance",
            Self::Refused { .. } => "look at the instance's log; is its version 5.2 or later?",
            Self::TooLarge { .. } => {
                "raise the body limit (client_max_body_size) of the proxy before the instance"
            }
            Self::Busy { .. } => "nothing: it is tried again later",
            Self::Unreachable { .. } => "check the instance's URL, its certificate, and that it runs",
            Self::MayHaveArrived { .. } => {
                "raise http_timeouts and the proxy's read timeout if this happens often"
            }
            Self::Unreadable { .. } => "check that the object store runs",
            Self::Untrusted(_) => "if the place is the instance's own storage, add it to the storage hosts",
            Self::Strange { .. } => "check that the URL is that of a PeerTube instance",
        }
    }
}
