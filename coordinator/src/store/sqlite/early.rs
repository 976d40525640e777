//! Jobs that are shown while they are being encoded.

use rusqlite::{Connection, params};

use super::super::*;
use super::rows;

/// [`Store::shown_early`].
pub fn shown_early(db: &Connection) -> Result<Vec<JobRecord>> {
    // Of a job that was retried, what an earlier round has shown must be gone before any of it is shown again.
    rows::jobs(
        db,
        "WHERE progressive_publish = 1 AND state = 'running' AND NOT EXISTS (SELECT 1 FROM tasks t \
         JOIN attempts a ON a.task_id = t.id JOIN uploads u ON u.attempt_id = a.id WHERE t.job_id = jobs.id \
         AND u.accepted = 1 AND u.scratch = 0 AND u.unwanted = 1) ORDER BY created_at, id",
        [],
    )
}

/// [`Store::keep_early_until`].
pub fn keep_early_until(db: &Connection, job_id: &JobId, until: Timestamp) -> Result<()> {
    db.prepare_cached("UPDATE jobs SET early_until = coalesce(early_until, ?2) WHERE id = ?1")?
        .execute(params![job_id, until])?;
    Ok(())
}

/// [`Store::drop_early`].
pub fn drop_early(db: &Connection, now: Timestamp) -> Result<u64> {
    let due = "state = 'published' AND early_until <= ?1";
    let dropped = db
        .prepare_cached(&format!(
            "UPDATE uploads SET unwanted = 1 WHERE scratch = 0 AND attempt_id IN (SELECT a.id FROM jobs j \
             JOIN tasks t ON t.job_id = j.id JOIN attempts a ON a.task_id = t.id WHERE j.{due} \
             AND json_extract(t.kind_json, '$.kind') IN ('encode_chunk', 'encode_audio', 'encode_audio_head'))"
        ))?
        .execute([now])?;
    db.prepare_cached(&format!("UPDATE jobs SET early_until = NULL WHERE {due}"))?.execute([now])?;
    Ok(dropped as u64)
}
