//! From an offered result to sealed objects.
//!
//! ```text
//!  check result --> accept (compare-and-set in the store) --> complete uploads --> seal (dependents become ready)
//! ```
//! Only after `accept` are uploads completed: an attempt that lost its lease can never make an object appear. What
//! stops between the steps, by a crash, a store that is away or a runner that is, is finished by [`seal_accepted`].

use std::time::Duration;

use super::{SchedulerError, check};
use crate::clock::new_id;
use crate::domain::damage;
use crate::domain::outcome::Outcome;
use crate::domain::source::Source;
use crate::domain::{Failure, FailureClass, JobId, JobState, LeaseRef};
use crate::objects::{StorageClass, StorageError};
use crate::parts::{Parts, Writing};
use crate::planner;
use crate::store::{
    Acceptance, AcceptedResult, AttemptState, ClaimedTask, NewPlan, SealingAttempt, UploadRecord,
};

/// Pause after which unfinished seals are taken up.
const PAUSE: Duration = Duration::from_secs(5);

/// Takes an attempt's result. True: it is sealed. False: the lease was no longer the task's, or the job has ended.
pub async fn offer(
    parts: &Parts,
    lease: &LeaseRef,
    mut claimed: ClaimedTask,
    uploads: Vec<UploadRecord>,
    result: AcceptedResult,
) -> Result<bool, SchedulerError> {
    check::result(parts, &claimed, &result).await?;
    let hold = parts.busy.hold(Writing::Uploads(lease.attempt_id.clone())).await;
    match parts.store.accept(lease, result.clone(), parts.clock.now()).await? {
        Acceptance::Stale => return Ok(false),
        Acceptance::Repeated { sealed: true } => return Ok(true),
        Acceptance::Accepted | Acceptance::Repeated { sealed: false } => {}
    }
    (claimed.task.outcome, claimed.task.objects) = (Some(result.outcome), result.objects);
    let sealed = finish(parts, &SealingAttempt { claimed, uploads }).await;
    drop(hold);
    parts.wake.all();
    sealed
}

/// Finishes what was accepted and not sealed, until the coordinator stops: at start what an earlier process left, later
/// what a store that was away or a runner that went away has left.
pub async fn seal_accepted(parts: &Parts) {
    loop {
        match parts.store.sealing().await {
            Ok(accepted) => {
                for attempt in accepted {
                    resume(parts, attempt).await;
                }
            }
            Err(error) => tracing::error!(%error, "accepted results could not be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = parts.lifecycle.stopping() => return,
        }
    }
}

async fn resume(parts: &Parts, attempt: SealingAttempt) {
    let (attempt_id, task_id) = (attempt.claimed.attempt.id.clone(), attempt.claimed.task.id.clone());
    // Its runner's own call may be at it.
    let Some(hold) = parts.busy.try_hold(Writing::Uploads(attempt_id)) else { return };
    let sealed = match parts.store.leased(&attempt.claimed.lease()).await {
        Ok(Some(now)) if now.attempt.state == AttemptState::Accepted => finish(parts, &attempt).await,
        Ok(_) => return,
        Err(error) => Err(error.into()),
    };
    drop(hold);
    parts.wake.all();
    match sealed {
        Ok(_) => tracing::info!(task.id = %task_id, "sealed a result that was accepted earlier"),
        Err(error) => tracing::warn!(task.id = %task_id, %error, "an accepted result waits for its seal"),
    }
}

/// Completes the uploads of an accepted attempt and notes the seal. Safe to repeat. False: the job has ended meanwhile,
/// or the task is done anew.
async fn finish(parts: &Parts, attempt: &SealingAttempt) -> Result<bool, SchedulerError> {
    let claimed = &attempt.claimed;
    for (object, upload) in claimed.task.objects.iter().zip(&attempt.uploads) {
        let (at, id) = (&upload.object, &upload.upload_id);
        if let Err(error) = parts.storage.complete_upload(at, id, &object.etags, object.size_bytes).await {
            return lost_upload(parts, claimed, error).await.map(|()| false);
        }
    }
    let plan = match &claimed.task.outcome {
        Some(Outcome::Probe(source)) => match plan(parts, &claimed.task.job_id, source).await? {
            Ok(plan) => Some(plan),
            Err(failure) => {
                parts.store.fail_job(&claimed.task.job_id, failure, parts.clock.now()).await?;
                return Ok(true);
            }
        },
        _ => None,
    };
    if let Some(failure) = damage(parts, claimed).await? {
        parts.store.fail_job(&claimed.task.job_id, failure, parts.clock.now()).await?;
        return Ok(true);
    }
    let state = parts.store.seal(&claimed.attempt.id, plan, parts.clock.now()).await?;
    if state == JobState::Publishing {
        parts.publish_wanted.notify_one();
    } else {
        parts.join_wanted.notify_one();
        parts.early_wanted.notify_one();
    }
    Ok(!matches!(state, JobState::Cancelled | JobState::Failed))
}

/// The job's end, when this chunk and those sealed before it miss too many source frames.
async fn damage(parts: &Parts, claimed: &ClaimedTask) -> Result<Option<Failure>, SchedulerError> {
    let missing = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::EncodeChunk { missing_frames, .. }) => *missing_frames,
        _ => 0,
    };
    let here = missing(&claimed.task.outcome);
    if here == 0 {
        return Ok(None);
    }
    let tasks = parts.store.tasks(&claimed.task.job_id).await?;
    let others = tasks.iter().filter(|task| task.id != claimed.task.id).map(|task| missing(&task.outcome));
    let total = others.fold(here, u64::saturating_add);
    let plan = parts.plan(&claimed.task.job_id).await?;
    Ok(damage::too_much(&plan, total))
}

