//! Results: acceptance, the one moment that decides which attempt of a task wins, and sealing, which makes it
//! final.

use rusqlite::{Connection, params};

use super::super::*;
use super::columns::Json;
use super::jobs::add_task;
use super::transitions::{advance, expect_one, job_state, move_job, move_task, task_state, unblock};
use super::{leases, rows, speeds};
use crate::domain::TaskKind;
use crate::domain::job::JobEvent;
use crate::domain::task::TaskEvent;
use crate::domain::work;

/// [`Store::accept`].
pub fn accept(
    db: &Connection,
    lease: &LeaseRef,
    result: &AcceptedResult,
    now: Timestamp,
) -> Result<Acceptance> {
    let Some(attempt) = leases::attempt(db, lease)? else { return Ok(Acceptance::Stale) };
    let (job_id, _) = task_state(db, &attempt.task_id)?;
    let state = job_state(db, &job_id)?;
    match attempt.state {
        AttemptState::Leased if !state.is_over() => win(db, &attempt, result, now),
        AttemptState::Accepted => Ok(Acceptance::Repeated { sealed: false }),
        AttemptState::Sealed if state != JobState::Cancelled => Ok(Acceptance::Repeated { sealed: true }),
        _ => Ok(Acceptance::Stale),
    }
}

/// [`Store::sealing`].
pub fn sealing(db: &Connection) -> Result<Vec<SealingAttempt>> {
    let accepted = rows::attempts(db, "WHERE a.state = 'accepted' ORDER BY a.id", [])?;
    let with_uploads = |attempt: AttemptRecord| {
        let uploads = uploads(db, &attempt.id)?;
        let task = rows::task_by_id(db, &attempt.task_id)?;
        Ok(SealingAttempt { claimed: ClaimedTask { attempt, task }, uploads })
    };
    accepted.into_iter().map(with_uploads).collect()
}

/// [`Store::seal`].
pub fn seal(
    db: &Connection,
    attempt_id: &AttemptId,
    plan: Option<&NewPlan>,
    now: Timestamp,
) -> Result<JobState> {
    let attempt = rows::attempt_by_id(db, attempt_id)?;
    let attempt = attempt.ok_or_else(|| StoreError::Illegal(format!("there is no attempt {attempt_id}")))?;
    let task = rows::task_by_id(db, &attempt.task_id)?;
    match attempt.state {
        AttemptState::Accepted => {}
        AttemptState::Sealed | AttemptState::Cancelled => return job_state(db, &task.job_id),
        AttemptState::Leased | AttemptState::Failed | AttemptState::Outrun => {
            return Err(StoreError::Illegal(format!("attempt {attempt_id} was not accepted")));
        }
    }
    move_task(db, &task.id, TaskEvent::Sealed)?;
    db.prepare_cached("UPDATE tasks SET done_at = ?2 WHERE id = ?1")?.execute(params![task.id, now])?;
    let changed = db
        .prepare_cached("UPDATE attempts SET state = ?2, ended_at = ?3 WHERE id = ?1 AND state = 'accepted'")?
        .execute(params![attempt.id, AttemptState::Sealed, now])?;
    expect_one(changed)?;
    match (task.kind, plan) {
        (TaskKind::Probe, Some(plan)) => add_plan(db, &task.job_id, plan, now)?,
        (TaskKind::Probe, None) => {
            return Err(StoreError::Illegal("a probe is sealed with a plan".to_owned()));
        }
        (_, Some(_)) => return Err(StoreError::Illegal("only a probe brings a plan".to_owned())),
        (_, None) => unblock(db, &task.job_id, Some(&task.id), now)?,
    }
    advance(db, &task.job_id)
}

