//! Jobs from submission to their end.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::columns::{Json, signed};
use super::rows;
use super::transitions::{advance, drop_scratch, end_job, job_state, move_job, release_pins, unblock};
use crate::domain::job::JobEvent;
use crate::domain::plan::PlannedTask;
use crate::domain::task::TaskEvent;
use crate::domain::work::guess_ms;
use crate::domain::{TaskKind, TaskState, Work};
use crate::objects::Destination;

/// [`Store::submit`].
pub fn submit(db: &Connection, job: &NewJob, probe_task: &TaskId, now: Timestamp) -> Result<Submitted> {
    if let Some(earlier) = job_of_key(db, job.idempotency_key.as_deref())? {
        return Ok(Submitted::Existing(earlier));
    }
    if let Some(holder) = holder(db, &job.destination, &job.id, now)? {
        return Ok(Submitted::Taken(holder));
    }
    insert_job(db, job, now)?;
    let work = Work::of_probe(job.source_bytes);
    let probe = PlannedTask { kind: TaskKind::Probe, depends_on: vec![], encoders: vec![], size: 1, work };
    add_task(db, &job.id, (0, 0), probe_task, &probe)?;
    unblock(db, &job.id, None, now)?;
    Ok(Submitted::Created)
}

/// Adds a blocked task at its place in the plan, with its rank in the queue.
pub fn add_task(
    db: &Connection,
    job_id: &JobId,
    (position, rank): (u32, u64),
    task_id: &TaskId,
    task: &PlannedTask,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO tasks (id, job_id, position, kind_json, encoders_json, size, state, class, pixels, cost_ms, \
         rank) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        task_id,
        job_id,
        position,
        Json(&task.kind),
        Json(&task.encoders),
        signed(task.size),
        TaskState::Blocked,
        task.work.class,
        signed(task.work.pixels),
        signed(task.work.cost_ms),
        signed(rank)
    ])?;
    Ok(())
}

/// [`Store::job_of_key`].
pub fn job_of_key(db: &Connection, key: Option<&str>) -> Result<Option<JobId>> {
    let mut statement = db.prepare_cached("SELECT id FROM jobs WHERE idempotency_key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// [`Store::job`].
pub fn job(db: &Connection, job_id: &JobId) -> Result<Option<JobRecord>> {
    Ok(rows::jobs(db, "WHERE id = ?1", [job_id])?.pop())
}

/// [`Store::jobs`].
pub fn jobs(db: &Connection, state: Option<JobState>, limit: u32) -> Result<Vec<JobRecord>> {
    match state {
        Some(state) => rows::jobs(
            db,
            "WHERE state = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2",
            params![state, limit],
        ),
        None => rows::jobs(db, "ORDER BY created_at DESC, id DESC LIMIT ?1", [limit]),
    }
}

/// [`Store::cancel`].
pub fn cancel(db: &Connection, job_id: &JobId, now: Timestamp) -> Result<()> {
    if job_state(db, job_id)? != JobState::Cancelled {
        end_job(db, job_id, JobEvent::Cancel, None, now)?;
    }
    Ok(())
}

/// [`Store::retry`].
pub fn retry(db: &Connection, job_id: &JobId, now: Timestamp) -> Result<()> {
    if let Some(job) = job(db, job_id)?
        && let Some(holder) = holder(db, &job.destination, job_id, job.created_at)?
    {
        let destination = job.destination;
        return Err(StoreError::Illegal(format!(
            "{destination} is job {holder}'s now; submit to another place"
        )));
    }
    let planned = db.prepare_cached("SELECT 1 FROM plans WHERE job_id = ?1")?.exists([job_id])?;
    move_job(db, job_id, JobEvent::Retry { planned })?;
    db.prepare_cached("UPDATE jobs SET failure_json = NULL, ended_at = NULL WHERE id = ?1")?
        .execute([job_id])?;
    for from in [TaskState::Failed, TaskState::Cancelled] {
        let to = from.apply(TaskEvent::Revived)?;
        db.prepare_cached(
            "UPDATE tasks SET state = ?3, forgiven_epoch = epoch WHERE job_id = ?1 AND state = ?2",
        )?
        .execute(params![job_id, from, to])?;
    }
    release_pins(db, job_id)?;
    unblock(db, job_id, None, now)?;
    advance(db, job_id)?;
    Ok(())
}

/// [`Store::fail_job`].
pub fn fail_job(db: &Connection, job_id: &JobId, failure: &Failure, now: Timestamp) -> Result<()> {
    if !job_state(db, job_id)?.is_over() {
        end_job(db, job_id, JobEvent::GivenUp, Some(failure), now)?;
    }
    Ok(())
}

/// [`Store::finish_job`].
pub fn finish_job(db: &Connection, job_id: &JobId, now: Timestamp) -> Result<()> {
    if job_state(db, job_id)? == JobState::Published {
        return Ok(());
    }
    move_job(db, job_id, JobEvent::ManifestWritten)?;
    db.prepare_cached("UPDATE jobs SET ended_at = ?2 WHERE id = ?1")?.execute(params![job_id, now])?;
    drop_scratch(db, job_id)
}

/// Another job that writes to a destination, has published there since, or whose half result still lies there.
fn holder(
    db: &Connection,
    destination: &Destination,
    but: &JobId,
    since: Timestamp,
) -> Result<Option<JobId>> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM jobs WHERE destination = ?1 AND id <> ?2 AND (state IN ('probing', 'running', \
         'publishing') OR (state = 'published' AND ended_at >= ?3) OR EXISTS (SELECT 1 FROM tasks t JOIN attempts a ON a.task_id = t.id JOIN uploads u \
         ON u.attempt_id = a.id WHERE t.job_id = jobs.id AND u.accepted = 1 AND u.scratch = 0 \
         AND u.unwanted = 1))",
    )?;
    Ok(statement.query_row(params![destination, but, since], |row| row.get(0)).optional()?)
}

fn insert_job(db: &Connection, job: &NewJob, now: Timestamp) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO jobs (id, source, source_object, source_bytes, source_is_ours, profile, profile_json, \
         destination, chunk_seconds, priority, idempotency_key, state, created_at, progressive_publish, tenant, \
         extras_json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        job.id,
        job.source,
        job.source_object,
        signed(job.source_bytes),
        job.source_is_ours,
        job.profile,
        job.profile_json,
        job.destination,
        job.chunk_seconds,
        job.priority,
        job.idempotency_key,
        JobState::Probing,
        now,
        job.progressive_publish,
        job.tenant,
        Json(&job.extras)
    ])?;
    db.prepare_cached("INSERT INTO job_loads VALUES (?1, ?2)")?
        .execute(params![job.id, signed(guess_ms(job.source_bytes))])?;
    Ok(())
}
