//! Why tasks wait: read for people, now and then; it may look at the whole queue.

use rusqlite::{Connection, Row, params};

use super::super::*;
use super::columns::unsigned;
use super::{fitness, rows};
use crate::domain::dispatch::copies::left_ms;

/// [`Store::waits`].
pub fn waits(db: &Connection, job_id: &JobId, now: Timestamp) -> Result<Waits> {
    Ok(Waits { tasks: tasks(db, job_id)?, ahead: ahead(db, job_id)?, busy: busy(db, now)? })
}

fn tasks(db: &Connection, job_id: &JobId) -> Result<Vec<WaitingTask>> {
    let mut statement = db.prepare_cached(
        "SELECT id, left_since FROM tasks WHERE job_id = ?1 AND state = 'ready' \
         AND (epoch > 0 OR left_since IS NOT NULL) ORDER BY position",
    )?;
    let found = statement.query_map([job_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut waiting = Vec::new();
    for task in found {
        let (task_id, left_since) = task?;
        let failed_on = fitness::failed_on(db, &task_id)?;
        let is_in_the_way = fitness::is_in_the_way(db, &task_id)?;
        waiting.push(WaitingTask { task_id, left_since, failed_on, is_in_the_way });
    }
    Ok(waiting)
}

/// What comes first whatever the tenants' shares are just now, and the other tenants' work of the same priority.
fn ahead(db: &Connection, job_id: &JobId) -> Result<Vec<Ahead>> {
    let mut statement = db.prepare_cached(
        "SELECT q.priority, q.tenant, count(DISTINCT q.job_id), sum(q.ready_count), sum(q.ready_ms) FROM queue q, \
         (SELECT priority, tenant, created_at + left_ms AS due_at FROM jobs JOIN job_loads ON job_id = id \
         WHERE id = ?1) mine WHERE q.job_id <> ?1 AND (q.priority < mine.priority OR (q.priority = mine.priority \
         AND (q.tenant <> mine.tenant OR q.due_at < mine.due_at))) GROUP BY q.priority, q.tenant",
    )?;
    let ahead = |row: &Row<'_>| {
        Ok(Ahead {
            priority: row.get(0)?,
            tenant: row.get(1)?,
            jobs: unsigned(row, 2)?,
            tasks: unsigned(row, 3)?,
            cost_ms: unsigned(row, 4)?,
        })
    };
    rows::collect(statement.query_map(params![job_id], ahead)?)
}

fn busy(db: &Connection, now: Timestamp) -> Result<Vec<(RunnerId, Vec<u64>)>> {
    let mut statement = db.prepare_cached(
        "SELECT runner_id, ends_at FROM attempts WHERE state = 'leased' ORDER BY runner_id, ends_at",
    )?;
    let mut busy: Vec<(RunnerId, Vec<u64>)> = Vec::new();
    for slot in statement.query_map([], |row| Ok((row.get::<_, RunnerId>(0)?, row.get(1)?)))? {
        let (runner_id, ends_at) = slot?;
        match busy.last_mut().filter(|(last, _)| *last == runner_id) {
            Some((_, slots)) => slots.push(left_ms(ends_at, now)),
            None => busy.push((runner_id, vec![left_ms(ends_at, now)])),
        }
    }
    Ok(busy)
}
