//! Copies of sources, and what a crash has left without a record: both are found by listing our own bucket, now and
//! then, since no row of the store points to them.
//!
//! | below | whose | fate |
//! |---|---|---|
//! | `sources/` | a published or cancelled job's | deleted |
//! | `sources/` | a failed or running job's | kept: a retry reads it again |
//! | `sources/`, `scratch/` | nobody's, older than a day | deleted, or its upload aborted |
//! | `instances/` | | see `instances/sweep` |
//!
//! The time is in the name: ids are UUID version 7. A day is longer than any submission takes.

use std::time::Duration;

use super::SchedulerError;
use crate::domain::{JobId, JobState, Timestamp};
use crate::objects::Location;
use crate::parts::Parts;

/// Pause between two sweeps.
const PAUSE: Duration = Duration::from_secs(600);

/// Age at which what nobody knows is nobody's, milliseconds.
const ORPHANED_MS: i64 = 24 * 3600 * 1000;

/// Sweeps at start, whenever a job is over, and every ten minutes, until the coordinator stops.
pub async fn sweep_sources(parts: &Parts) {
    let mut rounds = tokio::time::interval(PAUSE);
    // The first tick comes at once.
    let mut everything = true;
    rounds.tick().await;
    loop {
        let mut swept = sweep(parts).await;
        if everything {
            swept = swept.and(sweep_uploads(parts).await);
        }
        if let Err(error) = swept {
            tracing::warn!(%error, "copies of sources could not be swept; trying again later");
        }
        everything = tokio::select! {
            () = parts.sweep_wanted.notified() => false,
            _ = rounds.tick() => true,
            () = parts.lifecycle.stopping() => return,
        };
    }
}

async fn sweep(parts: &Parts) -> Result<(), SchedulerError> {
    let (bucket, now) = (&parts.bucket, parts.clock.now());
    let mut unwanted = Vec::new();
    for entry in parts.storage.list(bucket.name(), bucket.sources_prefix()).await? {
        let Some(job_id) = bucket.job_of_source(&entry.key) else { continue };
        let state = parts.store.job(&job_id).await?.map(|job| job.state);
        if is_unwanted(&job_id, state, now) {
            unwanted.push(Location::new(bucket.name(), &entry.key)?);
        }
    }
    if !unwanted.is_empty() {
        parts.storage.delete(&unwanted).await?;
        tracing::info!(count = unwanted.len(), "copies of sources removed");
    }
    Ok(())
}

/// Uploads of ours that a crash cut off between their beginning and their record.
async fn sweep_uploads(parts: &Parts) -> Result<(), SchedulerError> {
    let (bucket, now) = (&parts.bucket, parts.clock.now());
    for upload in parts.storage.list_uploads(bucket.name(), bucket.sources_prefix()).await? {
        let made_at = bucket.job_of_source(&upload.key).and_then(|job_id| job_id.made_at());
        if is_old(made_at, now) {
            abort(parts, &upload.key, &upload.upload_id).await?;
        }
    }
    for upload in parts.storage.list_uploads(bucket.name(), bucket.scratches_prefix()).await? {
        let Some(attempt_id) = bucket.attempt_of_scratch(&upload.key) else { continue };
        if !is_old(attempt_id.made_at(), now) {
            continue;
        }
        let recorded = parts.store.uploads(&attempt_id).await?;
        if !recorded.iter().any(|known| known.upload_id == upload.upload_id) {
            abort(parts, &upload.key, &upload.upload_id).await?;
        }
    }
    Ok(())
}

async fn abort(parts: &Parts, key: &str, upload_id: &str) -> Result<(), SchedulerError> {
    let at = Location::new(parts.bucket.name(), key)?;
    tracing::info!(%at, "an upload that nobody knows is aborted");
    Ok(parts.storage.abort_upload(&at, upload_id).await?)
}

fn is_unwanted(job_id: &JobId, state: Option<JobState>, now: Timestamp) -> bool {
    match state {
        Some(JobState::Published | JobState::Cancelled) => true,
        Some(JobState::Probing | JobState::Running | JobState::Publishing | JobState::Failed) => false,
        None => is_old(job_id.made_at(), now),
    }
}

/// Whether what nobody knows is nobody's by now. A name without a time is not ours to judge.
pub fn is_old(made_at: Option<Timestamp>, now: Timestamp) -> bool {
    made_at.is_some_and(|made_at| made_at.plus_ms(ORPHANED_MS) < now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::new_id;

    fn check(state: Option<JobState>, age_ms: i64, expected: bool) {
        let job_id: JobId = new_id();
        let now = job_id.made_at().expect("an id of ours").plus_ms(age_ms);
        assert_eq!(is_unwanted(&job_id, state, now), expected, "{state:?} after {age_ms} ms");
    }

    #[test]
    fn a_source_stays_as_long_as_its_job_may_read_it() {
        check(Some(JobState::Published), 0, true);
        check(Some(JobState::Cancelled), 0, true);
        check(Some(JobState::Failed), 10 * ORPHANED_MS, false);
        check(Some(JobState::Running), 10 * ORPHANED_MS, false);
    }

    #[test]
    fn a_source_without_a_job_stays_a_day() {
        check(None, ORPHANED_MS - 1000, false);
        check(None, ORPHANED_MS + 1000, true);
        assert!(!is_unwanted(&"by-hand".parse().unwrap(), None, Timestamp(i64::MAX)));
    }
}
