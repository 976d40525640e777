//! Leases while they live: renewal by beats, look-up, and the full life they get after a restart.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::columns::{signed, unsigned};
use super::{failing, rows};
use crate::domain::dispatch::copies::Running;

/// [`Store::beat`].
pub fn beat(db: &Connection, beat: &Beat, now: Timestamp) -> Result<BeatOutcome> {
    let known = db
        .prepare_cached("UPDATE runners SET last_seen_at = ?2, draining = ?3 WHERE id = ?1")?
        .execute(params![beat.runner_id, now, beat.draining])?;
    if known == 0 {
        let stop = beat.attempts.iter().map(|(lease, _)| lease.attempt_id.clone()).collect();
        return Ok(BeatOutcome { stop, lost: vec![] });
    }
    let mut stop = Vec::new();
    let mut held = HashSet::new();
    for (lease, progress) in &beat.attempts {
        match renew(db, beat, lease, *progress, now)? {
            true => drop(held.insert(&lease.attempt_id)),
            false => stop.push(lease.attempt_id.clone()),
        }
    }
    let mut missing = rows::attempts(
        db,
        "WHERE a.runner_id = ?1 AND a.state = 'leased' AND (a.session_id <> ?2 OR a.leased_at <= ?3) \
         ORDER BY a.leased_at, a.id",
        params![beat.runner_id, beat.session_id, now.plus_ms(-beat.grace_ms)],
    )?;
    missing.retain(|attempt| !held.contains(&attempt.id));
    let message = |runner_id: &RunnerId| format!("runner {runner_id} restarted, or lost the attempt");
    let lost = failing::vanish(db, missing, message, now)?;
    Ok(BeatOutcome { stop, lost })
}

/// [`Store::leased`].
pub fn leased(db: &Connection, lease: &LeaseRef) -> Result<Option<ClaimedTask>> {
    let standing = [AttemptState::Leased, AttemptState::Accepted, AttemptState::Sealed];
    match attempt(db, lease)?.filter(|attempt| standing.contains(&attempt.state)) {
        Some(attempt) => Ok(Some(ClaimedTask { task: rows::task_by_id(db, &attempt.task_id)?, attempt })),
        None => Ok(None),
    }
}

/// [`Store::extend_leases`].
pub fn extend_leases(db: &Connection, now: Timestamp, lease_ms: i64) -> Result<()> {
    db.prepare_cached("UPDATE attempts SET expires_at = max(expires_at, ?1) WHERE state = 'leased'")?
        .execute([now.plus_ms(lease_ms)])?;
    Ok(())
}

/// The attempt that a lease names, if it proves its right by token and epoch. Whether it still may speak for its task
/// is its state's to say: an attempt ends in the same transaction in which another wins or takes its place.
pub fn attempt(db: &Connection, lease: &LeaseRef) -> Result<Option<AttemptRecord>> {
    let found = rows::attempts(
        db,
        "WHERE a.id = ?1 AND a.token = ?2 AND a.epoch = ?3",
        params![lease.attempt_id, lease.token, signed(lease.epoch)],
    );
    Ok(found?.pop())
}

/// Renews one lease. False: the runner must stop that attempt.
fn renew(db: &Connection, beat: &Beat, lease: &LeaseRef, progress: u64, now: Timestamp) -> Result<bool> {
    let Some(ends_at) = outlook(db, lease, progress, now)? else { return Ok(false) };
    let renewed = db
        .prepare_cached(
            "UPDATE attempts SET expires_at = max(expires_at, ?5), progress = max(progress, ?6), ends_at = ?7 \
             WHERE id = ?1 AND token = ?2 AND epoch = ?3 AND runner_id = ?4 AND state = 'leased'",
        )?
        .execute(params![
            lease.attempt_id,
            lease.token,
            signed(lease.epoch),
            beat.runner_id,
            now.plus_ms(beat.lease_ms),
            signed(progress),
            ends_at
        ])?;
    if renewed == 1 {
        return Ok(true);
    }
    let won = [AttemptState::Accepted, AttemptState::Sealed];
    let found = attempt(db, lease)?.filter(|attempt| attempt.runner_id == beat.runner_id);
    Ok(found.is_some_and(|attempt| won.contains(&attempt.state)))
}

/// When an attempt will end, given its progress; none when there is no such attempt.
fn outlook(db: &Connection, lease: &LeaseRef, progress: u64, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut statement = db.prepare_cached(
        "SELECT a.leased_at, a.expected_ms, t.size, a.progress FROM attempts a JOIN tasks t ON t.id = a.task_id \
         WHERE a.id = ?1",
    )?;
    let running = |row: &rusqlite::Row<'_>| {
        let (expected_ms, size, told) = (unsigned(row, 1)?, unsigned(row, 2)?, unsigned(row, 3)?);
        Ok(Running { leased_at: row.get(0)?, expected_ms, size, progress: progress.max(told) })
    };
    let running = statement.query_row([&lease.attempt_id], running).optional()?;
    Ok(running.map(|running| running.ends_at(now)))
}
