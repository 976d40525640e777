//! Errors as RFC 9457 problem documents.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::domain::FailureClass;
use crate::instances::InstanceError;
use crate::jobs::JobsError;
use crate::store::StoreError;

const SEE_DOCUMENTATION: &str = "coordinator/src/web/api.rs lists paths, methods and bodies";

/// A refused request: `title` says what, `hint` what to do, `class` whose fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status code.
    pub status: u16,
    /// One sentence.
    pub title: String,
    /// What to do about it.
    pub hint: String,
    /// Whose fault it is.
    pub class: FailureClass,
    /// The request itself is at fault.
    #[serde(default)]
    pub usage: bool,
}

impl Problem {
    /// The admin token is missing or wrong.
    pub fn unauthorized() -> Self {
        let hint = "it lies in the coordinator's data folder as admin-token; give it with --admin-token";
        Self::usage(StatusCode::UNAUTHORIZED, "the admin token is missing or wrong", hint)
    }

    /// There is no such path.
    pub fn no_such_path() -> Self {
        Self::usage(StatusCode::NOT_FOUND, "there is no such path", SEE_DOCUMENTATION)
    }

    /// The path takes other methods.
    pub fn no_such_method() -> Self {
        Self::usage(StatusCode::METHOD_NOT_ALLOWED, "the path does not take this method", SEE_DOCUMENTATION)
    }

    /// A body or query that does not read.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self::usage(StatusCode::UNPROCESSABLE_ENTITY, reason, SEE_DOCUMENTATION)
    }

    fn usage(status: StatusCode, title: impl Into<String>, hint: &str) -> Self {
        let (status, title, hint) = (status.as_u16(), title.into(), hint.into());
        Self { status, title, hint, class: FailureClass::Internal, usage: true }
    }
}

impl From<JobsError> for Problem {
    fn from(error: JobsError) -> Self {
        let status = match &error {
            JobsError::Unknown(_) => StatusCode::NOT_FOUND,
            JobsError::Source(_) | JobsError::Profile(_) | JobsError::Invalid(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            JobsError::DestinationTaken(_)
            | JobsError::DestinationHeld(..)
            | JobsError::Store(StoreError::Illegal(_)) => StatusCode::CONFLICT,
            JobsError::Storage(_) => StatusCode::BAD_GATEWAY,
            JobsError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let (hint, class, usage) = (error.hint(), error.class(), error.is_usage());
        Self { status: status.as_u16(), title: error.to_string(), hint, class, usage }
    }
}

impl From<InstanceError> for Problem {
    fn from(error: InstanceError) -> Self {
        let status = match &error {
            InstanceError::Known(_) => StatusCode::CONFLICT,
            InstanceError::Unknown(_) => StatusCode::NOT_FOUND,
            InstanceError::Call { .. } => StatusCode::BAD_GATEWAY,
            InstanceError::Store(_) | InstanceError::Tidy(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let (hint, usage) = (error.hint().to_owned(), error.is_usage());
        let (title, class) = (error.to_string(), FailureClass::Internal);
        Self { status: status.as_u16(), title, hint, class, usage }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}
