//! What an attempt says to the coordinator: asks for more upload URLs, hands in the result, gives the task
//! back. Said again until it is answered, for as long as the lease may still be ours.

use flotilla_proto::fleet::{
    CompleteRequest, FailRequest, FailureClass, GrantPartsRequest, LeaseRef, OutputResult, Usage,
};
use futures::future::BoxFuture;
use std::time::Duration;

use super::outcome::Outcome;
use super::{Attempt, Stop};
use crate::coordinator::{Client, Error};
use crate::retry::Schedule;
use crate::transfer::{PartGrants, Uploaded};

/// Longest time that a stopping runner spends on giving one attempt back.
const RETURN_LIMIT: Duration = Duration::from_secs(3);

/// Upload URLs for one attempt.
pub struct Grants {
    coordinator: Client,
    lease: Option<LeaseRef>,
}

impl Grants {
    /// For an attempt.
    pub fn new(attempt: &Attempt) -> Self {
        Self { coordinator: attempt.context.coordinator.clone(), lease: attempt.lease.lease.clone() }
    }
}

impl PartGrants for Grants {
    fn grant(&self, output: u32, first: u32, last: u32) -> BoxFuture<'_, Result<Vec<String>, String>> {
        let (lease, output_index, first_part, last_part) = (self.lease.clone(), output, first, last);
        let request = GrantPartsRequest { lease, output_index, first_part, last_part };
        let call = move || {
            let request = request.clone();
            async { self.coordinator.grant_parts(request).await.map(|granted| granted.part_urls) }
        };
        Box::pin(async move { answered(call).await.map_err(|error| error.to_string()) })
    }
}

/// Tells the coordinator how an attempt ended; says nothing where the lease is not ours any more.
pub async fn settle(attempt: &Attempt, outcome: Outcome, usage: Usage) {
    let lease = attempt.lease.lease.clone();
    let returned = FailRequest {
        lease: lease.clone(),
        class: FailureClass::Returned.into(),
        message: "the runner stops or rests".to_owned(),
        usage: Some(usage),
    };
    let telling = async {
        match outcome {
            Outcome::Done { result, outputs } => {
                let outputs = outputs.into_iter().map(output_result).collect();
                complete(
                    attempt,
                    CompleteRequest { lease, outputs, result: Some(result), usage: Some(usage) },
                )
                .await;
            }
            Outcome::Failed { class, message } => {
                match class {
                    FailureClass::Returned => tracing::info!(message, "task given back"),
                    _ => tracing::warn!(class = class.as_str_name(), message, "task failed"),
                }
                fail(attempt, FailRequest { lease, class: class.into(), message, usage: Some(usage) }).await;
            }
            Outcome::Stopped(_) => {}
        }
    };
    let stop = tokio::select! {
        biased;
        reason = attempt.stopped() => reason,
        () = telling => return,
    };
    tracing::info!(reason = ?stop, "task stopped");
    if stop == Stop::Returned {
        let _ = tokio::time::timeout(RETURN_LIMIT, fail(attempt, returned)).await;
    }
}

async fn complete(attempt: &Attempt, request: CompleteRequest) {
    let coordinator = &attempt.context.coordinator;
    match answered(|| coordinator.complete(request.clone())).await {
        Ok(answer) if answer.accepted => tracing::info!(ran_ms = ran_ms(&request), "task done"),
        Ok(answer) => tracing::warn!(reason = answer.reason, "the coordinator did not take the result"),
        Err(error) => tracing::warn!(%error, "the result cannot be handed in"),
    }
}

async fn fail(attempt: &Attempt, request: FailRequest) {
    let coordinator = &attempt.context.coordinator;
    if let Err(error) = answered(|| coordinator.fail(request.clone())).await {
        tracing::warn!(%error, "the task cannot be given back");
    }
}

/// Calls until there is an answer, even a refusal; only silence is called again.
async fn answered<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    let mut waits = Schedule::coordinator();
    loop {
        match call().await {
            Err(Error::Away(cause)) => {
                let wait = waits.next_wait().unwrap_or(RETURN_LIMIT);
                tracing::debug!(cause, wait_ms = wait.as_millis(), "calling the coordinator again");
                tokio::time::sleep(wait).await;
            }
            answer => return answer,
        }
    }
}

fn output_result(uploaded: Uploaded) -> OutputResult {
    let Uploaded { size_bytes, sha256, etags, .. } = uploaded;
    OutputResult { size_bytes, sha256: sha256.to_vec(), etags }
}

fn ran_ms(request: &CompleteRequest) -> u64 {
    request.usage.map_or(0, |usage| usage.ran_ms)
}
