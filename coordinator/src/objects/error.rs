//! What can go wrong with the store, for the retry rule (`class`) and for people (message and hint).

use std::fmt;
use std::path::Path;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What a failure of the store means for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// Away, slow or overloaded: worth another try.
    Transient,
    /// The bucket, object or upload is not there.
    Missing,
    /// The credentials are wrong or may not do this.
    Denied,
    /// Refused for good: full, malformed, not supported, or the local file system's fault.
    Other,
}

/// A failure of the store: one sentence that names what, where and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {action} {place}: {reason}")]
pub struct StorageError {
    class: StorageClass,
    action: &'static str,
    place: String,
    reason: String,
    code: Option<String>,
}

impl StorageError {
    /// What the failure means for its caller.
    pub fn class(&self) -> StorageClass {
        self.class
    }

    /// S3's name of the failure, such as `NoSuchUpload`, when the store answered at all.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match (self.class, self.code()) {
            (_, Some("NoSuchBucket")) => "create the bucket, or name an existing one in the configuration",
            (_, Some("StorageFull" | "XMinioStorageFull")) => "free space on the store, then retry",
            (_, Some("RequestTimeTooSkewed")) => {
                "set the clock of this machine: the store's differs by minutes"
            }
            (StorageClass::Transient, _) => "check that the store runs and that its endpoint is right",
            (StorageClass::Missing, _) => "the object may have been deleted; submit its job again",
            (StorageClass::Denied, _) => {
                "check the access key, the secret key and what they may do in this bucket"
            }
            (StorageClass::Other, _) => {
                "look at the store's log, and at free space and permissions on both sides"
            }
        }
    }

    /// A failure that is told from neither a reply of the store nor the file system.
    pub(super) fn other(action: &'static str, place: impl fmt::Display, reason: impl Into<String>) -> Self {
        let (class, place) = (StorageClass::Other, place.to_string());
        Self { class, action, place, reason: reason.into(), code: None }
    }

    /// The connection broke in the middle of a body.
    pub(super) fn broken_off(
        action: &'static str,
        place: impl fmt::Display,
        reason: impl fmt::Display,
    ) -> Self {
        let (class, place) = (StorageClass::Transient, place.to_string());
        Self { class, action, place, reason: format!("the transfer broke off: {reason}"), code: None }
    }

    /// A failure of the local file system.
    pub(super) fn local(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::other(action, path.display(), error.to_string())
    }

    /// A failure that the SDK reports.
    pub(super) fn from_sdk<E>(
        action: &'static str,
        place: impl fmt::Display,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let place = place.to_string();
        let SdkError::ServiceError(reply) = error else {
            let class = match error {
                SdkError::ConstructionFailure(_) => StorageClass::Other,
                _ => StorageClass::Transient,
            };
            return Self { class, action, place, reason: innermost(error), code: None };
        };
        let (status, code) = (reply.raw().status().as_u16(), reply.err().code());
        // A reply to HEAD has no body, hence no code.
        let name =
            code.map_or_else(|| format!("status {status}"), |code| format!("{code} (status {status})"));
        let reason =
            reply.err().message().map_or_else(|| name.clone(), |message| format!("{message}, {name}"));
        Self { class: classify(status, code), action, place, reason, code: code.map(str::to_owned) }
    }
}

fn classify(status: u16, code: Option<&str>) -> StorageClass {
    match (status, code) {
        (_, Some("SlowDown" | "RequestTimeout" | "InternalError" | "ServiceUnavailable")) => {
            StorageClass::Transient
        }
        (404, _) => StorageClass::Missing,
        (401 | 403, _) => StorageClass::Denied,
        (501 | 507, _) => StorageClass::Other,
        (408 | 429 | 500.., _) => StorageClass::Transient,
        _ => StorageClass::Other,
    }
}

/// The SDK's own messages say "dispatch failure"; the reason is at the end of the chain.
fn innermost<E>(error: &SdkError<E, HttpResponse>) -> String {
    let mut deepest: &dyn std::error::Error = match error {
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(connector) => connector,
            None => return "the request could not be sent".to_owned(),
        },
        SdkError::TimeoutError(_) => return "the store did not answer in time".to_owned(),
        SdkError::ConstructionFailure(_) => return "the request could not be built or signed".to_owned(),
        _ => return "the store's reply could not be understood".to_owned(),
    };
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: Option<&str>, expected: StorageClass) {
        assert_eq!(classify(status, code), expected, "{status} {code:?}");
    }

    #[test]
    fn the_class_follows_the_reply() {
        check(404, Some("NoSuchKey"), StorageClass::Missing);
        check(403, Some("SignatureDoesNotMatch"), StorageClass::Denied);
        check(503, Some("SlowDown"), StorageClass::Transient);
        check(500, None, StorageClass::Transient);
        check(400, Some("RequestTimeout"), StorageClass::Transient);
        check(507, Some("StorageFull"), StorageClass::Other);
        check(400, Some("InvalidPart"), StorageClass::Other);
    }
}
