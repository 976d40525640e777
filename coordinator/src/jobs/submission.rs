//! What a submitter names.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use flotilla_profiles::Profile;
use url::Url;

use super::JobsError;
use crate::domain::dispatch::check_tenant;
use crate::domain::edit::{self, Edit};
use crate::objects::{Destination, Location};

/// A job as it is asked for.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What to transcode.
    pub source: SourceRef,
    /// By which profile.
    pub profile: ProfileChoice,
    /// Where to publish; must not hold a published video yet.
    pub destination: Destination,
    /// Fixed chunk length; none: the planner decides.
    pub chunk_seconds: Option<u32>,
    /// Lower runs first; 100 is ordinary.
    pub priority: i32,
    /// Show the video while it is being encoded.
    pub progressive_publish: bool,
    /// Whose it is, for shares in the fleet.
    pub tenant: String,
    /// A repeated submission under the same key finds the first one's job.
    pub idempotency_key: Option<String>,
    /// The picture of a still-image video, where the source has sound only: JPEG, PNG or WebP.
    pub picture: Option<SourceRef>,
    /// The file that holds the source's sound, where the source holds its pictures alone; both count from the same zero. Not
    /// together with a picture.
    pub sound: Option<SourceRef>,
    /// What of the source is kept, and what is put in; they apply in order. None: all of it.
    pub edits: Vec<Edit>,
    /// The files that the edits put in, each for one edit, which names it by its number from 0.
    pub inserts: Vec<SourceRef>,
}

/// The profile of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileChoice {
    /// One of the library, by its name.
    Named(String),
    /// This one: for callers that are told what to make, job by job. Never taken from the network.
    Given(Box<Profile>),
}

/// Longest idempotency key, characters.
const MAX_KEY_CHARS: usize = 200;

impl Submission {
    /// Says what cannot be used.
    pub(super) fn check(&self) -> Result<(), JobsError> {
        if let Err(reason) = check_tenant(&self.tenant) {
            return Err(JobsError::Invalid(format!("tenant {:?}: {reason}", self.tenant)));
        }
        if self.chunk_seconds == Some(0) {
            return Err(JobsError::Invalid("chunk_seconds is 0; leave it out or set at least 1".into()));
        }
        if self.picture.is_some() && self.sound.is_some() {
            let reason = "a picture is for sound alone, sound of its own for pictures: leave one out";
            return Err(JobsError::Invalid(reason.into()));
        }
        if let Err(reason) = edit::check(&self.edits, self.inserts.len()) {
            return Err(JobsError::Invalid(reason));
        }
        let length = self.idempotency_key.as_ref().map(|key| key.chars().count());
        if length.is_some_and(|length| !(1..=MAX_KEY_CHARS).contains(&length)) {
            return Err(JobsError::Invalid(format!(
                "an idempotency key has 1 to {MAX_KEY_CHARS} characters"
            )));
        }
        Ok(())
    }
}

/// Priority of a job for which nothing else is said.
pub const ORDINARY_PRIORITY: i32 = 100;

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRef {
    /// A file on the coordinator's machine. Never taken from the network.
    File(PathBuf),
    /// Fetched once into the object store.
    Http(Url),
    /// Read in place.
    Object(Location),
}

impl SourceRef {
    /// A source as a remote submitter may name it: an object or a URL, never a file.
    pub fn remote(text: &str) -> Result<Self, JobsError> {
        if text.starts_with("s3://") {
            return match text.parse() {
                Ok(at) => Ok(Self::Object(at)),
                Err(error) => Err(JobsError::Source(format!("source {error}"))),
            };
        }
        match Url::from_str(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Http(url)),
            _ => Err(JobsError::Source(format!("source {text:?} is neither an s3:// nor an http(s):// URL"))),
        }
    }

    /// A source as somebody on this machine may name it.
    pub fn local(text: &str) -> Result<Self, JobsError> {
        match text.contains("://") {
            true => Self::remote(text),
            false => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for SourceRef {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(to, "{}", path.display()),
            // A URL may carry a password or a signature; neither belongs in lists and logs.
            Self::Http(url) => {
                let mut shown = url.clone();
                let _ = shown.set_password(None);
                shown.set_query(None);
                write!(to, "{shown}")
            }
            Self::Object(at) => write!(to, "{at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_submitter_cannot_name_files() {
        assert!(SourceRef::remote("/etc/passwd").is_err());
        assert!(SourceRef::remote("file:///etc/passwd").is_err());
        assert!(matches!(SourceRef::remote("s3://videos/a.mp4"), Ok(SourceRef::Object(_))));
        assert!(matches!(SourceRef::local("a.mp4"), Ok(SourceRef::File(_))));
    }

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        let source = SourceRef::remote("https://me:secret@host/v.mp4?X-Amz-Signature=secret").unwrap();
        assert_eq!(source.to_string(), "https://me@host/v.mp4");
    }
}
