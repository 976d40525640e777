//! How commands end: a documented exit code, and for people one sentence and a hint.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::StartError;
use crate::domain::FailureClass;
use crate::jobs::JobsError;
use crate::web::Problem;

/// Exit codes. They are part of the interface: scripts decide by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[repr(u8)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// The source is at fault.
    Source = 3,
    /// The profile is at fault.
    Profile = 4,
    /// No runner can do it.
    NoRunner = 5,
    /// The object store or the output folder is at fault.
    Storage = 6,
    /// Anything else.
    Internal = 7,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<FailureClass> for Exit {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Source => Self::Source,
            FailureClass::Profile => Self::Profile,
            FailureClass::NoRunner | FailureClass::Runner | FailureClass::Device | FailureClass::Expired => {
                Self::NoRunner
            }
            FailureClass::Storage | FailureClass::Transient => Self::Storage,
            FailureClass::Crash | FailureClass::Verify | FailureClass::Internal | FailureClass::Returned => {
                Self::Internal
            }
        }
    }
}

/// A command that could not do what it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct UserError {
    /// One sentence: what, on what, why.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// How the process ends.
    pub exit: Exit,
}

impl UserError {
    /// An error of these words.
    pub fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit }
    }

    /// Somebody pressed Ctrl-C.
    pub fn interrupted(what: &str) -> Self {
        Self::new(Exit::Interrupted, format!("interrupted: {what}"), "run the command again to start over")
    }

    /// Prints the error where the reader looks: people on standard error, scripts on standard output.
    pub fn print(&self, json: bool) {
        if json {
            let line = serde_json::json!({
                "event": "error", "message": self.message, "hint": self.hint, "exit_code": self.exit as u8,
            });
            println!("{line}");
            return;
        }
        eprintln!("error: {}\n\nhint: {}", self.message, self.hint);
    }

    /// For `main`.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl From<JobsError> for UserError {
    fn from(error: JobsError) -> Self {
        let exit = if error.is_usage() { Exit::Usage } else { error.class().into() };
        Self::new(exit, error.to_string(), error.hint())
    }
}

impl From<Problem> for UserError {
    fn from(problem: Problem) -> Self {
        let exit = if problem.usage { Exit::Usage } else { problem.class.into() };
        Self::new(exit, problem.title, problem.hint)
    }
}

impl From<StartError> for UserError {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Config(_) => Exit::Usage,
            StartError::Profiles(_) => Exit::Profile,
            StartError::Storage(_) | StartError::DataDir(_) | StartError::Objects(_) => Exit::Storage,
            StartError::Listen { .. } | StartError::Store(_) | StartError::Bucket(_) => Exit::Internal,
        };
        Self::new(exit, error.to_string(), error.hint())
    }
}

/// What a failed job means to whoever waits for it.
pub fn job_failed(failure: Option<&crate::domain::Failure>) -> UserError {
    let Some(failure) = failure else {
        return UserError::new(
            Exit::Internal,
            "the job failed without a reason",
            "look at the coordinator's log",
        );
    };
    let hint = match failure.class {
        FailureClass::Source => {
            "check that the source plays in a media player; `ffprobe FILE` tells what is in it"
        }
        FailureClass::Profile => "correct the profile; `flotilla profiles show NAME` prints it",
        FailureClass::Runner | FailureClass::Device => {
            "`flotilla-runner doctor` tells what a machine has; give it more, or use another one"
        }
        FailureClass::NoRunner => "`flotilla-runner doctor` tells what a machine can do and why not",
        FailureClass::Storage | FailureClass::Transient => {
            "check free space and the object store, then retry the job"
        }
        _ => "run again with -v for the log; if it repeats, please report it with the log",
    };
    UserError::new(failure.class.into(), failure.message.clone(), hint)
}
