//! The end of an attempt: more upload URLs while it runs, its result, or its failure.

use flotilla_proto::fleet as wire;
use tonic::Status;

use super::{convert, outcome, troubled, unavailable};
use crate::domain::failure::Verdict;
use crate::domain::{Failure, FailureClass, LeaseRef};
use crate::parts::Parts;
use crate::scheduler::{self, SchedulerError};
use crate::store::{AcceptedResult, ClaimedTask, RunnerRecord, StoredObject, UploadRecord};

/// Parts that are granted in one answer.
const MAX_PARTS: u32 = 64;

/// S3's limit on the number of a part.
const LAST_PART: u32 = 10_000;

/// Longest failure message that is kept, characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Signs further parts of an attempt's outputs.
pub async fn grant_parts(
    parts: &Parts,
    runner: &RunnerRecord,
    request: wire::GrantPartsRequest,
) -> Result<wire::GrantPartsResponse, Status> {
    let lease = lease(request.lease.as_ref())?;
    let claimed = held(parts, runner, &lease).await?.filter(ClaimedTask::is_running);
    claimed.ok_or_else(|| Status::failed_precondition(STALE))?;
    let (first, last) = (request.first_part, request.last_part);
    if first == 0 || last < first || last > LAST_PART || last - first >= MAX_PARTS {
        return Err(Status::invalid_argument(format!("parts {first} to {last} cannot be granted at once")));
    }
    let uploads = parts.store.uploads(&lease.attempt_id).await.map_err(unavailable)?;
    let upload = uploads.iter().find(|upload| upload.output_index == request.output_index);
    let upload = upload.ok_or_else(|| Status::invalid_argument("the attempt has no such output"))?;
    let part_urls = scheduler::part_urls(parts, upload, first, last).await.map_err(troubled)?;
    Ok(wire::GrantPartsResponse { part_urls })
}

/// Takes a result; answers once it is sealed or refused.
pub async fn complete(
    parts: &Parts,
    runner: &RunnerRecord,
    request: wire::CompleteRequest,
) -> Result<wire::CompleteResponse, Status> {
    let lease = lease(request.lease.as_ref())?;
    let Some(claimed) = held(parts, runner, &lease).await? else {
        return Ok(wire::CompleteResponse { accepted: false, reason: STALE.into() });
    };
    let uploads = parts.store.uploads(&lease.attempt_id).await.map_err(unavailable)?;
    let running = claimed.is_running();
    let offered = match result(request, &uploads) {
        Ok(result) => scheduler::offer(parts, &lease, claimed, uploads, result).await,
        Err(reason) => Err(SchedulerError::Refused(reason)),
    };
    match offered {
        Ok(true) => Ok(wire::CompleteResponse { accepted: true, reason: String::new() }),
        Ok(false) => Ok(wire::CompleteResponse { accepted: false, reason: STALE.into() }),
        Err(SchedulerError::Refused(reason)) if running => refuse(parts, &lease, reason).await,
        Err(error) => Err(troubled(error)),
    }
}

/// A result that is not what was planned ends its attempt at once: waiting for the lease to run out would only cost time.
async fn refuse(parts: &Parts, lease: &LeaseRef, reason: String) -> Result<wire::CompleteResponse, Status> {
    tracing::warn!(attempt.id = %lease.attempt_id, reason, "result refused");
    let failure = Failure { class: FailureClass::Verify, message: reason.clone() };
    parts.store.fail_attempt(lease, failure, None, parts.clock.now()).await.map_err(unavailable)?;
    parts.wake.all();
    Ok(wire::CompleteResponse { accepted: false, reason })
}

/// Takes a failure. Repeats and late words are answered alike: there is nothing to do for them.
pub async fn fail(
    parts: &Parts,
    runner: &RunnerRecord,
    request: wire::FailRequest,
) -> Result<wire::FailResponse, Status> {
    let lease = lease(request.lease.as_ref())?;
    // A late word about a result that has won must not take it back.
    let claimed = held(parts, runner, &lease).await?.filter(ClaimedTask::is_running);
    let Some(claimed) = claimed else { return Ok(wire::FailResponse {}) };
    let class = convert::failure_class(request.class());
    let message: String = request.message.chars().filter(|char| !char.is_control()).collect();
    let message = message.chars().take(MAX_MESSAGE_CHARS).collect();
    let failure = Failure { class, message };
    tracing::warn!(
        job.id = %claimed.task.job_id, task.id = %claimed.task.id, runner.id = %runner.id,
        class = class.as_str(), message = failure.message, "attempt failed"
    );
    let usage = request.usage.map(convert::usage);
    let verdict = parts.store.fail_attempt(&lease, failure, usage, parts.clock.now()).await;
    if verdict.map_err(unavailable)? == Some(Verdict::GiveUp) {
        tracing::error!(job.id = %claimed.task.job_id, "job failed");
    }
    parts.wake.all();
    Ok(wire::FailResponse {})
}

const STALE: &str =
    "the lease is no longer this attempt's: it ran out, another attempt was first, or the job is over";

fn lease(lease: Option<&wire::LeaseRef>) -> Result<LeaseRef, Status> {
    lease.and_then(convert::lease).ok_or_else(|| Status::invalid_argument("a lease is missing"))
}

/// The task under a lease, if the lease is this runner's.
async fn held(parts: &Parts, runner: &RunnerRecord, lease: &LeaseRef) -> Result<Option<ClaimedTask>, Status> {
    let claimed = parts.store.leased(lease).await.map_err(unavailable)?;
    Ok(claimed.filter(|claimed| claimed.attempt.runner_id == runner.id))
}

/// The result in the domain's words, or what is wrong with it.
fn result(request: wire::CompleteRequest, uploads: &[UploadRecord]) -> Result<AcceptedResult, String> {
    let (offered, granted) = (request.outputs.len(), uploads.len());
    if offered != granted {
        return Err(format!("{offered} outputs were offered and {granted} granted"));
    }
    let object = |(output, upload): (wire::OutputResult, &UploadRecord)| StoredObject {
        at: upload.object.clone(),
        size_bytes: output.size_bytes,
        sha256: hex::encode(output.sha256),
        etags: output.etags,
    };
    Ok(AcceptedResult {
        outcome: outcome::from_wire(request.result)?,
        objects: request.outputs.into_iter().zip(uploads).map(object).collect(),
        usage: request.usage.map(convert::usage).unwrap_or_default(),
    })
}
