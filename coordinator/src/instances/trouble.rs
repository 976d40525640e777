//! Why an order of an instance ends without a result, and what the instance is told.

use crate::domain::{Failure, FailureClass};
use crate::jobs::JobsError;
use crate::objects::StorageError;
use crate::peertube::CallError;
use crate::store::StoreError;

/// An order that comes to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The source is at fault: nobody can do it. Told as an error, which the instance counts.
    #[error("{0}")]
    Source(String),
    /// We cannot, another runner might: given back without harm.
    #[error("{0}")]
    Ours(String),
    /// The job is not ours any more: taken, cancelled, deleted, or answered. Nothing is told.
    #[error("the job is no longer ours")]
    Gone,
    /// This is not there, or the job is not ours any more: a sign of life tells which.
    #[error("{0} is not there")]
    NotFound(String),
    /// The instance does not know us any more.
    #[error("the instance does not know this runner any more")]
    Unregistered,
    /// The coordinator stops, or the instance is being left.
    #[error("the runner stops")]
    Stopped,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Gone { .. } => Self::Gone,
            CallError::UnknownRunner => Self::Unregistered,
            other => Self::Ours(other.to_string()),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure.class {
            FailureClass::Source => Self::Source(failure.message),
            _ => Self::Ours(failure.message),
        }
    }
}

impl From<JobsError> for Trouble {
    fn from(error: JobsError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.to_string())
    }
}
