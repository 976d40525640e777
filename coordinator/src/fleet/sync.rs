//! The one call that carries the conversation: note the beat, then answer work and stops, holding the call while there
//! is neither.

use std::time::Duration;

use flotilla_proto::fleet as wire;
use tonic::Status;

use super::{bench, convert, lease, unavailable};
use crate::domain::choice::Room;
use crate::domain::runner::LIVE_MS;
use crate::domain::{AttemptId, LeaseRef};
use crate::parts::{Offers, Parts, Place, Turn};
use crate::scheduler;
use crate::store::{Ask, Beat, BeatOutcome, ClaimedTask, Outlook, RunnerRecord};

/// An answer that starts an attempt may be on its way for so long before a beat without it counts as a loss.
const START_GRACE_MS: i64 = 10_000;

/// Characters that are kept of a runner's reason to rest.
const MAX_REASON_LENGTH: usize = 200;

/// Attempts that one answer starts at most; a larger machine calls again at once.
const MAX_STARTS: u32 = 32;

/// Devices of one machine, and sessions of one device, that are worked with at most.
const MAX_DEVICES: usize = 16;
const MAX_SESSIONS: u32 = 64;

/// Answers one Sync.
pub async fn sync(
    parts: &Parts,
    runner: &RunnerRecord,
    request: wire::SyncRequest,
) -> Result<wire::SyncResponse, Status> {
    if request.leaving {
        return leave(parts, runner).await;
    }
    if let Some(said) = &request.benchmark {
        bench::hear(parts, runner, said).await?;
    }
    let offers = offers(parts, runner, &request).await?;
    let hold = Duration::from_millis(u64::from(request.hold_ms.min(parts.config.leases.hold_ms)));
    let deadline = tokio::time::Instant::now() + hold;
    parts.roster.rests(&runner.id, resting_reason(&request));
    let turn = parts.turns.take(&runner.id);
    // Entered before the first look, so that no change between look and wait is missed.
    let watched = named(&request).map(|lease| lease.attempt_id).collect();
    let place = parts.waiting.enter(&runner.id, offers, watched);
    // One beat a call: what the request states was true when it was sent, and says nothing about later.
    let mut stop = note_beat(parts, runner, &request).await?;
    loop {
        place.look();
        // One that is about to measure itself takes no more work.
        let is_asked = bench::is_news(parts, runner, &request);
        let start = match is_asked {
            true => vec![],
            // Boxed: a call that hangs must not keep room for all that a lease needs.
            false => Box::pin(assign(parts, runner, &request, &turn)).await?,
        };
        if is_asked || !start.is_empty() || !stop.is_empty() || tokio::time::Instant::now() >= deadline {
            // Who has come back must not hear of the drain that his call has ended.
            let drain = runner.draining && takes_none(&request);
            let benchmark = bench::order(parts, runner);
            return Ok(wire::SyncResponse { benchmark, ..answer(parts, drain, start, stop) });
        }
        place.found_nothing();
        tokio::select! {
            () = place.rung() => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = parts.lifecycle.stopping() => return Err(Status::unavailable("the coordinator is stopping")),
        }
        stop = Box::pin(ended(parts, &request, &place)).await?;
    }
}

/// What the runner offers to work for; none when it takes no work. News of it is noted.
async fn offers(
    parts: &Parts,
    runner: &RunnerRecord,
    request: &wire::SyncRequest,
) -> Result<Option<Offers>, Status> {
    let told = request.capabilities.clone().map(convert::capabilities);
    let news = told.as_ref().filter(|capabilities| **capabilities != runner.capabilities);
    if let Some(capabilities) = news {
        let now = parts.clock.now();
        parts.store.set_capabilities(&runner.id, capabilities.clone(), now).await.map_err(unavailable)?;
        parts.roster.forget(&runner.id);
        parts.wake.all();
    }
    let room = room(request);
    let takes_work = !takes_none(request) && !room.is_full();
    Ok(takes_work.then(|| match room.is_for_joins() {
        true => Offers::Joins,
        false => Offers::of(told.as_ref().unwrap_or(&runner.capabilities)),
    }))
}

fn answer(parts: &Parts, drain: bool, start: Vec<wire::Lease>, stop: Vec<AttemptId>) -> wire::SyncResponse {
    wire::SyncResponse {
        start,
        stop_attempt_ids: stop.iter().map(AttemptId::to_string).collect(),
        drain,
        next_call_ms: 0,
        benchmark: None,
        self_stop_ms: parts.config.leases.self_stop_ms,
    }
}

