//! Hands tasks to a runner that asks for work: one choice at a time, each in the light of the one before.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::choice::{Choice, Wanted, choose};
use super::columns::signed;
use super::transitions::{expect_one, move_task};
use super::{rows, shares};
use crate::domain::task::TaskEvent;

/// Fingerprints that a job has pinned, by encoder.
pub type Pins = HashMap<String, String>;

/// [`Store::claim`].
pub fn claim(db: &Connection, mut claim: Claim, now: Timestamp) -> Result<Vec<ClaimedTask>> {
    let Some(runner) = able(db, &claim.runner_id)? else { return Ok(vec![]) };
    let mut claimed = Vec::new();
    while claimed.len() < claim.limit as usize {
        // Every lease can pin an encoder, use up a tenant's turn, or change who is eligible.
        let Choice { wanted, left } = choose(db, &runner, &claim.policy, claim.live_ms, now)?;
        for task_id in left {
            db.prepare_cached("UPDATE tasks SET left_since = coalesce(left_since, ?2) WHERE id = ?1")?
                .execute(params![task_id, now])?;
        }
        let Some(wanted) = wanted else { break };
        claimed.push(lease(db, &wanted, &runner, &mut claim, now)?);
    }
    Ok(claimed)
}

/// [`Store::outlook`].
pub fn outlook(db: &Connection, ask: &Ask, now: Timestamp) -> Result<Outlook> {
    let mut statement =
        db.prepare_cached("SELECT id FROM attempts WHERE runner_id = ?1 AND state = 'leased'")?;
    let leased: Vec<AttemptId> = rows::collect(statement.query_map([&ask.runner_id], |row| row.get(0))?)?;
    let underway = leased.iter().filter(|attempt_id| !ask.named.contains(attempt_id)).count();
    let has_work = match able(db, &ask.runner_id)? {
        Some(runner) => {
            let Choice { wanted, left } = choose(db, &runner, &ask.policy, ask.live_ms, now)?;
            // What is left for a faster runner for the first time is to be noted by a claim.
            wanted.is_some() || !left.is_empty()
        }
        None => false,
    };
    Ok(Outlook { has_work, underway: u32::try_from(underway).unwrap_or(u32::MAX) })
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

/// Leases a task: a new epoch, a new token, and the runner's fingerprints pinned where none were. The first attempt
/// uses its tenant's turn; a copy is the fleet's own idea and costs the tenant nothing.
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
    for name in &wanted.encoders {
        let encoder = runner.capabilities.encoder(name);
        let fingerprint = encoder.map(|encoder| encoder.fingerprint.as_str()).unwrap_or_default();
        db.prepare_cached("INSERT INTO pins VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![wanted.job_id, name, fingerprint])?;
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
