//! Whether a runner may have a task that has been leased before.

use rusqlite::Connection;

use super::super::*;
use super::choice::{Asking, encoders};
use super::claim::pins;
use super::line::{Needs, somebody_meets};
use super::rows;

/// Nothing of an earlier attempt is in the task's way at the destination, and it did not fail on this runner while
/// another live one could do it.
pub fn fit_to_try_again(
    asking: &Asking<'_>,
    job_id: &JobId,
    encoders_json: &str,
    task_id: &TaskId,
) -> Result<bool> {
    let db = asking.db;
    if is_in_the_way(db, task_id)? {
        return Ok(false);
    }
    let failed_on = failed_on(db, task_id)?;
    if !failed_on.contains(&asking.runner.id) {
        return Ok(true);
    }
    let seen_since = asking.now.plus_ms(-asking.live_ms);
    let needs = needs(db, job_id, &encoders(encoders_json)?)?;
    Ok(!somebody_meets(db, &needs, seen_since, &failed_on)?)
}

/// What tasks with these encoders need in a job.
pub fn needs(db: &Connection, job_id: &JobId, encoders: &[String]) -> Result<Needs> {
    let pins = pins(db, job_id)?;
    Ok(encoders.iter().map(|name| (name.clone(), pins.get(name).cloned())).collect())
}

/// An object of an earlier attempt still lies at the destination, under the same key.
pub fn is_in_the_way(db: &Connection, task_id: &TaskId) -> Result<bool> {
    let mut statement = db.prepare_cached(
        "SELECT 1 FROM attempts a JOIN uploads u ON u.attempt_id = a.id WHERE a.task_id = ?1 \
         AND u.accepted = 1 AND u.scratch = 0 AND u.unwanted = 1",
    )?;
    Ok(statement.exists([task_id])?)
}

/// Runners whose fault (or ours) a failure of the task was since its job was retried last.
pub fn failed_on(db: &Connection, task_id: &TaskId) -> Result<Vec<RunnerId>> {
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT a.runner_id FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.task_id = ?1 \
         AND a.state = 'failed' AND a.epoch > t.forgiven_epoch \
         AND a.failure_class IN ('runner', 'verify', 'crash', 'internal')",
    )?;
    rows::collect(statement.query_map([task_id], |row| row.get(0))?)
}
