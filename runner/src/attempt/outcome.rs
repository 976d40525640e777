//! Judges how an attempt went: from what the engine said, how it died and what the transfers met.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use flotilla_engine::error::OUT_OF_MEMORY;
use flotilla_engine::report::{Class, Failure};
use flotilla_proto::fleet::task_result::Kind;
use flotilla_proto::fleet::{FailureClass, TaskResult};

use super::child::Ended;
use super::conversation::{Conversation, Said};
use super::headway::STALL_LIMIT;
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
    /// It is done, and no frame of a video was missing.
    pub fn is_whole(&self) -> bool {
        let Self::Done { result, .. } = self else { return false };
        !matches!(&result.kind, Some(Kind::EncodeChunk(chunk)) if chunk.missing_frames > 0)
    }

    /// A failure.
    pub fn failed(class: FailureClass, message: impl Into<String>) -> Self {
        Self::Failed { class, message: message.into() }
    }
}

/// Turns the end of a conversation into an outcome; waits for the uploads of one that went well. The engine was allowed
/// `memory_mib`; 0: as much as there is.
pub async fn judge(said: Said, ended: Ended, conversation: &mut Conversation, memory_mib: u64) -> Outcome {
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
        Said::Failed(failure) if failure.message == OUT_OF_MEMORY => out_of_memory(memory_mib),
        // Encoders call everything an error of their own, memory that ran out too.
        Said::Failed(Failure { class: Class::Profile | Class::Internal, .. })
            if used_its_memory(&ended, memory_mib) =>
        {
            out_of_memory(memory_mib)
        }
        Said::Failed(failure) => Outcome::failed(class(failure.class), failure.message),
        Said::UploadFailed(error) => upload_failed(&error),
        Said::Hung => Outcome::failed(
            FailureClass::Crash,
            format!("the engine hung: no sign of life for {} s", conversation.silence_limit().as_secs()),
        ),
        Said::Stalled => Outcome::failed(
            FailureClass::Crash,
            format!(
                "the engine got no further for {} s: it read, wrote and finished nothing new",
                STALL_LIMIT.as_secs()
            ),
        ),
        Said::Broken(error) => crashed(&format!("the engine broke the pipe protocol ({error})"), &ended),
        Said::Nothing if used_its_memory(&ended, memory_mib) => out_of_memory(memory_mib),
        Said::Nothing => crashed(&format!("the engine died: {}", manner(&ended.status)), &ended),
    }
}

/// A process that was about as large as it may be; or what Rust ("memory allocation of 9 bytes failed") and x264
/// ("malloc of size 9 failed") say of a piece that they did not get.
fn used_its_memory(ended: &Ended, memory_mib: u64) -> bool {
    let is_near = ended.peak_memory_bytes >> 20 >= memory_mib / 10 * 9;
    let words = &ended.stderr_tail;
    memory_mib > 0 && (is_near || words.contains("alloc") && words.contains("failed"))
}

/// Another machine may allow more.
fn out_of_memory(memory_mib: u64) -> Outcome {
    let message = match memory_mib {
        0 => "the engine ran out of memory".to_owned(),
        _ => format!(
            "the engine needs more than the {memory_mib} MiB of memory that it may use (work.engine_memory_mib)"
        ),
    };
    Outcome::failed(FailureClass::Runner, message)
}

fn done(result: Option<TaskResult>, outputs: Vec<Uploaded>) -> Outcome {
    match result {
        Some(result) => Outcome::Done { result, outputs },
        None => Outcome::failed(FailureClass::Internal, "the engine answered another task than it was given"),
    }
}

fn upload_failed(error: &transfer::Error) -> Outcome {
    let class = if error.is_full() { FailureClass::Storage } else { FailureClass::Transient };
    let why = if error.is_full() { ": its disk is full" } else { "" };
    Outcome::failed(class, format!("an output cannot be uploaded: {error}{why}"))
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
        Class::Device | Class::Decoder => FailureClass::Device,
        Class::Internal => FailureClass::Internal,
    }
}
