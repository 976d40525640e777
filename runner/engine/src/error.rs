//! Why a task fails inside the engine. The class decides whether and where it is tried again; the text is the one
//! sentence that a person reads.

use std::io;

use crate::report::{Class, Failure};

/// What every fallible function of the engine returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// All that is said of memory that ran out; whoever set the limit knows more.
pub const OUT_OF_MEMORY: &str = "the engine ran out of memory";

/// A failure, by whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input cannot be used.
    #[error("{0}")]
    Source(String),
    /// The profile asks for something that the encoder refuses.
    #[error("{0}")]
    Profile(String),
    /// Bytes that were asked for did not come.
    #[error("{0}")]
    Transient(String),
    /// This machine lacks memory or a library.
    #[error("{0}")]
    Runner(String),
    /// The output is not what was planned.
    #[error("{0}")]
    Verify(String),
    /// A hardware device refused, failed, or put out what it should not.
    #[error("{0}")]
    Device(String),
    /// A hardware device did not decode all of the input.
    #[error("{0}")]
    Decoder(String),
    /// Ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Whose fault.
    pub fn class(&self) -> Class {
        match self {
            Self::Source(_) => Class::Source,
            Self::Profile(_) => Class::Profile,
            Self::Transient(_) => Class::Transient,
            Self::Runner(_) => Class::Runner,
            Self::Verify(_) => Class::Verify,
            Self::Device(_) => Class::Device,
            Self::Decoder(_) => Class::Decoder,
            Self::Internal(_) => Class::Internal,
        }
    }

    /// What FFmpeg said while it read the input: running out of memory is the machine's fault, all else the input's.
    pub fn reading(what: &str, error: ffmpeg_next::Error) -> Self {
        Self::out_of_memory(error).unwrap_or_else(|| Self::Source(format!("{what}: {error}")))
    }

    /// What FFmpeg said where no input and no setting can be to blame.
    pub fn machinery(what: &str, error: ffmpeg_next::Error) -> Self {
        Self::out_of_memory(error).unwrap_or_else(|| Self::Internal(format!("{what}: {error}")))
    }

    /// The same with other words about an input that cannot be used.
    pub fn of_source(self, words: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Source(what) => Self::Source(words(&what)),
            other => other,
        }
    }

    fn out_of_memory(error: ffmpeg_next::Error) -> Option<Self> {
        let errno = ffmpeg_next::Error::Other { errno: ffmpeg_next::error::ENOMEM };
        (error == errno).then(|| Self::Runner(OUT_OF_MEMORY.into()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { class: error.class(), message: error.to_string() }
    }
}

/// A broken pipe to the daemon: the daemon is gone, so whatever this says, nobody else is to blame.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Transient(format!("the pipe to the runner broke: {error}"))
    }
}
