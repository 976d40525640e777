//! Joining inside the store: a rendition whose chunks are large enough becomes one object without a byte going to a
//! runner. The coordinator leases such a task to itself, so that it is fenced, cleaned up and taken back like any other.
//!
//! ```text
//! ready ──> hold the chunks against the plan ──> lease to ourselves ──> copy the parts ──> offer, as runners do
//!                      └──(not worth it, or not fit)──> any runner: its engine looks at every byte
//! ```

use std::time::Duration;

use bytes::BytesMut;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::work::{PlannedOutput, audio_of, chunks_of};
use super::{SchedulerError, grants, sealing};
use crate::clock::{new_id, new_lease_token};
use crate::domain::outcome::{Outcome, Track, Usage};
use crate::domain::{Failure, FailureClass, TaskKind};
use crate::objects::Location;
use crate::parts::Parts;
use crate::publish::layout::{Part, Piece, gathered_bytes, parts as layout};
use crate::publish::{PublishError, Whole};
use crate::store::{AcceptedResult, ClaimedTask, StoredObject, TaskRecord, UploadRecord};

/// Tasks looked at in one round.
const ROUND: u32 = 50;

/// Pause after which what a store that was away has left is looked at again.
const PAUSE: Duration = Duration::from_secs(10);

/// Life of our own leases: we end them ourselves, at the latest when we start again.
const LEASE_MS: i64 = 3_600_000;

/// Files joined at once, and parts of each on their way: a copy inside the store is a short call that mostly waits.
const FILES_IN_FLIGHT: usize = 4;
const PARTS_IN_FLIGHT: usize = 16;

/// Bytes of a file that may come by here when the store is another machine; our own store we are ourselves.
const MOST_GATHERED_BYTES: u64 = 256 << 10;

/// Joins what is worth it until the coordinator stops.
pub async fn join_ready(parts: &Parts) {
    loop {
        match parts.store.joinable(ROUND).await {
            Ok(tasks) => {
                let looks: Vec<_> = tasks.iter().map(|task| look_at(parts, task)).collect();
                stream::iter(looks).buffer_unordered(FILES_IN_FLIGHT).collect::<()>().await;
            }
            Err(error) => tracing::error!(%error, "tasks to join could not be read"),
        }
        if !parts.lifecycle.rest(&parts.join_wanted, PAUSE).await {
            return;
        }
    }
}

async fn look_at(parts: &Parts, task: &TaskRecord) {
    let joined = match find(parts, task).await {
        Ok(Some(join)) => join.run(parts, task).await,
        Ok(None) => leave(parts, task).await,
        Err(error) => Err(error),
    };
    let Err(error) = joined else { return };
    tracing::warn!(task.id = %task.id, %error, "a file cannot be joined inside the store");
    // A store that is away is asked again; what it will not do at all, runners can.
    if error.class() != FailureClass::Transient
        && let Err(error) = leave(parts, task).await
    {
        tracing::error!(task.id = %task.id, %error, "a task could not be left to runners");
    }
}

async fn leave(parts: &Parts, task: &TaskRecord) -> Result<(), SchedulerError> {
    parts.store.leave_to_runners(&task.id).await?;
    parts.wake.all();
    Ok(())
}

/// A file to join.
struct Join {
    /// Each with its length.
    chunks: Vec<(Location, u64)>,
    layout: Vec<Part>,
    at: Location,
    size_bytes: u64,
    sample_count: u64,
}

/// What there is to join; none: it is a runner's work.
async fn find(parts: &Parts, task: &TaskRecord) -> Result<Option<Join>, SchedulerError> {
    let missing = || SchedulerError::Missing(format!("task {} has no job", task.id));
    let job = parts.store.job(&task.job_id).await?.ok_or_else(missing)?;
    let plan = parts.plan(&job.id).await?;
    let tasks = parts.store.tasks(&job.id).await?;
    let (chunks, whole) = match task.kind {
        TaskKind::Assemble { rendition_index } => {
            let chunks = chunks_of(&tasks, rendition_index as usize)?;
            let whole = Whole::of_video(&plan, rendition_index as usize, &tracks(&chunks));
            (chunks, whole)
        }
        TaskKind::AssembleAudio { audio_index } => {
            let (track, object) = audio_of(&tasks, audio_index)?;
            (vec![(track, object)], Whole::of_audio(&plan, audio_index as usize, track))
        }
        _ => return Ok(None),
    };
    let whole = match whole {
        Ok(whole) => whole,
        Err(error @ PublishError::Refused { .. }) => {
            tracing::warn!(task.id = %task.id, %error, "chunks that do not fit are left to a runner's closer look");
            return Ok(None);
        }
        Err(error) => return Err(SchedulerError::Missing(error.to_string())),
    };
    let sizes: Vec<u64> = chunks.iter().map(|(_, object)| object.size_bytes).collect();
    let size_bytes = sizes.iter().sum();
    let layout = layout(&sizes).filter(|layout| is_worth_it(parts, layout));
    // The first chunk must bring the init segment along.
    let Some(layout) = layout.filter(|_| size_bytes == whole.size_bytes) else { return Ok(None) };
    let at = job.destination.media(&whole.name)?;
    let chunks = chunks.iter().map(|(_, object)| (object.at.clone(), object.size_bytes)).collect();
    Ok(Some(Join { chunks, layout, at, size_bytes, sample_count: whole.sample_count }))
}

