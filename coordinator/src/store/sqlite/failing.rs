//! Attempts that end without a result: the failure is noted, the retry rule judges the task's history, and
//! its verdict is carried out, all in one transaction.

use rusqlite::{Connection, params};

use super::super::*;
use super::columns::Json;
use super::transitions::{end_job, expect_one, move_task, release_pins, task_state};
use super::{leases, rebind, rows};
use crate::domain::failure::{History, judge};
use crate::domain::job::JobEvent;
use crate::domain::task::TaskEvent;
use crate::domain::{FailureClass, TaskState};

/// [`Store::fail_attempt`].
pub fn fail_attempt(
    db: &Connection,
    lease: &LeaseRef,
    failure: &Failure,
    usage: Option<&Usage>,
    now: Timestamp,
) -> Result<Option<Verdict>> {
    let standing = [AttemptState::Leased, AttemptState::Accepted];
    match leases::attempt(db, lease)?.filter(|attempt| standing.contains(&attempt.state)) {
        Some(attempt) => end_attempt(db, &attempt, failure, usage, now).map(Some),
        None => Ok(None),
    }
}

/// [`Store::expire`].
pub fn expire(db: &Connection, now: Timestamp) -> Result<Vec<AttemptId>> {
    let overdue = rows::attempts(
        db,
        "WHERE a.state = 'leased' AND a.expires_at <= ?1 ORDER BY a.expires_at, a.id",
        [now],
    )?;
    let message =
        |runner_id: &RunnerId| format!("runner {runner_id} was not heard of until its lease ran out");
    vanish(db, overdue, message, now)
}

/// Ends attempts whose runner has lost them, as expired. Answers the ids of those that it ended.
pub fn vanish(
    db: &Connection,
    attempts: Vec<AttemptRecord>,
    message: impl Fn(&RunnerId) -> String,
    now: Timestamp,
) -> Result<Vec<AttemptId>> {
    let mut ended = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        // The end of one may have failed the job, and so have ended others of the list.
        let fresh = rows::attempt_by_id(db, &attempt.id)?;
        if fresh.is_some_and(|fresh| fresh.state == AttemptState::Leased) {
            let failure = Failure { class: FailureClass::Expired, message: message(&attempt.runner_id) };
            end_attempt(db, &attempt, &failure, None, now)?;
        }
        ended.push(attempt.id);
    }
    Ok(ended)
}

/// Ends a standing attempt with a failure and carries out the verdict on its task.
pub fn end_attempt(
    db: &Connection,
    attempt: &AttemptRecord,
    failure: &Failure,
    usage: Option<&Usage>,
    now: Timestamp,
) -> Result<Verdict> {
    let changed = db
        .prepare_cached(
            "UPDATE attempts SET state = ?3, ended_at = ?4, failure_class = ?5, failure_json = ?6, \
             usage_json = coalesce(?7, usage_json) WHERE id = ?1 AND state = ?2",
        )?
        .execute(params![
            attempt.id,
            attempt.state,
            AttemptState::Failed,
            now,
            failure.class.as_str(),
            Json(failure),
            usage.map(Json)
        ])?;
    expect_one(changed)?;
    drop_result(db, attempt)?;
    if matches!(failure.class, FailureClass::Runner | FailureClass::Verify | FailureClass::Crash) {
        db.prepare_cached("UPDATE runners SET strikes = strikes + 1 WHERE id = ?1")?
            .execute([&attempt.runner_id])?;
    }
    if runs_elsewhere(db, attempt)? {
        // The other attempt goes on, whatever became of this one; if it fails too, the rule looks at both.
        return Ok(Verdict::Retry);
    }
    let verdict = judge(failure.class, history(db, &attempt.task_id)?);
    carry_out(db, &attempt.task_id, verdict, failure, now)?;
    if failure.class == FailureClass::Device && verdict != Verdict::GiveUp {
        rebind::after_device_failure(db, &attempt.task_id, now)?;
    }
    Ok(verdict)
}

/// Another attempt of the same task is still running.
fn runs_elsewhere(db: &Connection, attempt: &AttemptRecord) -> Result<bool> {
    let mut statement =
        db.prepare_cached("SELECT 1 FROM attempts WHERE task_id = ?1 AND state = 'leased'")?;
    Ok(statement.exists([&attempt.task_id])?)
}

fn drop_result(db: &Connection, attempt: &AttemptRecord) -> Result<()> {
    db.prepare_cached("UPDATE uploads SET unwanted = 1 WHERE attempt_id = ?1")?.execute([&attempt.id])?;
    db.prepare_cached("DELETE FROM results WHERE task_id = ?1")?.execute([&attempt.task_id])?;
    Ok(())
}

fn carry_out(
    db: &Connection,
    task_id: &TaskId,
    verdict: Verdict,
    failure: &Failure,
    now: Timestamp,
) -> Result<()> {
    let (job_id, _) = task_state(db, task_id)?;
    match verdict {
        Verdict::Retry | Verdict::RetryElsewhere => {
            let state = move_task(db, task_id, TaskEvent::Retried)?;
            debug_assert_eq!(state, TaskState::Ready);
            release_pins(db, &job_id)
        }
        Verdict::GiveUp => {
            move_task(db, task_id, TaskEvent::GivenUp)?;
            end_job(db, &job_id, JobEvent::GivenUp, Some(failure), now).map(|_| ())
        }
    }
}

/// The failures of a task that the retry rule looks at: those since its job was retried last.
fn history(db: &Connection, task_id: &TaskId) -> Result<History> {
    let mut statement = db.prepare_cached(
        "SELECT coalesce(sum(a.failure_class IN ('runner', 'verify', 'internal', 'crash', 'expired')), 0), \
         coalesce(sum(a.failure_class IN ('transient', 'device')), 0), coalesce(sum(a.failure_class = 'crash'), 0), \
         count(DISTINCT CASE a.failure_class WHEN 'crash' THEN a.runner_id END) \
         FROM attempts a JOIN tasks t ON t.id = a.task_id \
         WHERE a.task_id = ?1 AND a.state = 'failed' AND a.epoch > t.forgiven_epoch",
    )?;
    let history = |row: &rusqlite::Row<'_>| {
        Ok(History {
            counted: row.get(0)?,
            transient: row.get(1)?,
            crashes: row.get(2)?,
            crashed_runners: row.get(3)?,
        })
    };
    Ok(statement.query_row([task_id], history)?)
}
