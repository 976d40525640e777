//! Takes jobs whose last task is done to publication, one after the other; what a restart interrupts is done again and
//! writes the same bytes.

use std::time::Duration;

use crate::domain::outcome::Outcome;
use crate::domain::{Failure, FailureClass, JobId, JobState};
use crate::parts::{Parts, Writing};
use crate::publish::{Finished, PublishError, publish};
use crate::store::{JobRecord, StoreError};

/// Jobs looked at in one round.
const ROUND: u32 = 50;

/// Pause after which a publication that failed for passing reasons is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// Publishes finished jobs until the coordinator stops.
pub async fn publish_finished(parts: &Parts) {
    loop {
        match parts.store.jobs(Some(JobState::Publishing), ROUND).await {
            Ok(jobs) => {
                for job in jobs {
                    finish(parts, job.id).await;
                }
            }
            Err(error) => tracing::error!(%error, "jobs to publish could not be read"),
        }
        tokio::select! {
            () = parts.publish_wanted.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            () = parts.lifecycle.stopping() => return,
        }
    }
}

/// While the hold lasts, nothing of the job is collected as garbage. A job that is called off meanwhile is collected
/// after it, with whatever was written last.
async fn finish(parts: &Parts, job_id: JobId) {
    let hold = parts.busy.hold(Writing::Playlists(job_id.clone())).await;
    match attempt(parts, &job_id).await {
        Ok(Some(JobState::Published)) => tracing::info!(job.id = %job_id, "job published"),
        Ok(_) => tracing::info!(job.id = %job_id, "job ended before it was published"),
        Err(error) if error.class() == FailureClass::Transient => {
            tracing::warn!(job.id = %job_id, %error, "publication is tried again");
        }
        Err(error) => {
            tracing::error!(job.id = %job_id, %error, "job cannot be published");
            let failure = Failure { class: error.class(), message: error.to_string() };
            if let Err(error) = parts.store.fail_job(&job_id, failure, parts.clock.now()).await {
                tracing::error!(job.id = %job_id, %error, "its failure could not be noted");
            }
        }
    }
    drop(hold);
    parts.sweep_wanted.notify_one();
    parts.wake.all();
}

/// Answers the job's state afterwards.
async fn attempt(parts: &Parts, job_id: &JobId) -> Result<Option<JobState>, PublicationError> {
    // Read under the hold: a job that has ended by now is not written any more.
    let job = parts.store.job(job_id).await?.filter(|job| job.state == JobState::Publishing);
    let Some(job) = job else { return Ok(None) };
    write(parts, job).await?;
    match parts.store.finish_job(job_id, parts.clock.now()).await {
        // Called off while it was being written.
        Err(StoreError::Illegal(_)) => {}
        finished => finished?,
    }
    Ok(parts.store.job(job_id).await?.map(|job| job.state))
}

async fn write(parts: &Parts, job: JobRecord) -> Result<(), PublicationError> {
    let job_id = job.id.clone();
    let tasks = parts.store.tasks(&job_id).await?;
    let probed = tasks.iter().find_map(|task| match &task.outcome {
        Some(Outcome::Probe(source)) => Some(source.clone()),
        _ => None,
    });
    let finished = Finished {
        source: probed.ok_or_else(|| PublishError::Records("the probe has no result".into()))?,
        plan: parts.plan(&job_id).await?.as_ref().clone(),
        attempts: parts.store.attempts(&job_id).await?,
        runners: parts.store.runners().await?,
        tasks,
        job,
    };
    publish(&finished, &parts.storage).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum PublicationError {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublicationError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Publish(error) => error.class(),
            Self::Store(StoreError::Corrupt(_)) => FailureClass::Internal,
            Self::Store(_) => FailureClass::Transient,
        }
    }
}
