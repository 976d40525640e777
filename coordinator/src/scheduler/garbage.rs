//! Losers and scratch: uploads that no accepted attempt owns are aborted, scratch objects of finished jobs are removed,
//! half results are taken back. Everything is derived from the store, so what a crash or an outage leaves is found
//! again; an object is forgotten only after it is gone.

use std::collections::HashSet;
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::SchedulerError;
use crate::domain::{AttemptId, FailureClass, JobId, JobState};
use crate::parts::{Parts, Writing};
use crate::store::UploadRecord;

/// How many pieces of garbage are looked at at once.
const ROUND: u32 = 500;

/// Removals on their way at once.
const REMOVALS_IN_FLIGHT: usize = 8;

/// Longest pause between two rounds; the pause after a round that could not remove everything.
const PAUSE: Duration = Duration::from_secs(30);

/// Removes garbage until the coordinator stops: after every change that may have made some, and now and then.
pub async fn collect_garbage(parts: &Parts) {
    let mut changes = parts.wake.subscribe();
    loop {
        let refused = round(parts).await.inspect_err(|error| {
            tracing::warn!(%error, "garbage could not be removed; trying again later");
        });
        tokio::select! {
            // A store that is away is not asked again at every change.
            () = changes.changed(), if refused.is_ok() => {}
            () = tokio::time::sleep(PAUSE) => {}
            () = parts.lifecycle.stopping() => return,
        }
    }
}

/// Removes what is garbage now. What cannot be removed does not stand in the way of the rest. Answers how much was left.
async fn round(parts: &Parts) -> Result<usize, SchedulerError> {
    let mut left: HashSet<(AttemptId, u32)> = HashSet::new();
    loop {
        let limit = ROUND.saturating_add(u32::try_from(left.len()).unwrap_or(u32::MAX));
        let mut garbage = parts.store.garbage(limit).await?;
        garbage.retain(|upload| !left.contains(&name(upload)));
        if garbage.is_empty() {
            return Ok(left.len());
        }
        let removals =
            garbage.into_iter().map(|upload| async move { (name(&upload), remove(parts, &upload).await) });
        let mut removed = stream::iter(removals).buffer_unordered(REMOVALS_IN_FLIGHT);
        let mut gone = Vec::new();
        while let Some((name, removed)) = removed.next().await {
            match removed {
                Ok(true) => gone.push(name),
                Ok(false) => drop(left.insert(name)),
                // Of a store that is away nothing more is to be had now.
                Err(error) if error.class() == FailureClass::Transient => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, attempt.id = %name.0, "an object cannot be removed; trying again later");
                    left.insert(name);
                }
            }
        }
        parts.store.forget_uploads(gone).await?;
    }
}

fn name(upload: &UploadRecord) -> (AttemptId, u32) {
    (upload.attempt_id.clone(), upload.output_index)
}

/// False: it is being written just now; its writer will notice that it is not wanted, and wake us.
async fn remove(parts: &Parts, upload: &UploadRecord) -> Result<bool, SchedulerError> {
    let writers = [Writing::Uploads(upload.attempt_id.clone()), Writing::Playlists(upload.job_id.clone())];
    if writers.iter().any(|writer| parts.busy.holds(writer)) {
        return Ok(false);
    }
    parts.storage.abort_upload(&upload.object, &upload.upload_id).await?;
    if upload.accepted {
        if !upload.scratch {
            take_back_playlists(parts, &upload.job_id).await?;
        }
        parts.storage.delete(std::slice::from_ref(&upload.object)).await?;
    }
    Ok(true)
}

/// A job that ended while it was being published may have written playlists, report and even the manifest: they go
/// before the media that they name, the manifest first.
async fn take_back_playlists(parts: &Parts, job_id: &JobId) -> Result<(), SchedulerError> {
    let Some(job) = parts.store.job(job_id).await? else { return Ok(()) };
    let plan = parts.plan(job_id).await?;
    let video = plan.video.iter().flat_map(|video| &video.renditions).map(|rendition| &rendition.name);
    let sound = plan.audio.iter().map(|audio| &audio.name);
    let names = video.chain(sound).chain(plan.text.iter().map(|text| &text.name));
    let names: Vec<_> = names.collect();
    let early = names.iter().map(|name| job.destination.early_playlist(job_id, name));
    let mut written: Vec<_> = early.collect::<Result<_, _>>()?;
    if job.state == JobState::Published {
        // Only what was shown early goes: its time is over.
        return Ok(parts.storage.delete(&written).await?);
    }
    for name in names {
        written.push(job.destination.playlist(name)?);
    }
    written.push(job.destination.report());
    parts.storage.delete(&[job.destination.master()]).await?;
    Ok(parts.storage.delete(&written).await?)
}
