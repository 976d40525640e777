//! Second attempts of tasks that take too long; see `domain/dispatch/copies.rs`.

use rusqlite::{Row, params};

use super::super::*;
use super::choice::{Asking, Wanted, encoders};
use super::columns::unsigned;
use super::faster::Faster;
use super::{fitness, rows, speeds};
use crate::domain::Work;
use crate::domain::dispatch::copies::{gain_ms, left_ms};
use crate::domain::dispatch::patience::IDLE_MS;
use crate::domain::work::milliseconds;

/// Running attempts that are looked at: those that end last, and as many that should have ended longest ago.
const LOOKED_AT: u32 = 32;

/// An attempt that a copy could overtake.
struct Straggler {
    runner_id: RunnerId,
    task_id: TaskId,
    job_id: JobId,
    encoders_json: String,
    work: Work,
    ends_at: Timestamp,
}

/// The task that a copy on this runner gains most for.
pub fn choose(asking: &Asking<'_>) -> Result<Option<Wanted>> {
    let mut best: Option<(u64, Wanted)> = None;
    let mut speeds_of: HashMap<String, Option<f64>> = HashMap::new();
    for one in running(asking)? {
        let speed = match speeds_of.get(&one.work.class) {
            Some(speed) => *speed,
            None => *speeds_of.entry(one.work.class.clone()).or_insert(speed(asking, &one.work)?),
        };
        let Some(speed) = speed else { continue };
        let expected_ms = milliseconds(one.work.pixels, speed);
        let gain = gain_ms(left_ms(one.ends_at, asking.now), expected_ms);
        let Some(gain) = gain.filter(|gain| best.as_ref().is_none_or(|(most, _)| gain > most)) else {
            continue;
        };
        let encoders = encoders(&one.encoders_json)?;
        if !is_fit(asking, &one, &encoders)? || is_for_faster(asking, &one, &encoders, speed)? {
            continue;
        }
        let Straggler { task_id, job_id, work, .. } = one;
        let cost_ms = work.cost_ms;
        best = Some((gain, Wanted { task_id, job_id, encoders, cost_ms, expected_ms, is_copy: true }));
    }
    Ok(best.map(|(_, wanted)| wanted))
}

/// None while nobody has done a task of the class: then nobody knows whether one takes too long.
fn speed(asking: &Asking<'_>, work: &Work) -> Result<Option<f64>> {
    match speeds::fleet(asking.db, &work.class)? {
        Some(_) => speeds::estimate(asking.db, asking.runner, work).map(Some),
        None => Ok(None),
    }
}

/// The slot is another machine's, it can do the task, and nothing speaks against it.
fn is_fit(asking: &Asking<'_>, one: &Straggler, encoders: &[String]) -> Result<bool> {
    let needs = fitness::needs(asking.db, &one.job_id, encoders)?;
    Ok(asking.has_room(&needs)
        && !fitness::failed_on(asking.db, &one.task_id)?.contains(&asking.runner.id)
        && !fitness::is_in_the_way(asking.db, &one.task_id)?)
}

/// A faster slot that is busy now, of a runner other than the straggler's, would end a copy sooner. One that is idle would have taken it.
fn is_for_faster(asking: &Asking<'_>, one: &Straggler, encoders: &[String], speed: f64) -> Result<bool> {
    let faster = Faster::than(asking, &one.job_id, (encoders, &one.work, speed), Some(&one.runner_id))?;
    Ok(faster.is_some_and(|faster| faster.end_sooner(one.work.pixels, 0, IDLE_MS)))
}

/// Tasks with one running attempt, on another runner.
fn running(asking: &Asking<'_>) -> Result<Vec<Straggler>> {
    let mut statement = asking.db.prepare_cached(
        "SELECT t.id, t.job_id, t.encoders_json, t.class, t.pixels, t.cost_ms, a.ends_at, a.runner_id FROM \
         (SELECT * FROM (SELECT id, task_id, runner_id, ends_at FROM attempts WHERE state = 'leased' \
         ORDER BY ends_at DESC LIMIT ?2) UNION SELECT * FROM (SELECT id, task_id, runner_id, ends_at FROM \
         attempts WHERE state = 'leased' ORDER BY ends_at LIMIT ?2)) a JOIN tasks t ON t.id = a.task_id \
         WHERE a.runner_id <> ?1 AND NOT EXISTS (SELECT 1 FROM attempts o WHERE o.task_id = t.id \
         AND o.id <> a.id AND o.state = 'leased')",
    )?;
    let straggler = |row: &Row<'_>| {
        Ok(Straggler {
            task_id: row.get(0)?,
            job_id: row.get(1)?,
            encoders_json: row.get(2)?,
            work: Work { class: row.get(3)?, pixels: unsigned(row, 4)?, cost_ms: unsigned(row, 5)? },
            ends_at: row.get(6)?,
            runner_id: row.get(7)?,
        })
    };
    rows::collect(statement.query_map(params![asking.runner.id, LOOKED_AT], straggler)?)
}
