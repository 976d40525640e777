//! Jobs that are bound to an encoder which nobody offers any more. All that was made with it is dropped, and the job is
//! bound anew: a rendition is never mixed from two encoders.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::columns::{Json, unsigned};
use super::line::{Needs, somebody_meets};
use super::rows;
use super::transitions::{expect_one, job_state};
use crate::domain::task::TaskEvent;
use crate::domain::{TaskKind, TaskState, choice};

/// Jobs of one kind of need that are looked at in one round.
const JOBS_LOOKED_AT: u32 = 256;

/// [`Store::lost_bonds`].
pub fn lost_bonds(db: &Connection, live_ms: i64, now: Timestamp) -> Result<Vec<LostBond>> {
    let seen_since = now.plus_ms(-live_ms);
    let offered = |needs: &Needs| somebody_meets(db, needs, seen_since, &[]);
    let mut next =
        db.prepare_cached("SELECT needs_json FROM queue WHERE needs_json > ?1 ORDER BY needs_json LIMIT 1")?;
    let (mut before, mut lost) = (String::new(), Vec::new());
    while let Some(needs_json) = next.query_row([&before], |row| row.get::<_, String>(0)).optional()? {
        let needs: Needs = serde_json::from_str(&needs_json)
            .map_err(|error| StoreError::Corrupt(format!("needs {needs_json}: {error}")))?;
        let free: Needs = needs.keys().map(|need| (need.clone(), None)).collect();
        let is_bound = needs != free;
        if is_bound && !offered(&needs)? && offered(&free)? {
            lost.extend(jobs_of(db, &needs_json, &needs)?);
        }
        before = needs_json;
    }
    Ok(lost)
}

/// Jobs with exactly these needs, as far as they are those of chunks.
fn jobs_of(db: &Connection, needs_json: &str, needs: &Needs) -> Result<Vec<LostBond>> {
    let [(need, Some(bond))] = needs.iter().collect::<Vec<_>>()[..] else { return Ok(vec![]) };
    let mut statement = db.prepare_cached(
        "SELECT q.job_id, (SELECT coalesce(sum(t.cost_ms), 0) FROM tasks t WHERE t.job_id = q.job_id \
         AND t.encoders_json = q.encoders_json AND t.state IN ('done', 'sealing')) FROM queue q \
         WHERE q.needs_json = ?1 LIMIT ?2",
    )?;
    let found = statement.query_map(params![needs_json, JOBS_LOOKED_AT], |row| {
        Ok(LostBond {
            job_id: row.get(0)?,
            need: need.clone(),
            bond: bond.clone(),
            done_ms: unsigned(row, 1)?,
        })
    })?;
    let mut lost: Vec<LostBond> = rows::collect(found)?;
    let mut at = 0;
    while at < lost.len() {
        match may_be_made_anew(db, &lost[at])? {
            true => at += 1,
            false => drop(lost.swap_remove(at)),
        }
    }
    Ok(lost)
}

/// Its chunks are scratch: nothing of them was shown to anybody. The chunks of what is shown early stay what they are.
fn may_be_made_anew(db: &Connection, lost: &LostBond) -> Result<bool> {
    let tasks = tasks_of(db, &lost.job_id, &lost.need)?;
    let are_chunks = tasks.iter().all(|(_, kind)| matches!(kind, TaskKind::EncodeChunk { .. }));
    let mut shown = db.prepare_cached(
        "SELECT 1 FROM tasks t JOIN attempts a ON a.task_id = t.id JOIN uploads u ON u.attempt_id = a.id, \
         json_each(t.encoders_json) e WHERE t.job_id = ?1 AND e.value = ?2 AND u.scratch = 0",
    )?;
    Ok(are_chunks && !tasks.is_empty() && !shown.exists(params![lost.job_id, lost.need])?)
}

