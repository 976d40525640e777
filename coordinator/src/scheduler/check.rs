//! A result must be what the plan says before it can win; `publish` looks again, at the joined whole.

use super::SchedulerError;
use crate::domain::outcome::{Outcome, Track};
use crate::domain::task::COORDINATOR;
use crate::domain::{Plan, TaskKind};
use crate::parts::Parts;
use crate::store::{AcceptedResult, ClaimedTask, StoredObject};

/// S3's limit on the parts of an upload.
const MAX_PARTS: usize = 10_000;

/// Compares an offered result with what its task was to make.
pub async fn result(
    parts: &Parts,
    claimed: &ClaimedTask,
    result: &AcceptedResult,
) -> Result<(), SchedulerError> {
    // What the coordinator has joined inside the store went through nobody's hands that could have digested it.
    let is_ours = claimed.attempt.runner_id.as_str() == COORDINATOR;
    for (index, object) in result.objects.iter().enumerate() {
        check_object(object, is_ours)
            .map_err(|reason| SchedulerError::Refused(format!("output {index} {reason}")))?;
    }
    match (claimed.task.kind, &result.outcome) {
        (TaskKind::Probe, Outcome::Probe(_)) => Ok(()),
        (TaskKind::EncodeChunk { chunk_index }, Outcome::EncodeChunk { renditions, missing_frames }) => {
            let plan = parts.plan(&claimed.task.job_id).await?;
            check_missing(&plan, chunk_index, *missing_frames).map_err(SchedulerError::Refused)?;
            check_chunk(&plan, chunk_index, renditions, &result.objects).map_err(SchedulerError::Refused)
        }
        (TaskKind::EncodeAudio { .. } | TaskKind::EncodeAudioHead { .. }, Outcome::EncodeAudio(track)) => {
            check_size("audio", track, result.objects.first()).map_err(SchedulerError::Refused)
        }
        (TaskKind::ExtractText, Outcome::ExtractText { cue_counts }) => {
            let (stated, made) = (cue_counts.len(), result.objects.len());
            let reason =
                || SchedulerError::Refused(format!("{stated} counts were stated for {made} text tracks"));
            if stated == made { Ok(()) } else { Err(reason()) }
        }
        (TaskKind::Storyboard, Outcome::Storyboard { sprite_count }) => {
            let plan = parts.plan(&claimed.task.job_id).await?;
            let planned = plan.storyboard.as_ref().map_or(0, |storyboard| storyboard.sprites.len());
            let reason =
                || SchedulerError::Refused(format!("{sprite_count} pictures, planned are {planned}"));
            if *sprite_count as usize == planned { Ok(()) } else { Err(reason()) }
        }
        (TaskKind::Assemble { .. } | TaskKind::AssembleAudio { .. }, Outcome::Assemble { .. }) => Ok(()),
        (kind, _) => Err(SchedulerError::Refused(format!("the result is not one of a task {}", kind.name()))),
    }
}

fn check_object(object: &StoredObject, is_ours: bool) -> Result<(), &'static str> {
    // Two hexadecimal digits a byte.
    let has_digest = object.sha256.len() == 64;
    match () {
        () if object.size_bytes == 0 || object.etags.is_empty() => Err("is empty"),
        () if object.etags.len() > MAX_PARTS => Err("has more parts than an upload can have"),
        () if !has_digest && !is_ours => Err("has no SHA-256 digest"),
        () => Ok(()),
    }
}

fn check_chunk(plan: &Plan, index: u32, tracks: &[Track], objects: &[StoredObject]) -> Result<(), String> {
    let video = plan.video.as_ref().ok_or("the plan has no video")?;
    let chunk = video.chunks.get(index as usize).ok_or("the plan has no such chunk")?;
    if tracks.len() != video.renditions.len() {
        return Err(format!("chunk {index} has {} renditions of {}", tracks.len(), video.renditions.len()));
    }
    for ((track, rendition), object) in tracks.iter().zip(&video.renditions).zip(objects) {
        let planned = chunk.slices.get(rendition.grid_index as usize).map_or(0, |slice| slice.frame_count());
        if track.sample_count != planned {
            let (name, frames) = (&rendition.name, track.sample_count);
            return Err(format!("chunk {index} of {name} has {frames} frames, planned are {planned}"));
        }
        check_size(&rendition.name, track, Some(object))?;
    }
    Ok(())
}

fn check_missing(plan: &Plan, index: u32, missing_frames: u64) -> Result<(), String> {
    let video = plan.video.as_ref().ok_or("the plan has no video")?;
    let chunk = video.chunks.get(index as usize).ok_or("the plan has no such chunk")?;
    let planned: u64 = chunk.slices.iter().map(|slice| slice.frame_count()).sum();
    match missing_frames <= planned {
        true => Ok(()),
        false => Err(format!("chunk {index} misses {missing_frames} frames, planned are at most {planned}")),
    }
}

fn check_size(name: &str, track: &Track, object: Option<&StoredObject>) -> Result<(), String> {
    let (stated, uploaded) = (track.fragment_bytes(), object.map_or(0, |object| object.size_bytes));
    match track.lead_bytes(uploaded) {
        Some(_) => Ok(()),
        None => Err(format!("{name}: the fragments sum to {stated} bytes, {uploaded} were uploaded")),
    }
}
