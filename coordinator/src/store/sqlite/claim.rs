//! Hands tasks to a runner that asks for work: one choice at a time, each in the light of the one before.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::choice::{Asking, Choice, Wanted, choose};
use super::columns::signed;
use super::line::Needs;
use super::transitions::{expect_one, move_task};
use super::{fitness, rows, shares};
use crate::domain::choice::{self, Room, Takes};
use crate::domain::task::TaskEvent;

/// Fingerprints that a job has pinned, by encoder.
pub type Pins = HashMap<String, String>;

/// [`Store::claim`].
pub fn claim(db: &Connection, mut claim: Claim, now: Timestamp) -> Result<Vec<ClaimedTask>> {
    let Some(runner) = able(db, &claim.runner_id)? else { return Ok(vec![]) };
    let mut claimed = Vec::new();
    while !claim.room.is_full() {
        // Every lease can pin an encoder, use up a tenant's turn, or change who is eligible.
        let asking = Asking { db, runner: &runner, room: &claim.room, live_ms: claim.live_ms, now };
        let Choice { wanted, left } = choose(&asking, &claim.policy)?;
        for task_id in left {
            db.prepare_cached("UPDATE tasks SET left_since = coalesce(left_since, ?2) WHERE id = ?1")?
                .execute(params![task_id, now])?;
        }
        let Some(wanted) = wanted else { break };
        let needs = fitness::needs(db, &wanted.job_id, &wanted.encoders)?;
        pin(db, &wanted.job_id, &runner, &needs, &claim.room)?;
        let takes = claim.room.takes(&runner.capabilities, &needs).unwrap_or(Takes::Slot);
        claim.room = claim.room.clone().without(takes);
        claimed.push(lease(db, &wanted, &runner, &mut claim, now)?);
    }
    Ok(claimed)
}

/// [`Store::outlook`].
pub fn outlook(db: &Connection, ask: &Ask, now: Timestamp) -> Result<Outlook> {
    let mut statement =
        db.prepare_cached("SELECT id FROM attempts WHERE runner_id = ?1 AND state = 'leased'")?;
    let leased: Vec<AttemptId> = rows::collect(statement.query_map([&ask.runner_id], |row| row.get(0))?)?;
    let underway: Vec<&AttemptId> =
        leased.iter().filter(|attempt_id| !ask.named.contains(attempt_id)).collect();
    let count = u32::try_from(underway.len()).unwrap_or(u32::MAX);
    // Every busy runner asks so with every beat.
    if ask.room.is_for_joins() && !is_some_join_ready(db)? {
        return Ok(Outlook { has_work: false, underway: count, room: ask.room.clone() });
    }
    let Some(runner) = able(db, &ask.runner_id)? else {
        return Ok(Outlook { has_work: false, underway: count, room: Room::default() });
    };
    let mut room = ask.room.clone();
    for attempt_id in underway {
        room = without(db, room, &runner, attempt_id)?;
    }
    let asking = Asking { db, runner: &runner, room: &room, live_ms: ask.live_ms, now };
    let Choice { wanted, left } = choose(&asking, &ask.policy)?;
    // What is left for a faster runner for the first time is to be noted by a claim.
    Ok(Outlook { has_work: wanted.is_some() || !left.is_empty(), underway: count, room })
}

fn is_some_join_ready(db: &Connection) -> Result<bool> {
    let needs_json = serde_json::json!({ choice::JOIN: null }).to_string();
    Ok(db.prepare_cached("SELECT 1 FROM queue WHERE needs_json = ?1")?.exists([needs_json])?)
}

/// The room that is left beside an attempt.
fn without(db: &Connection, room: Room, runner: &RunnerRecord, attempt_id: &AttemptId) -> Result<Room> {
    let Some(attempt) = rows::attempt_by_id(db, attempt_id)? else { return Ok(room) };
    let task = rows::task_by_id(db, &attempt.task_id)?;
    let needs = fitness::needs(db, &task.job_id, &task.encoders)?;
    let takes = room.takes(&runner.capabilities, &needs).unwrap_or(Takes::Slot);
    Ok(room.clone().without(takes))
}

fn able(db: &Connection, runner_id: &RunnerId) -> Result<Option<RunnerRecord>> {
    Ok(rows::runners(db, "WHERE id = ?1 AND draining = 0", [runner_id])?.pop())
}

/// [`Store::pins`].
pub fn pins(db: &Connection, job_id: &JobId) -> Result<Pins> {
    let mut statement = db.prepare_cached("SELECT encoder, fingerprint FROM pins WHERE job_id = ?1")?;
    let pins = statement.query_map([job_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(pins.collect::<rusqlite::Result<_>>()?)
}

/// Binds a job to the way that a runner goes, where it is not bound yet.
fn pin(db: &Connection, job_id: &JobId, runner: &RunnerRecord, needs: &Needs, room: &Room) -> Result<()> {
    for (need, bond) in needs.iter().filter(|(need, _)| *need != choice::JOIN) {
        let way = choice::way_of(&runner.capabilities, need, bond.as_deref(), Some(room));
        let bond = way.map(|(way, encoder)| choice::bond(need, way, &encoder.fingerprint));
        db.prepare_cached("INSERT INTO pins VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![job_id, need, bond.unwrap_or_default()])?;
    }
    Ok(())
}

/// Leases a task: a new epoch and a new token. The first attempt uses its tenant's turn; a copy is the fleet's own idea and costs the tenant nothing.
fn lease(
    db: &Connection,
    wanted: &Wanted,
    runner: &RunnerRecord,
    claim: &mut Claim,
    now: Timestamp,
) -> Result<ClaimedTask> {
    if !wanted.is_copy {
        move_task(db, &wanted.task_id, TaskEvent::Leased)?;
        shares::charge(db, &wanted.job_id, wanted.cost_ms, &claim.policy)?;
    }
    let mut statement = db.prepare_cached(
        "UPDATE tasks SET epoch = epoch + 1, left_since = NULL WHERE id = ?1 RETURNING epoch",
    )?;
    let epoch: Option<i64> = statement.query_row([&wanted.task_id], |row| row.get(0)).optional()?;
    let (attempt_id, token) = (claim.ids)();
    let added = db
        .prepare_cached(
            "INSERT INTO attempts (id, task_id, runner_id, session_id, token, epoch, state, leased_at, \
             expires_at, expected_ms, ends_at, copy) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
             EXISTS (SELECT 1 FROM attempts WHERE task_id = ?2 AND state = 'leased' AND copy = 0)",
        )?
        .execute(params![
            attempt_id,
            wanted.task_id,
            runner.id,
            claim.session_id,
            token,
            epoch,
            AttemptState::Leased,
            now,
            now.plus_ms(claim.lease_ms),
            signed(wanted.expected_ms),
            now.plus_ms(signed(wanted.expected_ms)),
        ])?;
    expect_one(added)?;
    let task = rows::task_by_id(db, &wanted.task_id)?;
    let attempt = rows::attempt_by_id(db, &attempt_id)?;
    let attempt = attempt.ok_or_else(|| StoreError::Corrupt(format!("attempt {attempt_id} is missing")))?;
    Ok(ClaimedTask { attempt, task })
}
