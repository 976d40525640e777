//! What can go wrong with a request, for people: one sentence and a hint.

use crate::domain::{FailureClass, JobId};
use crate::objects::StorageError;
use crate::store::StoreError;

/// A request that could not be met.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// There is no such job, token or runner.
    #[error("{0} is not known here")]
    Unknown(String),
    /// The source cannot be had.
    #[error("{0}")]
    Source(String),
    /// The profile cannot be had.
    #[error("{0}")]
    Profile(String),
    /// Something was published there before.
    #[error("{0} already holds a published video")]
    DestinationTaken(String),
    /// Another job writes there, or what it wrote is still being removed.
    #[error("{0} is taken by job {1}")]
    DestinationHeld(String, JobId),
    /// A name that cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// The object store.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// The database, or a wish against the rules of job states.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl JobsError {
    pub(crate) fn profile(error: impl std::fmt::Display) -> Self {
        Self::Profile(error.to_string())
    }

    /// Whose fault it is; decides the exit code.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Source(_) => FailureClass::Source,
            Self::Profile(_) => FailureClass::Profile,
            Self::Storage(_) => FailureClass::Storage,
            Self::Unknown(_) | Self::Invalid(_) | Self::Store(_) => FailureClass::Internal,
            Self::DestinationTaken(_) | Self::DestinationHeld(..) => FailureClass::Internal,
        }
    }

    /// The request itself is at fault: nothing has to be mended but its words.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Invalid(_) | Self::Store(StoreError::Illegal(_)) => true,
            Self::DestinationTaken(_) | Self::DestinationHeld(..) => true,
            Self::Source(_) | Self::Profile(_) | Self::Storage(_) | Self::Store(_) => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown(_) => {
                "list what there is with `flotilla jobs`, `flotilla runners`, `flotilla token list`".into()
            }
            Self::Source(_) => "check the path or URL; a URL must be reachable from the coordinator".into(),
            Self::Profile(_) => "list the profiles with `flotilla profiles`".into(),
            Self::DestinationTaken(_) => "choose another destination, or delete what is there first".into(),
            Self::DestinationHeld(..) => {
                "choose another destination; or cancel that job, and try again once its files are gone".into()
            }
            Self::Invalid(_) => "correct the value and try again".into(),
            Self::Storage(error) => error.hint().into(),
            Self::Store(StoreError::Illegal(_)) => "look at the job with `flotilla job ID`".into(),
            Self::Store(_) => "check free space and permissions of the data folder".into(),
        }
    }
}