/// [`Store::add_uploads`].
pub fn add_uploads(db: &Connection, attempt_id: &AttemptId, uploads: &[UploadRecord]) -> Result<()> {
    let attempt = rows::attempt_by_id(db, attempt_id)?;
    let attempt = attempt.ok_or_else(|| StoreError::Illegal(format!("there is no attempt {attempt_id}")))?;
    let over = matches!(attempt.state, AttemptState::Failed | AttemptState::Cancelled | AttemptState::Outrun);
    let mut statement = db.prepare_cached(
        "INSERT INTO uploads (attempt_id, output_index, object, upload_id, scratch, unwanted) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    for upload in uploads {
        let UploadRecord { output_index: index, object, upload_id, scratch, .. } = upload;
        if statement.execute(params![attempt_id, index, object, upload_id, scratch, over])? == 0 {
            return Err(StoreError::Illegal(format!("output {index} of {attempt_id} has an upload already")));
        }
    }
    Ok(())
}

/// [`Store::uploads`].
pub fn uploads(db: &Connection, attempt_id: &AttemptId) -> Result<Vec<UploadRecord>> {
    rows::uploads(db, "WHERE u.attempt_id = ?1 ORDER BY u.output_index", [attempt_id])
}

fn win(
    db: &Connection,
    attempt: &AttemptRecord,
    result: &AcceptedResult,
    now: Timestamp,
) -> Result<Acceptance> {
    move_task(db, &attempt.task_id, TaskEvent::Accepted)?;
    outrun(db, attempt, now)?;
    speeds::learn(db, attempt, &result.usage, now)?;
    let changed = db
        .prepare_cached(
            "UPDATE attempts SET state = ?2, usage_json = ?3, ended_at = ?4 \
             WHERE id = ?1 AND state = 'leased'",
        )?
        .execute(params![attempt.id, AttemptState::Accepted, Json(&result.usage), now])?;
    expect_one(changed)?;
    db.prepare_cached("UPDATE uploads SET accepted = 1 WHERE attempt_id = ?1")?.execute([&attempt.id])?;
    db.prepare_cached("INSERT INTO results VALUES (?1, ?2, ?3)")?.execute(params![
        attempt.task_id,
        Json(&result.outcome),
        Json(&result.objects)
    ])?;
    Ok(Acceptance::Accepted)
}

/// Ends the other attempt of a task that is being won; its uploads are garbage, and its runner is told to stop.
fn outrun(db: &Connection, winner: &AttemptRecord, now: Timestamp) -> Result<()> {
    let others = rows::attempts(
        db,
        "WHERE a.task_id = ?1 AND a.id <> ?2 AND a.state = 'leased'",
        params![winner.task_id, winner.id],
    )?;
    for other in others {
        let size = rows::task_by_id(db, &other.task_id)?.size;
        speeds::learn_outrun(db, &other, size, now)?;
        db.prepare_cached("UPDATE uploads SET unwanted = 1 WHERE attempt_id = ?1")?.execute([&other.id])?;
        let changed = db
            .prepare_cached(
                "UPDATE attempts SET state = ?2, ended_at = ?3 WHERE id = ?1 AND state = 'leased'",
            )?
            .execute(params![other.id, AttemptState::Outrun, now])?;
        expect_one(changed)?;
    }
    Ok(())
}

fn add_plan(db: &Connection, job_id: &JobId, new: &NewPlan, now: Timestamp) -> Result<()> {
    move_job(db, job_id, JobEvent::Planned)?;
    db.prepare_cached("INSERT INTO plans VALUES (?1, ?2)")?.execute(params![job_id, Json(&new.plan)])?;
    let mut depend = db.prepare_cached("INSERT INTO task_dependencies VALUES (?1, ?2)")?;
    // From here on it is known what is left.
    db.prepare_cached("UPDATE job_loads SET left_ms = 0 WHERE job_id = ?1")?.execute([job_id])?;
    let planned: Vec<_> = new.tasks.iter().map(|(_, task)| task.clone()).collect();
    let ranks = work::ranks(&planned, new.plan.early);
    // The probe has position 0.
    for ((position, (task_id, task)), place) in new.tasks.iter().enumerate().zip(1..) {
        add_task(db, job_id, (place, ranks[position]), task_id, task)?;
        for &needed in &task.depends_on {
            if needed >= position {
                return Err(StoreError::Illegal(format!("task {position} of the plan waits for {needed}")));
            }
            depend.execute(params![task_id, new.tasks[needed].0])?;
        }
    }
    unblock(db, job_id, None, now)
}
