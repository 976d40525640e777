//! Takes jobs whose last task is done to publication, one after the other; what a restart interrupts is done again and
//! writes the same bytes. And shows those jobs that are to be shown while they are being encoded.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::outcome::Outcome;
use crate::domain::{Failure, FailureClass, JobId, JobState, Plan};
use crate::parts::{Parts, Writing};
use crate::publish::{Finished, PLAYLIST_TYPE, PublishError, early, publish};
use crate::store::{JobRecord, StoreError};

/// Jobs looked at in one round.
const ROUND: u32 = 50;

/// Pause after which a publication that failed for passing reasons is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// What was shown early stays this much longer than it takes to play it.
const EARLY_PAUSE_MS: i64 = 10 * 60_000;

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
        if !parts.lifecycle.rest(&parts.publish_wanted, PAUSE).await {
            return;
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
        pins: parts.store.pins(&job_id).await?,
        tasks,
        job,
    };
    publish(&finished, &parts.storage).await?;
    if finished.plan.early {
        let until = parts.clock.now().plus_ms(early_grace_ms(&finished.plan));
        parts.store.keep_early_until(&finished.job.id, until).await?;
    }
    Ok(())
}

/// How long what was shown early stays: who has just begun plays it to the end, with a pause.
fn early_grace_ms(plan: &Plan) -> i64 {
    let grid = plan.video.iter().flat_map(|video| &video.grids).next();
    let picture = grid.and_then(|grid| Some((grid.length_ticks()?, grid.timescale)));
    let sound = plan.audio.iter().map(|track| (track.duration_ticks, track.sample_rate_hz));
    let lengths_ms =
        sound.chain(picture).map(|(ticks, scale)| ticks.saturating_mul(1000) / u64::from(scale.max(1)));
    let longest_ms = i64::try_from(lengths_ms.max().unwrap_or(0)).unwrap_or(i64::MAX);
    longest_ms.saturating_add(EARLY_PAUSE_MS)
}

/// Shows running jobs as far as they are, and drops what nobody needs any more, until the coordinator stops.
pub async fn show_early(parts: &Parts) {
    let mut shown: HashMap<JobId, usize> = HashMap::new();
    loop {
        match parts.store.shown_early().await {
            Ok(jobs) => {
                shown.retain(|id, _| jobs.iter().any(|job| job.id == *id));
                for job in jobs {
                    let before = shown.get(&job.id).copied().unwrap_or(0);
                    match show(parts, &job, before).await {
                        Ok(length) => drop(shown.insert(job.id, length)),
                        Err(error) => tracing::warn!(job.id = %job.id, %error, "job cannot be shown early"),
                    }
                }
            }
            Err(error) => tracing::error!(%error, "jobs to show early could not be read"),
        }
        match parts.store.drop_early(parts.clock.now()).await {
            Ok(0) => {}
            Ok(_) => parts.wake.all(),
            Err(error) => tracing::error!(%error, "what was shown early could not be dropped"),
        }
        if !parts.lifecycle.rest(&parts.early_wanted, PAUSE).await {
            return;
        }
    }
}

/// Writes a job's growing playlists, if they have grown, and then the manifest that names them, if it is not there yet.
/// Answers their length. As with publication, nothing of the job is collected meanwhile, and nothing is written of a job
/// that has ended.
async fn show(parts: &Parts, job: &JobRecord, before: usize) -> Result<usize, PublicationError> {
    let hold = parts.busy.hold(Writing::Playlists(job.id.clone())).await;
    let is_running = |now: Option<JobRecord>| now.is_some_and(|now| now.state == JobState::Running);
    if !is_running(parts.store.job(&job.id).await?) {
        return Ok(before);
    }
    let (plan, tasks) = (parts.plan(&job.id).await?, parts.store.tasks(&job.id).await?);
    let Some(shown) = early::show((&job.id, &job.destination), &plan, &tasks, false)?.filter(|_| plan.early)
    else {
        return Ok(before);
    };
    let length = shown.playlists.iter().map(|(_, text)| text.len()).sum();
    if length == before {
        return Ok(before);
    }
    for (at, text) in shown.playlists {
        parts.storage.put(&at, text.into(), PLAYLIST_TYPE).await.map_err(PublishError::from)?;
    }
    if before == 0 {
        let master = job.destination.master();
        parts.storage.put(&master, shown.master.into(), PLAYLIST_TYPE).await.map_err(PublishError::from)?;
        tracing::info!(job.id = %job.id, "job can be played");
    }
    drop(hold);
    if !is_running(parts.store.job(&job.id).await?) {
        // It may have been called off meanwhile: then this is garbage.
        parts.wake.all();
    }
    Ok(length)
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
