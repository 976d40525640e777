//! Hands ready tasks to a runner that asks for work. The queue is read in its own order from one index; what
//! a runner can do is decided once per job and set of encoders, so skipping a task costs no further query.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;

use super::rows;
use super::transitions::move_task;
use crate::domain::task::TaskEvent;

/// A ready task, as much of it as the choice needs.
struct Candidate {
    task_id: TaskId,
    job_id: JobId,
    encoders: String,
    tried: bool,
}

/// Fingerprints that a job has pinned, by encoder.
pub type Pins = HashMap<String, String>;

/// [`Store::claim`].
pub fn claim(db: &Connection, mut claim: Claim, now: Timestamp) -> Result<Vec<ClaimedTask>> {
    let Some(runner) = rows::runners(db, "WHERE id = ?1 AND draining = 0", [&claim.runner_id])?.pop() else {
        return Ok(vec![]);
    };
    let mut claimed = Vec::new();
    while claimed.len() < claim.limit as usize {
        // Every lease can pin an encoder or, for the next choice, change who is eligible: choose one at a
        // time.
        let Some(chosen) = choose(db, &runner, claim.live_ms, now)? else { break };
        claimed.push(lease(db, &chosen, &runner, &mut claim, now)?);
    }
    Ok(claimed)
}

/// [`Store::outlook`].
pub fn outlook(db: &Connection, ask: &Ask, now: Timestamp) -> Result<Outlook> {
    let mut statement =
        db.prepare_cached("SELECT id FROM attempts WHERE runner_id = ?1 AND state = 'leased'")?;
    let leased: Vec<AttemptId> = rows::collect(statement.query_map([&ask.runner_id], |row| row.get(0))?)?;
    let underway = leased.iter().filter(|attempt_id| !ask.named.contains(attempt_id)).count();
    let runner = rows::runners(db, "WHERE id = ?1 AND draining = 0", [&ask.runner_id])?.pop();
    let has_work = match runner {
        Some(runner) => choose(db, &runner, ask.live_ms, now)?.is_some(),
        None => false,
    };
    Ok(Outlook { has_work, underway: u32::try_from(underway).unwrap_or(u32::MAX) })
}

