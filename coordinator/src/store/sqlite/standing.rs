//! What is ready and what is running just now: read at every change, so it costs little however long the queue is.

use std::collections::{BTreeMap, HashSet};

use rusqlite::Connection;

use super::super::*;
use super::rows;

/// [`Store::ready_work`]. Each kind of need is found by one step in the index, and no more of its rows are read than asked
/// for.
pub fn ready_work(db: &Connection, limit: u32) -> Result<Vec<ReadyWork>> {
    let mut statement = db.prepare_cached(
        "WITH RECURSIVE kinds (needs) AS (SELECT min(needs_json) FROM queue UNION ALL \
         SELECT (SELECT min(needs_json) FROM queue WHERE needs_json > needs) FROM kinds WHERE needs IS NOT NULL) \
         SELECT needs, (SELECT sum(ready_count) FROM (SELECT ready_count FROM queue WHERE needs_json = needs LIMIT ?1)) \
         FROM kinds WHERE needs IS NOT NULL",
    )?;
    let kind = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let kinds: Vec<(String, u32)> = rows::collect(statement.query_map([limit], kind)?)?;
    let read = |(needs_json, task_count): (String, u32)| {
        let needs: BTreeMap<String, Option<String>> = serde_json::from_str(&needs_json)
            .map_err(|error| StoreError::Corrupt(format!("needs {needs_json}: {error}")))?;
        Ok(ReadyWork { needs: needs.into_iter().collect(), task_count: task_count.min(limit) })
    };
    kinds.into_iter().map(read).collect()
}

/// [`Store::running`].
pub fn running(db: &Connection) -> Result<HashSet<AttemptId>> {
    let mut statement = db.prepare_cached("SELECT id FROM attempts WHERE state = 'leased'")?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}