fn tracks<'a>(chunks: &[(&'a Track, &StoredObject)]) -> Vec<&'a Track> {
    chunks.iter().map(|(track, _)| *track).collect()
}

fn is_worth_it(parts: &Parts, layout: &[Part]) -> bool {
    let is_ours = parts.config.storage.endpoint.is_none();
    is_ours || gathered_bytes(layout) <= MOST_GATHERED_BYTES
}

impl Join {
    async fn run(self, parts: &Parts, task: &TaskRecord) -> Result<(), SchedulerError> {
        let attempt = (new_id(), new_lease_token());
        let now = parts.clock.now();
        let Some(claimed) = parts.store.lease_to_self(&task.id, attempt, LEASE_MS, now).await? else {
            return Ok(());
        };
        let Err(error) = self.attempt(parts, claimed.clone()).await else { return Ok(()) };
        let failure = Failure { class: FailureClass::Returned, message: error.to_string() };
        parts.store.fail_attempt(&claimed.lease(), failure, None, parts.clock.now()).await?;
        Err(error)
    }

    async fn attempt(&self, parts: &Parts, claimed: ClaimedTask) -> Result<(), SchedulerError> {
        let output = PlannedOutput { published_at: Some(self.at.clone()) };
        let uploads = grants::uploads(parts, &claimed, vec![output]).await?;
        let Some(upload) = uploads.first() else { return Ok(()) };
        // Futures made beforehand: closures over borrowed parts would not be Send.
        let mut made = Vec::with_capacity(self.layout.len());
        for (number, part) in (1..).zip(&self.layout) {
            made.push(self.make_part(parts, upload, number, part));
        }
        let etags: Vec<String> = stream::iter(made).buffered(PARTS_IN_FLIGHT).try_collect().await?;
        let (at, size_bytes) = (self.at.clone(), self.size_bytes);
        // Nobody has seen all bytes, so nobody can say their digest; publication looks at both ends of every chunk.
        let object = StoredObject { at, size_bytes, sha256: String::new(), etags };
        let gathered = gathered_bytes(&self.layout);
        let usage = Usage { bytes_downloaded: gathered, bytes_uploaded: gathered, ..Usage::default() };
        let outcome = Outcome::Assemble { sample_count: self.sample_count };
        let lease = claimed.lease();
        let result = AcceptedResult { outcome, objects: vec![object], usage };
        sealing::offer(parts, &lease, claimed, uploads, result).await.map(drop)
    }

    async fn make_part(
        &self,
        parts: &Parts,
        upload: &UploadRecord,
        number: u32,
        part: &Part,
    ) -> Result<String, SchedulerError> {
        let (at, id, storage) = (&upload.object, &upload.upload_id, &parts.storage);
        match part {
            Part::Copy(Piece { object, range }) => {
                let (from, size_bytes) = &self.chunks[*object];
                // A whole object has no range: a store may then do without looking into it.
                let is_whole = *range == (0..*size_bytes);
                let range = (!is_whole).then(|| range.clone());
                Ok(storage.copy_part(from, range, at, id, number).await?)
            }
            Part::Gather(pieces) => {
                let mut content = BytesMut::new();
                for Piece { object, range } in pieces {
                    let (from, _) = &self.chunks[*object];
                    content.extend_from_slice(&storage.get_range(from, range.clone()).await?);
                }
                Ok(storage.put_part(at, id, number, content.freeze()).await?)
            }
        }
    }
}
