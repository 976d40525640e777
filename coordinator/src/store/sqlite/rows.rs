//! Rows to records. Every query of a kind of record selects the same columns, so that one function reads
//! them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::super::*;
use super::columns::Json;
use crate::domain::outcome::Outcome;

const JOB_COLUMNS: &str = "id, source, source_object, source_bytes, source_is_ours, profile, profile_json, \
    destination, chunk_seconds, priority, state, failure_json, created_at, ended_at, progressive_publish, tenant, \
    extras_json";

/// Jobs by the rest of a statement: `WHERE …`.
pub fn jobs(db: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<JobRecord>> {
    let mut statement = db.prepare_cached(&format!("SELECT {JOB_COLUMNS} FROM jobs {rest}"))?;
    collect(statement.query_map(parameters, job)?)
}

/// Tasks with their dependencies and results by the rest of a statement, in which `t` is the task.
pub fn tasks(db: &Connection, rest: &str, parameters: impl Params + Copy) -> Result<Vec<TaskRecord>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT t.id, t.job_id, t.kind_json, t.state, t.encoders_json, t.size, t.ready_at, t.done_at, \
         r.outcome_json, r.objects_json FROM tasks t LEFT JOIN results r ON r.task_id = t.id {rest}"
    ))?;
    let mut tasks = collect(statement.query_map(parameters, task)?)?;
    let mut statement = db.prepare_cached(&format!(
        "SELECT d.task_id, d.depends_on FROM tasks t JOIN task_dependencies d ON d.task_id = t.id \
         JOIN tasks needed ON needed.id = d.depends_on {rest}, needed.position"
    ))?;
    let mut needs: HashMap<TaskId, Vec<TaskId>> = HashMap::new();
    for pair in statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (task_id, needed): (TaskId, TaskId) = pair?;
        needs.entry(task_id).or_default().push(needed);
    }
    for task in &mut tasks {
        task.depends_on = needs.remove(&task.id).unwrap_or_default();
    }
    Ok(tasks)
}

/// One task.
pub fn task_by_id(db: &Connection, task_id: &TaskId) -> Result<TaskRecord> {
    let mut found = tasks(db, "WHERE t.id = ?1 ORDER BY t.position", [task_id])?;
    found.pop().ok_or_else(|| StoreError::Corrupt(format!("task {task_id} is missing")))
}

/// Attempts by the rest of a statement, in which `a` is the attempt and `t` its task.
pub fn attempts(db: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<AttemptRecord>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT a.id, a.task_id, a.runner_id, a.token, a.epoch, a.state, a.leased_at, a.expires_at, \
         a.ended_at, a.progress, a.failure_json, a.usage_json FROM attempts a \
         JOIN tasks t ON t.id = a.task_id {rest}"
    ))?;
    collect(statement.query_map(parameters, attempt)?)
}

/// One attempt.
pub fn attempt_by_id(db: &Connection, attempt_id: &AttemptId) -> Result<Option<AttemptRecord>> {
    Ok(attempts(db, "WHERE a.id = ?1", [attempt_id])?.pop())
}

/// Runners by the rest of a statement.
pub fn runners(db: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<RunnerRecord>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT id, name, capabilities_json, joined_at, last_seen_at, draining, strikes, (SELECT count(*) \
         FROM attempts WHERE runner_id = runners.id AND state = 'leased') FROM runners {rest}"
    ))?;
    collect(statement.query_map(parameters, runner)?)
}

/// Uploads by the rest of a statement, in which `u` is the upload.
pub fn uploads(db: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<UploadRecord>> {
    // An object that another attempt has put under the same key meanwhile must not be removed with the
    // loser's.
    let mut statement = db.prepare_cached(&format!(
        "SELECT t.job_id, u.attempt_id, u.output_index, u.object, u.upload_id, u.scratch, u.accepted AND NOT \
         (u.unwanted AND EXISTS (SELECT 1 FROM uploads o WHERE o.object = u.object \
         AND o.accepted = 1 AND o.unwanted = 0)) FROM uploads u \
         JOIN attempts a ON a.id = u.attempt_id JOIN tasks t ON t.id = a.task_id {rest}"
    ))?;
    collect(statement.query_map(parameters, upload)?)
}

/// The plan of a job.
pub fn plan(db: &Connection, job_id: &JobId) -> Result<Option<Plan>> {
    let mut statement = db.prepare_cached("SELECT plan_json FROM plans WHERE job_id = ?1")?;
    let plan: Option<Json<Plan>> = statement.query_row([job_id], |row| row.get(0)).optional()?;
    Ok(plan.map(|Json(plan)| plan))
}

/// All rows, or the first error.
pub fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Result<Vec<T>> {
    Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
}

fn job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    Ok(JobRecord {
        id: row.get(0)?,
        source: row.get(1)?,
        source_object: row.get(2)?,
        source_bytes: number(row, 3)?,
        source_is_ours: row.get(4)?,
        profile: row.get(5)?,
        profile_json: row.get(6)?,
        destination: row.get(7)?,
        chunk_seconds: row.get(8)?,
        priority: row.get(9)?,
        state: row.get(10)?,
        failure: json(row, 11)?,
        created_at: row.get(12)?,
        ended_at: row.get(13)?,
        progressive_publish: row.get(14)?,
        tenant: row.get(15)?,
        extras: row.get::<_, Json<_>>(16)?.0,
    })
}

fn task(row: &Row<'_>) -> rusqlite::Result<TaskRecord> {
    let objects: Option<Vec<StoredObject>> = json(row, 9)?;
    let outcome: Option<Outcome> = json(row, 8)?;
    Ok(TaskRecord {
        id: row.get(0)?,
        job_id: row.get(1)?,
        kind: row.get::<_, Json<_>>(2)?.0,
        state: row.get(3)?,
        depends_on: Vec::new(),
        encoders: row.get::<_, Json<_>>(4)?.0,
        size: number(row, 5)?,
        ready_at: row.get(6)?,
        done_at: row.get(7)?,
        outcome,
        objects: objects.unwrap_or_default(),
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        id: row.get(0)?,
        task_id: row.get(1)?,
        runner_id: row.get(2)?,
        token: row.get(3)?,
        epoch: number(row, 4)?,
        state: row.get(5)?,
        leased_at: row.get(6)?,
        expires_at: row.get(7)?,
        ended_at: row.get(8)?,
        progress: number(row, 9)?,
        failure: json(row, 10)?,
        usage: json(row, 11)?,
    })
}

fn runner(row: &Row<'_>) -> rusqlite::Result<RunnerRecord> {
    Ok(RunnerRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        capabilities: row.get::<_, Json<_>>(2)?.0,
        joined_at: row.get(3)?,
        last_seen_at: row.get(4)?,
        draining: row.get(5)?,
        strikes: row.get(6)?,
        live_attempts: row.get(7)?,
    })
}

fn upload(row: &Row<'_>) -> rusqlite::Result<UploadRecord> {
    Ok(UploadRecord {
        job_id: row.get(0)?,
        attempt_id: row.get(1)?,
        output_index: row.get(2)?,
        object: row.get(3)?,
        upload_id: row.get(4)?,
        scratch: row.get(5)?,
        accepted: row.get(6)?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Json<T>>>(column)?.map(|Json(value)| value))
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, signed))
}
