//! Why a job cannot be published.

use crate::domain::FailureClass;
use crate::objects::{InvalidName, StorageClass, StorageError};

/// Why a job cannot be published. Nothing of it is visible then: the manifest is written last.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// What the runners returned is not what was planned.
    #[error("{name} cannot be published: {reason}")]
    Refused {
        /// Rendition or audio track.
        name: String,
        /// What is wrong with which piece of it.
        reason: String,
    },
    /// The records of the job do not fit together: our fault.
    #[error("the records of the job are not fit for publication: {0}")]
    Records(String),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A name of the plan or the destination cannot be the name of an object.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl PublishError {
    /// Whose fault it is.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Refused { .. } => FailureClass::Verify,
            Self::Records(_) | Self::Name(_) => FailureClass::Internal,
            Self::Storage(error) if error.class() == StorageClass::Transient => FailureClass::Transient,
            Self::Storage(_) => FailureClass::Storage,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { .. } => {
                "retry the job; should it fail again, look at the runners named in its attempts"
            }
            Self::Records(_) | Self::Name(_) => {
                "this is a bug: please report it with the log of the coordinator"
            }
            Self::Storage(error) => error.hint(),
        }
    }

    pub(super) fn refused(name: &str, reason: impl Into<String>) -> Self {
        Self::Refused { name: name.to_owned(), reason: reason.into() }
    }
}
