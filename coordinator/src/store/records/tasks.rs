//! Tasks and attempts.

use serde::Serialize;

use super::StoredObject;
use crate::domain::outcome::{Outcome, Track, Usage};
use crate::domain::{AttemptId, Failure, JobId, RunnerId, TaskId, TaskKind, TaskState, Timestamp, Token};

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
    /// Its job.
    pub job_id: JobId,
    /// What it does.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Tasks that must be done before it.
    pub depends_on: Vec<TaskId>,
    /// Encoders that its runner must offer.
    pub encoders: Vec<String>,
    /// In the unit of its attempts' progress.
    pub size: u64,
    /// When it became ready first.
    pub ready_at: Option<Timestamp>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// What came out of it, once accepted.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
    /// The objects of the accepted attempt, by output index.
    pub objects: Vec<StoredObject>,
}

impl TaskRecord {
    /// A rendition's share of a chunk; none before there is a result, and of other tasks.
    pub fn chunk_of(&self, rendition_index: usize) -> Option<(&Track, &StoredObject)> {
        match &self.outcome {
            Some(Outcome::EncodeChunk { renditions, .. }) => {
                renditions.get(rendition_index).zip(self.objects.get(rendition_index))
            }
            _ => None,
        }
    }

    /// An audio track or its head; none before there is a result, and of other tasks.
    pub fn sound(&self) -> Option<(&Track, &StoredObject)> {
        match &self.outcome {
            Some(Outcome::EncodeAudio(track)) => Some(track).zip(self.objects.first()),
            _ => None,
        }
    }
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Its runner works on it.
    Leased,
    /// Its result was accepted.
    Accepted,
    /// Its objects are sealed.
    Sealed,
    /// It failed, or its lease ran out.
    Failed,
    /// Its job is over, unpublished, or was bound to another encoder.
    Cancelled,
    /// Another attempt of its task was first.
    Outrun,
}

impl AttemptState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Leased, Self::Accepted, Self::Sealed, Self::Failed, Self::Cancelled, Self::Outrun];

    /// The state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Accepted => "accepted",
            Self::Sealed => "sealed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Outrun => "outrun",
        }
    }

    /// The reverse of [`AttemptState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// Its task.
    pub task_id: TaskId,
    /// Who made it.
    pub runner_id: RunnerId,
    /// Its secret.
    #[serde(skip)]
    pub token: Token,
    /// Rises with every lease of the task, from 1.
    pub epoch: u64,
    /// How it stands.
    pub state: AttemptState,
    /// When it was leased.
    pub leased_at: Timestamp,
    /// When its lease runs out, unless renewed.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// In the unit of the task's size.
    pub progress: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it cost, where the runner said so.
    pub usage: Option<Usage>,
}
