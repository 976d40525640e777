//! Judges how an attempt went: from what the engine said, how it died and what the transfers met.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use flotilla_engine::report::Class;
use flotilla_proto::fleet::{FailureClass, TaskResult};

use super::child::Ended;
use super::conversation::{Conversation, SILENCE_LIMIT, Said};
use super::{Stop, report};
use crate::transfer::{self, Uploaded};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Everything is uploaded.
    Done {
        /// What the engine measured.
        result: TaskResult,
        /// In the order of the lease.
        outputs: Vec<Uploaded>,
    },
    /// It went wrong.
    Failed {
        /// Whose fault.
        class: FailureClass,
        /// One sentence for people.
        message: String,
    },
    /// It was stopped from outside.
    Stopped(Stop),
}

impl Outcome {
    /// A failure.
    pub fn failed(class: FailureClass, message: impl Into<String>) -> Self {
        Self::Failed { class, message: message.into() }
    }
}

/// Turns the end of a conversation into an outcome; waits for the uploads of one that went well.
pub async fn judge(said: Said, ended: Ended, conversation: &mut Conversation) -> Outcome {
    if !ended.stderr_tail.is_empty() {
        tracing::debug!(engine.stderr = ended.stderr_tail, "the engine's last words");
    }
    match said {
        Said::Stopped(reason) => Outcome::Stopped(reason),
        Said::Done(engine_report) => match conversation.verify_inputs() {
            Ok(()) => match conversation.finish_outputs().await {
                Ok(outputs) => done(report::result(engine_report), outputs),
                Err(error) => upload_failed(&error),
            },
            // Not a passing failure: if it is the stored object that is broken, trying for ever helps nobody.
            Err(message) => Outcome::failed(FailureClass::Verify, message),
        },
        // Whatever the engine makes of bytes that never came, the network is to blame.
        _ if let Some(error) = conversation.read_failure() => {
            Outcome::failed(FailureClass::Transient, format!("the source cannot be read: {error}"))
        }
        Said::Failed(failure) => Outcome::failed(class(failure.class), failure.message),
        Said::UploadFailed(error) => upload_failed(&error),
        Said::Hung => Outcome::failed(
            FailureClass::Crash,
            format!("the engine hung: no sign of life for {} s", SILENCE_LIMIT.as_secs()),
        ),
        Said::Broken(error) => crashed(&format!("the engine broke the pipe protocol ({error})"), &ended),
        Said::Nothing => crashed(&format!("the engine died: {}", manner(&ended.status)), &ended),
    }
}

fn done(result: Option<TaskResult>, outputs: Vec<Uploaded>) -> Outcome {
    match result {
        Some(result) => Outcome::Done { result, outputs },
        None => Outcome::failed(FailureClass::Internal, "the engine answered another task than it was given"),
    }
}

fn upload_failed(error: &transfer::Error) -> Outcome {
    Outcome::failed(FailureClass::Transient, format!("an output cannot be uploaded: {error}"))
}

/// At debug level the message carries the engine's own words; they may name parts of private media.
fn crashed(what: &str, ended: &Ended) -> Outcome {
    let has_words = tracing::enabled!(tracing::Level::DEBUG) && !ended.stderr_tail.is_empty();
    let words = if has_words { format!("; its last words: {}", ended.stderr_tail) } else { String::new() };
    Outcome::failed(FailureClass::Crash, format!("{what}{words}"))
}

fn manner(status: &std::io::Result<ExitStatus>) -> String {
    match status.as_ref().map(|status| (status.signal(), status.code())) {
        Ok((Some(signal), _)) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {signal}"),
        },
        Ok((None, Some(code))) => format!("exit code {code} without an answer"),
        Ok((None, None)) | Err(_) => "it left no exit status".to_owned(),
    }
}

fn class(class: Class) -> FailureClass {
    match class {
        Class::Source => FailureClass::Source,
        Class::Profile => FailureClass::Profile,
        Class::Transient => FailureClass::Transient,
        Class::Runner => FailureClass::Runner,
        Class::Verify => FailureClass::Verify,
        Class::Internal => FailureClass::Internal,
    }
}
