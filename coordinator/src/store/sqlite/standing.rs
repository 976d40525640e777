//! What is ready and what is running just now: read at every change, so it costs little however long the queue is.

use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;

use super::super::*;
use super::{claim, rows};

/// [`Store::ready_work`].
pub fn ready_work(db: &Connection, limit: u32) -> Result<Vec<ReadyWork>> {
    let mut statement = db.prepare_cached(
        "SELECT job_id, encoders_json, count(*) FROM (SELECT job_id, encoders_json FROM tasks \
         WHERE state = 'ready' ORDER BY priority, job_created_at, job_id, position LIMIT ?1) \
         GROUP BY job_id, encoders_json",
    )?;
    let group = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let groups: Vec<(JobId, String, u32)> = rows::collect(statement.query_map([limit], group)?)?;
    let mut counts: BTreeMap<Vec<(String, Option<String>)>, u32> = BTreeMap::new();
    for (job_id, encoders, task_count) in groups {
        let names: Vec<String> = serde_json::from_str(&encoders)
            .map_err(|error| StoreError::Corrupt(format!("a task of job {job_id}: {error}")))?;
        let pins = if names.is_empty() { claim::Pins::default() } else { claim::pins(db, &job_id)? };
        let needs = names.into_iter().map(|name| {
            let pinned = pins.get(&name).cloned();
            (name, pinned)
        });
        *counts.entry(needs.collect()).or_default() += task_count;
    }
    Ok(counts.into_iter().map(|(needs, task_count)| ReadyWork { needs, task_count }).collect())
}

/// [`Store::running`].
pub fn running(db: &Connection) -> Result<HashSet<AttemptId>> {
    let mut statement = db.prepare_cached("SELECT id FROM attempts WHERE state = 'leased'")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}