/// The first task in the queue that the runner may have.
fn choose(db: &Connection, runner: &RunnerRecord, live_ms: i64, now: Timestamp) -> Result<Option<Candidate>> {
    let mut statement = db.prepare_cached(
        "SELECT id, job_id, encoders_json, epoch > 0 FROM tasks WHERE state = 'ready' \
         ORDER BY priority, job_created_at, job_id, position",
    )?;
    let candidate = |row: &rusqlite::Row<'_>| {
        Ok(Candidate { task_id: row.get(0)?, job_id: row.get(1)?, encoders: row.get(2)?, tried: row.get(3)? })
    };
    let mut able: HashMap<(JobId, String), bool> = HashMap::new();
    for candidate in statement.query_map([], candidate)? {
        let candidate = candidate?;
        let key = (candidate.job_id.clone(), candidate.encoders.clone());
        let able = match able.get(&key) {
            Some(able) => *able,
            None => {
                let offers = offers(&runner.capabilities, &candidate, &pins(db, &candidate.job_id)?)?;
                *able.entry(key).or_insert(offers)
            }
        };
        if able && (!candidate.tried || fit_to_try_again(db, &candidate, runner, live_ms, now)?) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// Whether a machine offers all encoders of a task, each with the fingerprint that the job has pinned.
fn offers(capabilities: &Capabilities, candidate: &Candidate, pins: &Pins) -> Result<bool> {
    let fits = |name: &String| {
        let offered = capabilities.encoder(name);
        offered.is_some_and(|encoder| pins.get(name).is_none_or(|pinned| *pinned == encoder.fingerprint))
    };
    Ok(encoders(candidate)?.iter().all(fits))
}

/// For a task that was leased before: nothing of an earlier attempt is in its way at the destination, and it
/// did not fail on this runner while another live one could do it.
fn fit_to_try_again(
    db: &Connection,
    candidate: &Candidate,
    runner: &RunnerRecord,
    live_ms: i64,
    now: Timestamp,
) -> Result<bool> {
    let mut statement = db.prepare_cached(
        "SELECT 1 FROM attempts a JOIN uploads u ON u.attempt_id = a.id WHERE a.task_id = ?1 \
         AND u.accepted = 1 AND u.scratch = 0 AND u.unwanted = 1",
    )?;
    if statement.exists([&candidate.task_id])? {
        return Ok(false);
    }
    let failed_on = failed_on(db, &candidate.task_id)?;
    if !failed_on.contains(&runner.id) {
        return Ok(true);
    }
    let live =
        rows::runners(db, "WHERE draining = 0 AND last_seen_at >= ?1 ORDER BY id", [now.plus_ms(-live_ms)])?;
    let pins = pins(db, &candidate.job_id)?;
    for other in live.iter().filter(|other| !failed_on.contains(&other.id)) {
        if offers(&other.capabilities, candidate, &pins)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runners whose fault (or ours) a failure of the task was since its job was retried last.
fn failed_on(db: &Connection, task_id: &TaskId) -> Result<Vec<RunnerId>> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT a.runner_id FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.task_id = ?1 \
         AND a.state = 'failed' AND a.epoch > t.forgiven_epoch \
         AND a.failure_class IN ('runner', 'verify', 'crash', 'internal')",
    )?;
    rows::collect(statement.query_map([task_id], |row| row.get(0))?)
}

/// [`Store::pins`].
pub fn pins(db: &Connection, job_id: &JobId) -> Result<Pins> {
    let mut statement = db.prepare_cached("SELECT encoder, fingerprint FROM pins WHERE job_id = ?1")?;
    let pins = statement.query_map([job_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(pins.collect::<rusqlite::Result<_>>()?)
}

fn encoders(candidate: &Candidate) -> Result<Vec<String>> {
    let unreadable = |error| StoreError::Corrupt(format!("task {}: {error}", candidate.task_id));
    serde_json::from_str(&candidate.encoders).map_err(unreadable)
}

/// Leases a task: a new epoch, a new token, and the runner's fingerprints pinned where none were.
fn lease(
    db: &Connection,
    chosen: &Candidate,
    runner: &RunnerRecord,
    claim: &mut Claim,
    now: Timestamp,
) -> Result<ClaimedTask> {
    move_task(db, &chosen.task_id, TaskEvent::Leased)?;
    for name in encoders(chosen)? {
        let encoder = runner.capabilities.encoder(&name);
        let fingerprint = encoder.map(|encoder| encoder.fingerprint.as_str()).unwrap_or_default();
        db.prepare_cached("INSERT INTO pins VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![chosen.job_id, name, fingerprint])?;
    }
    let mut statement =
        db.prepare_cached("UPDATE tasks SET epoch = epoch + 1 WHERE id = ?1 RETURNING epoch")?;
    let epoch: Option<i64> = statement.query_row([&chosen.task_id], |row| row.get(0)).optional()?;
    let (attempt_id, token) = (claim.ids)();
    db.prepare_cached(
        "INSERT INTO attempts (id, task_id, runner_id, session_id, token, epoch, state, leased_at, \
         expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        attempt_id,
        chosen.task_id,
        runner.id,
        claim.session_id,
        token,
        epoch,
        AttemptState::Leased,
        now,
        now.plus_ms(claim.lease_ms)
    ])?;
    let task = rows::task_by_id(db, &chosen.task_id)?;
    let attempt = rows::attempt_by_id(db, &attempt_id)?;
    let attempt = attempt.ok_or_else(|| StoreError::Corrupt(format!("attempt {attempt_id} is missing")))?;
    Ok(ClaimedTask { attempt, task })
}
