//! The one call that carries the conversation: note the beat, then answer work and stops, holding the call while there
//! is neither.

use std::time::Duration;

use flotilla_proto::fleet as wire;
use tonic::Status;

use super::{convert, lease, unavailable};
use crate::domain::runner::LIVE_MS;
use crate::domain::{AttemptId, LeaseRef};
use crate::parts::{Parts, Turn};
use crate::scheduler;
use crate::store::{Ask, Beat, Outlook, RunnerRecord};

/// An answer that starts an attempt may be on its way for so long before a beat without it counts as a loss.
const START_GRACE_MS: i64 = 10_000;

/// Attempts that one answer starts at most; a larger machine calls again at once.
const MAX_STARTS: u32 = 32;

/// Answers one Sync.
pub async fn sync(
    parts: &Parts,
    runner: RunnerRecord,
    request: wire::SyncRequest,
) -> Result<wire::SyncResponse, Status> {
    if request.leaving {
        return leave(parts, &runner).await;
    }
    if let Some(capabilities) = request.capabilities.clone() {
        let capabilities = convert::capabilities(capabilities);
        parts.store.set_capabilities(&runner.id, capabilities).await.map_err(unavailable)?;
        parts.wake.all();
    }
    // Subscribed before the first look, so that no change between look and wait is missed.
    let mut changes = parts.wake.subscribe();
    let hold = Duration::from_millis(u64::from(request.hold_ms.min(parts.config.leases.hold_ms)));
    let deadline = tokio::time::Instant::now() + hold;
    let turn = parts.turns.take(&runner.id);
    // One beat a call: what the request states was true when it was sent, and says nothing about later.
    let mut stop = note_beat(parts, &runner, &request).await?;
    loop {
        let start = assign(parts, &runner, &request, &turn).await?;
        if !start.is_empty() || !stop.is_empty() || tokio::time::Instant::now() >= deadline {
            return Ok(answer(parts, &runner, start, stop));
        }
        tokio::select! {
            () = changes.changed() => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = parts.lifecycle.stopping() => return Err(Status::unavailable("the coordinator is stopping")),
        }
        stop = ended(parts, &request).await?;
    }
}

fn answer(
    parts: &Parts,
    runner: &RunnerRecord,
    start: Vec<wire::Lease>,
    stop: Vec<AttemptId>,
) -> wire::SyncResponse {
    wire::SyncResponse {
        start,
        stop_attempt_ids: stop.iter().map(AttemptId::to_string).collect(),
        drain: runner.draining,
        next_call_ms: 0,
        self_stop_ms: parts.config.leases.self_stop_ms,
    }
}

/// Notes that the runner lives and renews what it holds. Answers what it must stop.
async fn note_beat(
    parts: &Parts,
    runner: &RunnerRecord,
    request: &wire::SyncRequest,
) -> Result<Vec<AttemptId>, Status> {
    let outcome =
        parts.store.beat(beat(parts, runner, request)?, parts.clock.now()).await.map_err(unavailable)?;
    if !outcome.lost.is_empty() {
        tracing::warn!(runner.id = %runner.id, attempts = outcome.lost.len(), "runner lost attempts");
        parts.wake.all();
    }
    Ok(outcome.stop)
}

/// Work for the free slots.
async fn assign(
    parts: &Parts,
    runner: &RunnerRecord,
    request: &wire::SyncRequest,
    turn: &Turn,
) -> Result<Vec<wire::Lease>, Status> {
    if request.draining || request.free_slots == 0 {
        return Ok(vec![]);
    }
    let Some(_right) = turn.ask().await else { return Ok(vec![]) };
    let named = named(request).map(|lease| lease.attempt_id).collect();
    let policy = parts.config.policy();
    let ask = Ask { runner_id: runner.id.clone(), named, live_ms: LIVE_MS, policy };
    let Outlook { has_work, underway } =
        parts.store.outlook(ask, parts.clock.now()).await.map_err(unavailable)?;
    // A start that an earlier answer carries takes a slot that this request still calls free.
    let free_slots = request.free_slots.saturating_sub(underway).min(MAX_STARTS);
    if !has_work || free_slots == 0 {
        return Ok(vec![]);
    }
    let assigned = scheduler::assign(parts, &runner.id, &request.session_id, free_slots).await;
    Ok(assigned.map_err(super::troubled)?.into_iter().map(lease::to_wire).collect())
}

/// Those of the named attempts that have ended since: cancelled, or expired and given to another.
async fn ended(parts: &Parts, request: &wire::SyncRequest) -> Result<Vec<AttemptId>, Status> {
    let mut ended = Vec::new();
    for lease in named(request) {
        if parts.store.leased(&lease).await.map_err(unavailable)?.is_none() {
            ended.push(lease.attempt_id);
        }
    }
    Ok(ended)
}

fn named(request: &wire::SyncRequest) -> impl Iterator<Item = LeaseRef> {
    request.attempts.iter().filter_map(|status| convert::lease(status.lease.as_ref()?))
}

fn beat(parts: &Parts, runner: &RunnerRecord, request: &wire::SyncRequest) -> Result<Beat, Status> {
    let attempt =
        |status: &wire::AttemptStatus| Some((convert::lease(status.lease.as_ref()?)?, status.progress));
    let attempts: Option<Vec<_>> = request.attempts.iter().map(attempt).collect();
    Ok(Beat {
        runner_id: runner.id.clone(),
        session_id: request.session_id.clone(),
        attempts: attempts
            .ok_or_else(|| Status::invalid_argument("an attempt is named without a whole lease"))?,
        draining: request.draining,
        lease_ms: i64::from(parts.config.leases.lease_ms),
        grace_ms: START_GRACE_MS,
    })
}

async fn leave(parts: &Parts, runner: &RunnerRecord) -> Result<wire::SyncResponse, Status> {
    parts.store.forget_runner(&runner.id, parts.clock.now()).await.map_err(unavailable)?;
    parts.wake.all();
    tracing::info!(runner.id = %runner.id, runner.name = %runner.name, "runner left");
    Ok(wire::SyncResponse { drain: true, ..wire::SyncResponse::default() })
}