/// An upload that cannot be completed: passing troubles are tried again, others end the attempt.
async fn lost_upload(
    parts: &Parts,
    claimed: &ClaimedTask,
    error: StorageError,
) -> Result<(), SchedulerError> {
    let class = match (error.class(), error.code()) {
        (StorageClass::Transient, _) => return Err(error.into()),
        // The parts are not those that the runner says it has uploaded.
        (_, Some("InvalidPart" | "InvalidPartOrder" | "EntityTooSmall")) => FailureClass::Verify,
        (StorageClass::Missing, code) if code != Some("NoSuchBucket") => FailureClass::Internal,
        _ => FailureClass::Storage,
    };
    tracing::error!(task.id = %claimed.task.id, %error, "an accepted upload cannot be completed");
    let failure = Failure { class, message: error.to_string() };
    parts.store.fail_attempt(&claimed.lease(), failure, None, parts.clock.now()).await?;
    Ok(())
}

/// Plans a probed job. The inner error is the job's end: its source or profile cannot be planned.
async fn plan(
    parts: &Parts,
    job_id: &JobId,
    source: &Source,
) -> Result<Result<NewPlan, Failure>, SchedulerError> {
    let job = parts.store.job(job_id).await?;
    let job = job.ok_or_else(|| SchedulerError::Missing(format!("job {job_id} is gone")))?;
    let ours = |message: String| Failure { class: FailureClass::Internal, message };
    let profile = match serde_json::from_str(&job.profile_json) {
        Ok(profile) => profile,
        Err(error) => return Ok(Err(ours(format!("profile {} does not read back: {error}", job.profile)))),
    };
    let chunk_seconds = job.chunk_seconds.or(parts.config.planning.chunk_seconds);
    let early = job.progressive_publish;
    let request = planner::Request { slots: parts.live_slots().await?.max(1), chunk_seconds, early };
    let (source, edits) = (source.clone(), job.extras.edits);
    // The frame table of a long video takes a while; and what a runner states must not take a loop of ours with it.
    let planned =
        tokio::task::spawn_blocking(move || planner::plan_edited(&source, &profile, &request, &edits)).await;
    let planned =
        planned.unwrap_or_else(|_| Err(ours("the planner broke down on what the probe found".into())));
    let tasks = |plan: &_| planner::tasks(plan).into_iter().map(|task| (new_id(), task)).collect();
    Ok(planned.map(|plan| NewPlan { tasks: tasks(&plan), plan }))
}