/// [`Store::rebind`]. True: it was still bound like that.
pub fn rebind(db: &Connection, lost: &LostBond, now: Timestamp) -> Result<bool> {
    let mut statement =
        db.prepare_cached("SELECT 1 FROM pins WHERE job_id = ?1 AND encoder = ?2 AND fingerprint = ?3")?;
    let is_bound = statement.exists(params![lost.job_id, lost.need, lost.bond])?;
    if !is_bound || job_state(db, &lost.job_id)? != JobState::Running || !may_be_made_anew(db, lost)? {
        return Ok(false);
    }
    db.prepare_cached("DELETE FROM pins WHERE job_id = ?1 AND encoder = ?2")?
        .execute(params![lost.job_id, lost.need])?;
    // A second loss of a device would cost as much again: from here on it is software's work.
    let software = choice::ways(&lost.need).last().map_or(lost.need.as_str(), |way| way.offer);
    for (task_id, _) in tasks_of(db, &lost.job_id, &lost.need)? {
        start_over(db, &task_id, software, now)?;
    }
    Ok(true)
}

/// Device failures of a task after which its job is done by software.
const MAX_DEVICE_FAILURES: u32 = 2;

/// After a failure of a device: binds the job of the task to software when devices have failed at it too often.
pub fn after_device_failure(db: &Connection, task_id: &TaskId, now: Timestamp) -> Result<()> {
    let task = rows::task_by_id(db, task_id)?;
    let mut statement = db.prepare_cached(
        "SELECT count(*) FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.task_id = ?1 \
         AND a.state = 'failed' AND a.failure_class = 'device' AND a.epoch > t.forgiven_epoch",
    )?;
    let failures: u32 = statement.query_row([task_id], |row| row.get(0))?;
    if failures < MAX_DEVICE_FAILURES {
        return Ok(());
    }
    let pins = super::claim::pins(db, &task.job_id)?;
    for need in task.encoders.iter().filter(|need| choice::ways(need).count() > 1) {
        if let Some(bond) = pins.get(need) {
            let (job_id, need, bond) = (task.job_id.clone(), need.clone(), bond.clone());
            rebind(db, &LostBond { job_id, need, bond, done_ms: 0 }, now)?;
        }
    }
    Ok(())
}

fn tasks_of(db: &Connection, job_id: &JobId, need: &str) -> Result<Vec<(TaskId, TaskKind)>> {
    let mut statement = db.prepare_cached(
        "SELECT t.id, t.kind_json FROM tasks t, json_each(t.encoders_json) e \
         WHERE t.job_id = ?1 AND e.value = ?2 ORDER BY t.position",
    )?;
    let task = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Json<TaskKind>>(1)?.0));
    rows::collect(statement.query_map(params![job_id, need], task)?)
}

/// Ends what stands of a task, drops what it brought, and makes it ready for another encoder.
fn start_over(db: &Connection, task_id: &TaskId, need: &str, now: Timestamp) -> Result<()> {
    let task = rows::task_by_id(db, task_id)?;
    let to = match task.state {
        TaskState::Blocked | TaskState::Ready => task.state,
        state => state.apply(TaskEvent::Restarted)?,
    };
    db.prepare_cached(
        "UPDATE uploads SET unwanted = 1 WHERE attempt_id IN (SELECT id FROM attempts WHERE task_id = ?1)",
    )?
    .execute([task_id])?;
    db.prepare_cached(
        "UPDATE attempts SET state = 'cancelled', ended_at = coalesce(ended_at, ?2) \
         WHERE task_id = ?1 AND state IN ('leased', 'accepted', 'sealed')",
    )?
    .execute(params![task_id, now])?;
    db.prepare_cached("DELETE FROM results WHERE task_id = ?1")?.execute([task_id])?;
    let changed = db
        .prepare_cached(
            "UPDATE tasks SET state = ?3, encoders_json = ?4, done_at = NULL, left_since = NULL \
             WHERE id = ?1 AND state = ?2",
        )?
        .execute(params![task_id, task.state, to, Json([need])])?;
    expect_one(changed)
}
