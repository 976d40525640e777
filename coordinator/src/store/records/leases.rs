//! The conversation with a runner: beats, claims and what they come to.

use super::{AttemptRecord, AttemptState, TaskRecord};
use crate::domain::choice::Room;
use crate::domain::dispatch::Policy;
use crate::domain::{AttemptId, JobId, LeaseRef, RunnerId, Token};

/// A beat of a runner.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Who.
    pub runner_id: RunnerId,
    /// Changes when its process restarts.
    pub session_id: String,
    /// Every attempt that it holds, with its progress.
    pub attempts: Vec<(LeaseRef, u64)>,
    /// It takes no more work.
    pub draining: bool,
    /// Life of the renewed leases.
    pub lease_ms: i64,
    /// Attempts that were leased by this very session within so many milliseconds may be missing from the
    /// beat: the answer that starts them may still be on its way.
    pub grace_ms: i64,
}

/// What a beat came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BeatOutcome {
    /// Named attempts that are not (or no longer) the runner's: to be stopped.
    pub stop: Vec<AttemptId>,
    /// Attempts that it should have named: expired, their tasks are ready again.
    pub lost: Vec<AttemptId>,
}

/// Ids for the attempts that a claim makes.
pub type LeaseIds = Box<dyn FnMut() -> (AttemptId, Token) + Send>;

/// A request for work.
pub struct Claim {
    /// For whom.
    pub runner_id: RunnerId,
    /// The session that will be told.
    pub session_id: String,
    /// What it has room for.
    pub room: Room,
    /// Life of the leases.
    pub lease_ms: i64,
    /// Runners seen within so many milliseconds count as live, for "elsewhere".
    pub live_ms: i64,
    /// What an admin has chosen.
    pub policy: Policy,
    /// Makes ids and tokens.
    pub ids: LeaseIds,
}

/// A question for work that may not be there.
#[derive(Clone, Debug)]
pub struct Ask {
    /// For whom.
    pub runner_id: RunnerId,
    /// Attempts that the runner knows of.
    pub named: Vec<AttemptId>,
    /// What it says it has room for.
    pub room: Room,
    /// As in [`Claim`].
    pub live_ms: i64,
    /// As in [`Claim`].
    pub policy: Policy,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Some task is ready that the runner may have.
    pub has_work: bool,
    /// Attempts leased to the runner that it does not name: their start is still on its way.
    pub underway: u32,
    /// The room that they leave.
    pub room: Room,
}

/// A job that is bound to what no live runner offers, while others could do its chunks another way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LostBond {
    /// The job.
    pub job_id: JobId,
    /// What its chunks need: see `domain/choice`.
    pub need: String,
    /// What it is bound to.
    pub bond: String,
    /// What would be lost, milliseconds of an ordinary slot.
    pub done_ms: u64,
}

/// A task with the attempt that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedTask {
    /// The attempt.
    pub attempt: AttemptRecord,
    /// The task.
    pub task: TaskRecord,
}

impl ClaimedTask {
    /// Nothing has been accepted yet: its runner may still write, and still fail.
    pub fn is_running(&self) -> bool {
        self.attempt.state == AttemptState::Leased
    }

    /// The lease of the attempt.
    pub fn lease(&self) -> LeaseRef {
        let AttemptRecord { id, token, epoch, .. } = &self.attempt;
        LeaseRef { attempt_id: id.clone(), token: token.clone(), epoch: *epoch }
    }
}
