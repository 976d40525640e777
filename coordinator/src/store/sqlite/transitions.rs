//! Every change of a job's or task's state: the row is read, the domain's pure transition decides, and the
//! update counts only if the row still is as it was read.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Result, StoreError};
use super::columns::Json;
use crate::domain::job::JobEvent;
use crate::domain::task::TaskEvent;
use crate::domain::{Failure, JobId, JobState, TaskId, TaskState, Timestamp};

/// Where a job stands. Illegal when there is none of that id.
pub fn job_state(db: &Connection, job_id: &JobId) -> Result<JobState> {
    let mut statement = db.prepare_cached("SELECT state FROM jobs WHERE id = ?1")?;
    let state = statement.query_row([job_id], |row| row.get(0)).optional()?;
    state.ok_or_else(|| StoreError::Illegal(format!("there is no job {job_id}")))
}

/// Job and state of a task.
pub fn task_state(db: &Connection, task_id: &TaskId) -> Result<(JobId, TaskState)> {
    let mut statement = db.prepare_cached("SELECT job_id, state FROM tasks WHERE id = ?1")?;
    let found = statement.query_row([task_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    found.ok_or_else(|| StoreError::Corrupt(format!("task {task_id} is missing")))
}

/// Moves a job on.
pub fn move_job(db: &Connection, job_id: &JobId, event: JobEvent) -> Result<JobState> {
    let from = job_state(db, job_id)?;
    let to = from.apply(event)?;
    let mut statement = db.prepare_cached("UPDATE jobs SET state = ?3 WHERE id = ?1 AND state = ?2")?;
    expect_one(statement.execute(params![job_id, from, to])?)?;
    Ok(to)
}

/// Moves a task on.
pub fn move_task(db: &Connection, task_id: &TaskId, event: TaskEvent) -> Result<TaskState> {
    let (_, from) = task_state(db, task_id)?;
    let to = from.apply(event)?;
    let mut statement = db.prepare_cached("UPDATE tasks SET state = ?3 WHERE id = ?1 AND state = ?2")?;
    expect_one(statement.execute(params![task_id, from, to])?)?;
    Ok(to)
}

/// Ends a job unpublished: open tasks are cancelled, attempts are over, and what lies at the destination is
/// withdrawn.
pub fn end_job(
    db: &Connection,
    job_id: &JobId,
    event: JobEvent,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Result<JobState> {
    let to = move_job(db, job_id, event)?;
    db.prepare_cached(
        "UPDATE jobs SET ended_at = ?2, failure_json = coalesce(?3, failure_json) WHERE id = ?1",
    )?
    .execute(params![job_id, now, failure.map(Json)])?;
    withdraw(db, job_id)?;
    for from in TaskState::ALL.into_iter().filter(|state| *state != TaskState::Done) {
        // A task that has failed keeps saying so: it is why the job is over.
        let to = if from == TaskState::Failed { from } else { from.apply(TaskEvent::Cancel)? };
        db.prepare_cached(
            "UPDATE tasks SET state = ?3 WHERE job_id = ?1 AND state = ?2 AND state <> 'done'",
        )?
        .execute(params![job_id, from, to])?;
    }
    end_attempts(db, job_id, now)?;
    if to == JobState::Cancelled {
        drop_scratch(db, job_id)?;
    }
    Ok(to)
}

/// Makes blocked tasks ready whose last dependency is done: all of a job's, or only those that wait for one
/// task.
pub fn unblock(db: &Connection, job_id: &JobId, after: Option<&TaskId>, now: Timestamp) -> Result<()> {
    let to = TaskState::Blocked.apply(TaskEvent::Unblocked)?;
    let all_done = "NOT EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks needed \
        ON needed.id = d.depends_on WHERE d.task_id = tasks.id AND needed.state <> 'done')";
    let of_one = "id IN (SELECT task_id FROM task_dependencies WHERE depends_on = ?5)";
    let which = if after.is_some() { of_one } else { "job_id = ?1 AND ?5 IS NULL" };
    db.prepare_cached(&format!(
        "UPDATE tasks SET state = ?3, ready_at = coalesce(ready_at, ?4) \
         WHERE state = ?2 AND {which} AND {all_done}"
    ))?
    .execute(params![job_id, TaskState::Blocked, to, now, after])?;
    Ok(())
}

/// Moves a running job on to publishing when its last task is done. Answers its state.
pub fn advance(db: &Connection, job_id: &JobId) -> Result<JobState> {
    let mut statement =
        db.prepare_cached("SELECT 1 FROM tasks WHERE job_id = ?1 AND state <> 'done' LIMIT 1")?;
    let open = statement.exists([job_id])?;
    match job_state(db, job_id)? {
        JobState::Running if !open => move_job(db, job_id, JobEvent::TasksDone),
        state => Ok(state),
    }
}

/// Frees the pins of encoders whose bytes nobody holds or makes: the next lease may choose another
/// fingerprint.
pub fn release_pins(db: &Connection, job_id: &JobId) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM pins WHERE job_id = ?1 AND NOT EXISTS (SELECT 1 FROM tasks t, \
         json_each(t.encoders_json) e WHERE t.job_id = ?1 AND t.state IN ('leased', 'sealing', 'done') \
         AND e.value = pins.encoder)",
    )?
    .execute([job_id])?;
    Ok(())
}

/// An update that must have hit its row: the transaction holds the write lock, so anything else is a broken
/// file.
pub fn expect_one(changed: usize) -> Result<()> {
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::Corrupt(format!("a row changed under a transaction ({changed} rows hit)"))),
    }
}

