//! Tasks: the pieces of a job that runners work on.
//!
//! ```text
//!  blocked --> ready --> leased --> sealing --> done
//!                ^          |
//!                +--(retry)-+--> failed
//!  any state but done --> cancelled
//!  done --(withdrawn)--> cancelled
//!  leased, sealing, done --(restarted)--> ready
//! ```
//! `sealing`: the database has accepted one attempt's result, its multipart uploads are being completed. From there a
//! task only goes forward: a coordinator that dies in between completes them after its restart. `withdrawn`: the job
//! ended unpublished, so what the task had put at the destination is removed again; a retry makes it anew. `restarted`: the
//! job is bound to another encoder, and what was made with the one before counts no more.

use serde::{Deserialize, Serialize};

/// Stands among the encoders of a task that the coordinator looks at first: it joins objects inside the store where that
/// is worth it. No runner offers it.
pub const OBJECT_COPY: &str = "object-copy";

/// In place of a runner's id: the coordinator made the attempt itself.
pub const COORDINATOR: &str = "coordinator";

/// What a task does; indexes point into the job's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskKind {
    /// Reads the source and says what it is.
    Probe,
    /// Encodes all renditions of one chunk.
    EncodeChunk {
        /// Position in the plan's chunks.
        chunk_index: u32,
    },
    /// Encodes one whole audio track.
    EncodeAudio {
        /// Position in the plan's audio tracks.
        audio_index: u32,
    },
    /// Encodes the first fragments of an audio track, to be heard while the whole is being encoded.
    EncodeAudioHead {
        /// Position in the plan's audio tracks.
        audio_index: u32,
    },
    /// Makes WebVTT of all subtitles.
    ExtractText,
    /// Draws the storyboard.
    Storyboard,
    /// Joins the chunks of one rendition.
    Assemble {
        /// Position in the plan's renditions.
        rendition_index: u32,
    },
    /// Makes one audio track's single file.
    AssembleAudio {
        /// Position in the plan's audio tracks.
        audio_index: u32,
    },
}

impl TaskKind {
    /// Word for tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::EncodeChunk { .. } => "encode_chunk",
            Self::EncodeAudio { .. } | Self::EncodeAudioHead { .. } => "encode_audio",
            Self::ExtractText => "extract_text",
            Self::Storyboard => "storyboard",
            Self::Assemble { .. } | Self::AssembleAudio { .. } => "assemble",
        }
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for tasks that it depends on.
    Blocked,
    /// Waits for a runner.
    Ready,
    /// A runner works on it.
    Leased,
    /// A result is accepted; its objects are being sealed.
    Sealing,
    /// Its objects are sealed. Final, unless they are withdrawn.
    Done,
    /// Given up.
    Failed,
    /// Its job was called off or failed.
    Cancelled,
}

/// What can happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    /// The last task that it depends on is done.
    Unblocked,
    /// A runner took it.
    Leased,
    /// An attempt's result was accepted.
    Accepted,
    /// The accepted result is sealed.
    Sealed,
    /// The attempt failed, to be tried again.
    Retried,
    /// The attempt failed for good.
    GivenUp,
    /// The job was called off or failed.
    Cancel,
    /// The job was called off or failed, and the task's objects lie at the destination: they are removed.
    Withdrawn,
    /// Somebody retries the failed job.
    Revived,
    /// What its job was bound to is lost: it is made anew with another encoder.
    Restarted,
}

/// The event does not happen to a task in that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {} cannot be {event:?}", .state.as_str())]
pub struct IllegalTaskEvent {
    /// Where the task stands.
    pub state: TaskState,
    /// What was to happen.
    pub event: TaskEvent,
}

impl TaskState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Blocked, Self::Ready, Self::Leased, Self::Sealing, Self::Done, Self::Failed, Self::Cancelled];

    /// The state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Sealing => "sealing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The reverse of [`TaskState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The state after `event`.
    pub fn apply(self, event: TaskEvent) -> Result<Self, IllegalTaskEvent> {
        match (self, event) {
            (Self::Blocked, TaskEvent::Unblocked) => Ok(Self::Ready),
            (Self::Ready, TaskEvent::Leased) => Ok(Self::Leased),
            (Self::Leased, TaskEvent::Accepted) => Ok(Self::Sealing),
            (Self::Sealing, TaskEvent::Sealed) => Ok(Self::Done),
            (Self::Leased, TaskEvent::Retried) => Ok(Self::Ready),
            // A sealed upload that the store has lost is encoded anew.
            (Self::Sealing, TaskEvent::Retried) => Ok(Self::Ready),
            (Self::Leased | Self::Ready | Self::Sealing, TaskEvent::GivenUp) => Ok(Self::Failed),
            (Self::Failed | Self::Cancelled, TaskEvent::Revived) => Ok(Self::Blocked),
            (Self::Leased | Self::Sealing | Self::Done, TaskEvent::Restarted) => Ok(Self::Ready),
            (Self::Done, TaskEvent::Withdrawn) => Ok(Self::Cancelled),
            (Self::Done | Self::Cancelled, TaskEvent::Cancel) => Ok(self),
            (_, TaskEvent::Cancel) => Ok(Self::Cancelled),
            (state, event) => Err(IllegalTaskEvent { state, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_goes_its_way() {
        let way = [TaskEvent::Unblocked, TaskEvent::Leased, TaskEvent::Retried, TaskEvent::Leased];
        let way = way.into_iter().chain([TaskEvent::Accepted, TaskEvent::Sealed]);
        assert_eq!(way.into_iter().try_fold(TaskState::Blocked, TaskState::apply), Ok(TaskState::Done));
    }

    #[test]
    fn an_accepted_result_cannot_be_leased_again() {
        assert!(TaskState::Sealing.apply(TaskEvent::Leased).is_err());
        assert!(TaskState::Done.apply(TaskEvent::Leased).is_err());
        assert!(TaskState::Done.apply(TaskEvent::Retried).is_err());
        assert_eq!(TaskState::Done.apply(TaskEvent::Restarted), Ok(TaskState::Ready));
        assert!(TaskState::Failed.apply(TaskEvent::Restarted).is_err());
    }

    #[test]
    fn done_survives_a_cancel_and_every_state_parses_back() {
        assert_eq!(TaskState::Done.apply(TaskEvent::Cancel), Ok(TaskState::Done));
        for state in TaskState::ALL {
            assert_eq!(TaskState::parse(state.as_str()), Some(state));
        }
    }
}