/// Notes that the runner lives and renews what it holds. Answers what it must stop. The store is not told of every beat
/// that tells it nothing.
async fn note_beat(
    parts: &Parts,
    runner: &RunnerRecord,
    request: &wire::SyncRequest,
) -> Result<Vec<AttemptId>, Status> {
    let (beat, now) = (beat(parts, runner, request)?, parts.clock.now());
    if !parts.roster.must_note(&beat, now) {
        return Ok(vec![]);
    }
    let BeatOutcome { stop, lost } = parts.store.beat(beat.clone(), now).await.map_err(unavailable)?;
    parts.roster.noted(&beat, now);
    if !lost.is_empty() {
        tracing::warn!(runner.id = %runner.id, attempts = lost.len(), "runner lost attempts");
        parts.wake.all();
    }
    Ok(stop)
}

/// Work for the free slots.
async fn assign(
    parts: &Parts,
    runner: &RunnerRecord,
    request: &wire::SyncRequest,
    turn: &Turn,
) -> Result<Vec<wire::Lease>, Status> {
    let room = room(request);
    if takes_none(request) || room.is_full() {
        return Ok(vec![]);
    }
    let Some(_right) = turn.ask().await else { return Ok(vec![]) };
    let named = named(request).map(|lease| lease.attempt_id).collect();
    let policy = parts.shares.policy();
    let ask = Ask { runner_id: runner.id.clone(), named, room, live_ms: LIVE_MS, policy };
    // A start that an earlier answer carries takes a slot that this request still calls free.
    let Outlook { has_work, room, .. } =
        parts.store.outlook(ask, parts.clock.now()).await.map_err(unavailable)?;
    if !has_work || room.is_full() {
        return Ok(vec![]);
    }
    parts.roster.leased(&runner.id, parts.clock.now());
    let assigned = scheduler::assign(parts, &runner.id, &request.session_id, room).await;
    Ok(assigned.map_err(super::troubled)?.into_iter().map(lease::to_wire).collect())
}

/// What the runner has room for, as far as one answer goes.
fn room(request: &wire::SyncRequest) -> Room {
    let devices = request.device_rooms.iter().take(MAX_DEVICES);
    let sessions = devices.map(|room| (room.device.clone(), room.free_sessions.min(MAX_SESSIONS)));
    Room {
        slots: request.free_slots.min(MAX_STARTS),
        joins: request.free_joins.min(MAX_STARTS),
        sessions: sessions.collect(),
    }
}

/// Those of the named attempts that have ended since: cancelled, or expired and given to another. The call goes on to
/// watch the others, but for those whose result is in.
async fn ended(parts: &Parts, request: &wire::SyncRequest, place: &Place) -> Result<Vec<AttemptId>, Status> {
    let (mut ended, mut running) = (Vec::new(), Vec::new());
    for lease in named(request) {
        match parts.store.leased(&lease).await.map_err(unavailable)? {
            None => ended.push(lease.attempt_id),
            Some(claimed) if ClaimedTask::is_running(&claimed) => running.push(lease.attempt_id),
            Some(_) => {}
        }
    }
    place.watch(running);
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
        draining: takes_none(request),
        lease_ms: i64::from(parts.config.leases.lease_ms),
        grace_ms: START_GRACE_MS,
    })
}

/// The runner drains or rests: for the store it is the same.
fn takes_none(request: &wire::SyncRequest) -> bool {
    request.draining || request.resting_reason.is_some()
}

/// For people; whatever the runner sends, it is one short line.
fn resting_reason(request: &wire::SyncRequest) -> Option<String> {
    let reason = request.resting_reason.as_ref()?.chars();
    Some(reason.filter(|character| !character.is_control()).take(MAX_REASON_LENGTH).collect())
}

async fn leave(parts: &Parts, runner: &RunnerRecord) -> Result<wire::SyncResponse, Status> {
    parts.store.forget_runner(&runner.id, parts.clock.now()).await.map_err(unavailable)?;
    parts.roster.forget(&runner.id);
    parts.roster.rests(&runner.id, None);
    parts.wake.all();
    tracing::info!(runner.id = %runner.id, runner.name = %runner.name, "runner left");
    Ok(wire::SyncResponse { drain: true, ..wire::SyncResponse::default() })
}
