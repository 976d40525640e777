//! Tasks that the coordinator does itself: it leases them as a runner does, so that all rules of attempts, uploads and
//! objects at the destination hold for it too.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::failing::end_attempt;
use super::rows;
use super::transitions::move_task;
use crate::domain::FailureClass;
use crate::domain::choice::JOIN;
use crate::domain::task::{COORDINATOR, TaskEvent};

/// [`Store::joinable`].
pub fn joinable(db: &Connection, limit: u32) -> Result<Vec<TaskRecord>> {
    // Word for word the condition of the index `tasks_to_join`; and nothing of an earlier attempt is in the way.
    let mut statement = db.prepare_cached(
        "SELECT id FROM tasks t WHERE state = 'ready' AND encoders_json = '[\"object-copy\"]' AND NOT EXISTS \
         (SELECT 1 FROM attempts a JOIN uploads u ON u.attempt_id = a.id WHERE a.task_id = t.id \
         AND u.accepted = 1 AND u.scratch = 0 AND u.unwanted = 1) ORDER BY job_id, position LIMIT ?1",
    )?;
    let ids: Vec<TaskId> = rows::collect(statement.query_map([limit], |row| row.get(0))?)?;
    ids.iter().map(|id| rows::task_by_id(db, id)).collect()
}

/// [`Store::lease_to_self`].
pub fn lease_to_self(
    db: &Connection,
    task_id: &TaskId,
    (attempt_id, token): (&AttemptId, &Token),
    lease_ms: i64,
    now: Timestamp,
) -> Result<Option<ClaimedTask>> {
    let ready = "UPDATE tasks SET epoch = epoch + 1 WHERE id = ?1 AND state = 'ready' RETURNING epoch";
    let epoch: Option<i64> = db.prepare_cached(ready)?.query_row([task_id], |row| row.get(0)).optional()?;
    let Some(epoch) = epoch else { return Ok(None) };
    move_task(db, task_id, TaskEvent::Leased)?;
    db.prepare_cached(
        "INSERT INTO attempts (id, task_id, runner_id, session_id, token, epoch, state, leased_at, \
         expires_at) VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        attempt_id,
        task_id,
        COORDINATOR,
        token,
        epoch,
        AttemptState::Leased,
        now,
        now.plus_ms(lease_ms)
    ])?;
    let attempt = rows::attempt_by_id(db, attempt_id)?;
    let attempt = attempt.ok_or_else(|| StoreError::Corrupt(format!("attempt {attempt_id} is missing")))?;
    Ok(Some(ClaimedTask { attempt, task: rows::task_by_id(db, task_id)? }))
}

/// [`Store::leave_to_runners`].
pub fn leave_to_runners(db: &Connection, task_id: &TaskId) -> Result<()> {
    db.prepare_cached("UPDATE tasks SET encoders_json = ?2 WHERE id = ?1 AND state IN ('ready', 'leased')")?
        .execute(params![task_id, serde_json::json!([JOIN]).to_string()])?;
    Ok(())
}

/// [`Store::end_own_attempts`].
pub fn end_own_attempts(db: &Connection, now: Timestamp) -> Result<()> {
    let own =
        rows::attempts(db, "WHERE a.state = 'leased' AND a.runner_id = ?1 ORDER BY a.id", [COORDINATOR])?;
    let message = "the coordinator was restarted meanwhile".to_owned();
    let failure = Failure { class: FailureClass::Returned, message };
    for attempt in own {
        end_attempt(db, &attempt, &failure, None, now)?;
    }
    Ok(())
}