/// Takes back done tasks whose objects lie at the destination: half a result must not stay there.
fn withdraw(db: &Connection, job_id: &JobId) -> Result<()> {
    let to = TaskState::Done.apply(TaskEvent::Withdrawn)?;
    db.prepare_cached(
        "UPDATE tasks SET state = ?2, done_at = NULL WHERE job_id = ?1 AND state = 'done' AND EXISTS \
         (SELECT 1 FROM attempts a JOIN uploads u ON u.attempt_id = a.id WHERE a.task_id = tasks.id \
         AND a.state = 'sealed' AND u.scratch = 0)",
    )?
    .execute(params![job_id, to])?;
    Ok(())
}

/// Ends the standing attempts of all tasks that are not done, and drops what they brought.
fn end_attempts(db: &Connection, job_id: &JobId, now: Timestamp) -> Result<()> {
    let standing = "SELECT a.id FROM tasks t JOIN attempts a ON a.task_id = t.id \
        WHERE t.job_id = ?1 AND t.state <> 'done' AND a.state IN ('leased', 'accepted', 'sealed')";
    db.prepare_cached(&format!("UPDATE uploads SET unwanted = 1 WHERE attempt_id IN ({standing})"))?
        .execute([job_id])?;
    db.prepare_cached(&format!(
        "UPDATE attempts SET state = 'cancelled', ended_at = coalesce(ended_at, ?2) WHERE id IN ({standing})"
    ))?
    .execute(params![job_id, now])?;
    db.prepare_cached(
        "DELETE FROM results WHERE task_id IN (SELECT id FROM tasks WHERE job_id = ?1 AND state <> 'done')",
    )?
    .execute([job_id])?;
    Ok(())
}

/// Declares the scratch objects of a job garbage: it is published or cancelled and will not go on.
pub fn drop_scratch(db: &Connection, job_id: &JobId) -> Result<()> {
    db.prepare_cached(
        "UPDATE uploads SET unwanted = 1 WHERE scratch = 1 AND attempt_id IN (SELECT a.id FROM tasks t \
         JOIN attempts a ON a.task_id = t.id WHERE t.job_id = ?1)",
    )?
    .execute([job_id])?;
    Ok(())
}
