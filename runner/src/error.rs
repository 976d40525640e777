//! What can end the program, told to people: one sentence, a hint what to do, an exit code.

use crate::coordinator;

/// Why the program ends before its work is done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line or the configuration asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Not one encoder passed its trial.
    #[error("no encoder works on this machine")]
    NothingToOffer,
    /// The coordinator is away or refuses this runner.
    #[error("{doing} at {url} failed: {cause}")]
    Coordinator {
        /// What was tried, as a noun: "joining".
        doing: &'static str,
        /// Address of the coordinator.
        url: String,
        /// What it answered, or why it did not.
        cause: coordinator::Error,
    },
    /// This program, or the machine under it, is at fault.
    #[error("{message}")]
    Internal {
        /// What failed, with its cause.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A second signal stopped the work at once.
    #[error("stopped by a signal before the running tasks were done; they were given back")]
    Interrupted,
    /// A signal ended the benchmark.
    #[error("stopped by a signal before the benchmark was done; nothing of it was kept")]
    BenchInterrupted,
}

impl Error {
    /// A mistake in the command line or the configuration.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// A fault of this program or machine.
    pub fn internal(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Internal { message: message.into(), hint: hint.into() }
    }

    /// Waiting may help: nothing is wrong but that nobody answers. What a coordinator refuses it refuses again.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Coordinator { cause: coordinator::Error::Away(_), .. })
    }

    /// What a person can do about it; one sentence.
    pub fn hint(&self) -> &str {
        match self {
            Self::Usage { hint, .. } | Self::Internal { hint, .. } => hint,
            Self::NothingToOffer => "run `flotilla-runner doctor` to see why each encoder failed",
            Self::Coordinator { cause, .. } => cause.hint(),
            Self::BenchInterrupted => "`bench --quick` takes less than a minute",
            Self::Interrupted => "send one signal only to let the running tasks finish first",
        }
    }

    /// The documented exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::NothingToOffer => 5,
            Self::Coordinator { .. } => 6,
            Self::Internal { .. } => 7,
            Self::Interrupted | Self::BenchInterrupted => 130,
        }
    }
}
