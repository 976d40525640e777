//! Who works on what: ready tasks become leases with grants, results become seals, silence becomes expiry. Nothing here
//! is durable; all of it is derived from the store and can be rebuilt after a restart.

mod check;
mod files;
mod garbage;
mod grants;
mod joining;
mod reaper;
mod rebinding;
mod sealing;
mod sources;
mod work;

pub use garbage::collect_garbage;
pub use grants::{InputGrant, OutputGrant, part_urls};
pub use joining::join_ready;
pub use reaper::expire_leases;
pub use rebinding::rebind_lost;
pub use sealing::{offer, seal_accepted};
pub use sources::{is_old, sweep_sources};
pub use work::Work;

use crate::clock::{new_id, new_lease_token};
use crate::domain::choice::Room;
use crate::domain::{Failure, FailureClass, RunnerId};
use crate::objects::{InvalidName, StorageClass, StorageError};
use crate::parts::Parts;
use crate::store::{Claim, ClaimedTask, StoreError};

/// Why the scheduler could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A result that is not what was planned.
    #[error("{0}")]
    Refused(String),
    /// A name that no object may have.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A record that should be there is not.
    #[error("{0}")]
    Missing(String),
}

impl SchedulerError {
    /// Whose fault it is.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Store(_) => FailureClass::Transient,
            Self::Storage(error) => match error.class() {
                StorageClass::Transient => FailureClass::Transient,
                StorageClass::Missing if error.code() != Some("NoSuchBucket") => FailureClass::Internal,
                _ => FailureClass::Storage,
            },
            Self::Refused(_) => FailureClass::Verify,
            Self::Missing(_) | Self::Name(_) => FailureClass::Internal,
        }
    }
}

/// A leased task with all that its runner needs.
pub struct Assignment {
    /// Attempt and task.
    pub claimed: ClaimedTask,
    /// What to do.
    pub work: Work,
    /// What to read.
    pub inputs: Vec<InputGrant>,
    /// Where to write.
    pub outputs: Vec<OutputGrant>,
}

/// Leases tasks to a runner that has that room, and grants what they need.
pub async fn assign(
    parts: &Parts,
    runner_id: &RunnerId,
    session_id: &str,
    room: Room,
) -> Result<Vec<Assignment>, SchedulerError> {
    let claim = Claim {
        runner_id: runner_id.clone(),
        session_id: session_id.to_owned(),
        room,
        lease_ms: i64::from(parts.config.leases.lease_ms),
        live_ms: crate::domain::runner::LIVE_MS,
        policy: parts.shares.policy(),
        ids: Box::new(|| (new_id(), new_lease_token())),
    };
    let mut assignments = Vec::new();
    for claimed in parts.store.claim(claim, parts.clock.now()).await? {
        match grant(parts, claimed.clone()).await {
            Ok(assignment) => {
                let task = &assignment.claimed.task;
                tracing::debug!(job.id = %task.job_id, task.id = %task.id, runner.id = %runner_id, "task leased");
                assignments.push(assignment);
            }
            Err(error) => give_back(parts, &claimed, &error).await?,
        }
    }
    Ok(assignments)
}

async fn grant(parts: &Parts, claimed: ClaimedTask) -> Result<Assignment, SchedulerError> {
    let prepared = work::prepare(parts, &claimed.task).await?;
    let inputs = grants::inputs(parts, prepared.inputs).await?;
    let outputs = grants::outputs(parts, &claimed, prepared.outputs).await?;
    Ok(Assignment { claimed, work: prepared.work, inputs, outputs })
}

/// A lease whose grants could not be made is no use to anybody: its task goes back.
async fn give_back(
    parts: &Parts,
    claimed: &ClaimedTask,
    error: &SchedulerError,
) -> Result<(), SchedulerError> {
    tracing::warn!(task.id = %claimed.task.id, %error, "task could not be granted");
    // A store that is away for a while must not use up the task's tries.
    let class = match error.class() {
        FailureClass::Transient => FailureClass::Returned,
        class => class,
    };
    let failure = Failure { class, message: error.to_string() };
    parts.store.fail_attempt(&claimed.lease(), failure, None, parts.clock.now()).await?;
    Ok(())
}
