//! The choice of a task for a runner: the queue's jobs in their order, the tasks of a job by rank, unless the task is
//! better left for a faster runner; when nothing is ready, a second attempt of a task that takes too long.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::*;
use super::columns::unsigned;
use super::line::{Line, Place};
use super::{copies, faster, fitness, speeds};
use crate::domain::dispatch::{Policy, patience};
use crate::domain::work::milliseconds;
use crate::domain::{TaskId, Work};

/// Tasks of one job that are compared for what the runner has read of their source already.
const COMPARED: usize = 8;

/// Jobs that a runner leaves alone, or may not work on, before it is content with nothing: it asks again soon.
const JOBS_LOOKED_AT: usize = 64;

/// Tasks of one job that are looked at.
const TASKS_LOOKED_AT: usize = 256;

/// What a runner is to get.
pub struct Choice {
    /// The task; none: nothing for it now.
    pub wanted: Option<Wanted>,
    /// Tasks that are left for a faster runner, for the first time.
    pub left: Vec<TaskId>,
}

/// A task that is about to be leased.
pub struct Wanted {
    /// Which.
    pub task_id: TaskId,
    /// Of which job.
    pub job_id: JobId,
    /// Encoders that it needs.
    pub encoders: Vec<String>,
    /// On an ordinary slot.
    pub cost_ms: u64,
    /// On this runner.
    pub expected_ms: u64,
    /// Another runner is at it already.
    pub is_copy: bool,
}

/// A ready task.
pub(super) struct Ready {
    pub(super) task_id: TaskId,
    position: i64,
    rank: u64,
    tried: bool,
    pub(super) work: Work,
    left_since: Option<Timestamp>,
}

/// The runner that asks, and by which rules.
pub(super) struct Asking<'a> {
    pub(super) db: &'a Connection,
    pub(super) runner: &'a RunnerRecord,
    pub(super) live_ms: i64,
    pub(super) now: Timestamp,
}

/// The best task that the runner may have.
pub fn choose(
    db: &Connection,
    runner: &RunnerRecord,
    policy: &Policy,
    live_ms: i64,
    now: Timestamp,
) -> Result<Choice> {
    let asking = Asking { db, runner, live_ms, now };
    let mut line = Line::for_machine(db, &runner.capabilities)?;
    let mut left = Vec::new();
    for _ in 0..JOBS_LOOKED_AT {
        let Some(place) = line.next()? else { break };
        if let Some(wanted) = asking.within(&place, policy, &mut left)? {
            return Ok(Choice { wanted: Some(wanted), left: vec![] });
        }
    }
    let wanted = if policy.duplicate_stragglers { copies::choose(&asking)? } else { None };
    Ok(Choice { wanted, left })
}

impl Asking<'_> {
    /// The best task of one job.
    fn within(&self, place: &Place, policy: &Policy, left: &mut Vec<TaskId>) -> Result<Option<Wanted>> {
        let Some(best) = self.best(place)? else { return Ok(None) };
        if !policy.earliest_finish || !self.leaves(place, &best, left)? {
            return self.wanted(place, best).map(Some);
        }
        // What takes longest is for the fast; the shortest may still be for me.
        match self.shortest(place)? {
            Some(short) if short.task_id != best.task_id && !self.leaves(place, &short, left)? => {
                self.wanted(place, short).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The first by rank that the runner may have; among those that are worth as much, one whose neighbour it has had:
    /// what lies between two chunks in the source has been read then.
    fn best(&self, place: &Place) -> Result<Option<Ready>> {
        let mut statement = self.db.prepare_cached(&format!("{READY} ORDER BY rank DESC, position"))?;
        let mut alike: Vec<Ready> = Vec::new();
        let found = statement.query_map(params![place.job_id, place.encoders_json], ready)?;
        for task in found.take(TASKS_LOOKED_AT) {
            let task = task?;
            let is_alike = alike.first().is_none_or(|first| task.rank >= first.rank / 8 * 7);
            if !is_alike || alike.len() >= COMPARED {
                break;
            }
            if self.may_have(place, &task)? {
                alike.push(task);
            }
        }
        if alike.len() > 1 {
            for at in 0..alike.len() {
                if self.had_neighbour(place, alike[at].position)? {
                    return Ok(Some(alike.swap_remove(at)));
                }
            }
        }
        Ok(alike.into_iter().next())
    }

    fn shortest(&self, place: &Place) -> Result<Option<Ready>> {
        let mut statement =
            self.db.prepare_cached(&format!("{READY} ORDER BY rank, position DESC LIMIT 1"))?;
        let found = statement.query_row(params![place.job_id, place.encoders_json], ready).optional()?;
        match found {
            Some(task) if self.may_have(place, &task)? => Ok(Some(task)),
            _ => Ok(None),
        }
    }

    fn may_have(&self, place: &Place, task: &Ready) -> Result<bool> {
        Ok(!task.tried
            || fitness::fit_to_try_again(self, &place.job_id, &place.encoders_json, &task.task_id)?)
    }

    fn had_neighbour(&self, place: &Place, position: i64) -> Result<bool> {
        let mut statement = self.db.prepare_cached(
            "SELECT 1 FROM tasks t JOIN attempts a ON a.task_id = t.id WHERE t.job_id = ?1 \
             AND t.position IN (?2 - 1, ?2 + 1) AND a.runner_id = ?3",
        )?;
        Ok(statement.exists(params![place.job_id, position, self.runner.id])?)
    }

    /// Whether a task is left for a faster runner; pushes it onto `left` when that is to be noted.
    fn leaves(&self, place: &Place, task: &Ready, left: &mut Vec<TaskId>) -> Result<bool> {
        let speed = speeds::estimate(self.db, self.runner, &task.work)?;
        let mine_ms = milliseconds(task.work.pixels, speed);
        let left_for_ms = task.left_since.map_or(0, |since| self.now.since_ms(since));
        if left_for_ms >= patience::longest_ms(mine_ms) {
            return Ok(false);
        }
        let encoders = encoders(&place.encoders_json)?;
        if !faster::end_sooner(self, &place.job_id, &encoders, &task.work, speed)? {
            return Ok(false);
        }
        if task.left_since.is_none() {
            left.push(task.task_id.clone());
        }
        Ok(true)
    }

    fn wanted(&self, place: &Place, task: Ready) -> Result<Wanted> {
        let speed = speeds::estimate(self.db, self.runner, &task.work)?;
        Ok(Wanted {
            task_id: task.task_id,
            job_id: place.job_id.clone(),
            encoders: encoders(&place.encoders_json)?,
            cost_ms: task.work.cost_ms,
            expected_ms: milliseconds(task.work.pixels, speed),
            is_copy: false,
        })
    }
}

const READY: &str = "SELECT id, position, rank, epoch > 0, class, pixels, cost_ms, left_since FROM tasks \
    WHERE state = 'ready' AND job_id = ?1 AND encoders_json = ?2";

fn ready(row: &Row<'_>) -> rusqlite::Result<Ready> {
    Ok(Ready {
        task_id: row.get(0)?,
        position: row.get(1)?,
        rank: unsigned(row, 2)?,
        tried: row.get(3)?,
        work: Work { class: row.get(4)?, pixels: unsigned(row, 5)?, cost_ms: unsigned(row, 6)? },
        left_since: row.get(7)?,
    })
}

/// The words of a task's column.
pub(super) fn encoders(encoders_json: &str) -> Result<Vec<String>> {
    serde_json::from_str(encoders_json)
        .map_err(|error| StoreError::Corrupt(format!("encoders {encoders_json}: {error}")))
}
