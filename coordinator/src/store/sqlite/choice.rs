//! The choice of a task for a runner: the queue's jobs in their order, the tasks of a job by rank, unless the task is
//! better left for a faster runner; when nothing is ready, a second attempt of a task that takes too long.

use rusqlite::{Connection, Row, params};

use super::super::*;
use super::columns::unsigned;
use super::faster::Faster;
use super::line::{Line, Needs, Place};
use super::{copies, fitness, speeds};
use crate::domain::choice::Room;
use crate::domain::dispatch::Policy;
use crate::domain::work::milliseconds;
use crate::domain::{TaskId, Work};

/// Tasks of one job that are compared for what the runner has read of their source already.
const COMPARED: usize = 8;

/// Jobs that a runner leaves alone, or may not work on, before it is content with nothing: it asks again soon.
const JOBS_LOOKED_AT: usize = 64;

/// Tasks of one job that are looked at.
const TASKS_LOOKED_AT: usize = 256;

/// Tasks of one job that a slow runner looks at for one that is small enough.
const TASKS_WEIGHED: usize = 1024;

/// Tasks that one claim notes as left for faster runners.
const TASKS_NOTED: usize = 32;

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
    pub(super) room: &'a Room,
    pub(super) live_ms: i64,
    pub(super) now: Timestamp,
}

/// The best task that the runner may have.
pub(super) fn choose(asking: &Asking<'_>, policy: &Policy) -> Result<Choice> {
    let mut line = Line::of(asking.db, |needs| asking.has_room(needs))?;
    let mut left = Vec::new();
    for _ in 0..JOBS_LOOKED_AT {
        let Some(place) = line.next()? else { break };
        if let Some(wanted) = asking.within(&place, policy, &mut left)? {
            return Ok(Choice { wanted: Some(wanted), left: vec![] });
        }
    }
    // A copy is for a slot that has nothing else to do.
    let may_copy = policy.duplicate_stragglers && !asking.room.is_for_joins();
    let wanted = if may_copy { copies::choose(asking)? } else { None };
    Ok(Choice { wanted, left })
}

impl Asking<'_> {
    /// The runner can do what is needed, and has room for it.
    pub(super) fn has_room(&self, needs: &Needs) -> bool {
        self.room.takes(&self.runner.capabilities, needs).is_some()
    }

    /// The best task of one job. What takes longest is for the fast: a slower runner gets the first one, from the longest
    /// to the shortest, that no faster one would end sooner.
    fn within(&self, place: &Place, policy: &Policy, left: &mut Vec<TaskId>) -> Result<Option<Wanted>> {
        let Some(best) = self.best(place)? else { return Ok(None) };
        let speed = speeds::estimate(self.db, self.runner, &best.work)?;
        let faster = match policy.earliest_finish {
            true => {
                let encoders = encoders(&place.encoders_json)?;
                Faster::than(self, &place.job_id, (&encoders, &best.work, speed), None)?
            }
            false => None,
        };
        let Some(faster) = faster else { return self.wanted(place, best).map(Some) };
        if !self.leaves(&faster, &best, 0) {
            return self.wanted(place, best).map(Some);
        }
        self.not_left(place, &faster, left)?.map(|task| self.wanted(place, task)).transpose()
    }

    /// The longest task that is not left for faster runners. What they would have to do first is what goes before it.
    fn not_left(&self, place: &Place, faster: &Faster, left: &mut Vec<TaskId>) -> Result<Option<Ready>> {
        let mut statement = self.db.prepare_cached(&format!("{READY} ORDER BY rank DESC, position"))?;
        let found = statement.query_map(params![place.job_id, place.encoders_json], ready)?;
        let mut before = 0_u64;
        for task in found.take(TASKS_WEIGHED) {
            let task = task?;
            if !self.leaves(faster, &task, before) {
                if self.may_have(place, &task)? {
                    return Ok(Some(task));
                }
            } else if task.left_since.is_none() && left.len() < TASKS_NOTED {
                left.push(task.task_id);
            }
            before = before.saturating_add(task.work.pixels);
        }
        Ok(None)
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

    /// Whether a task is left for a faster runner.
    fn leaves(&self, faster: &Faster, task: &Ready, before: u64) -> bool {
        let left_for_ms = task.left_since.map_or(0, |since| self.now.since_ms(since));
        faster.end_sooner(task.work.pixels, before, left_for_ms)
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
