//! Measured speeds, and what they say about a runner: rules in `domain/dispatch/speed.rs`.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{AttemptRecord, Result, RunnerId, RunnerRecord, SpeedRecord, TaskId};
use super::columns::unsigned;
use super::rows;
use crate::domain::dispatch::speed::{self, Known};
use crate::domain::outcome::Usage;
use crate::domain::{Timestamp, Work};

/// Work of a task.
pub fn work(db: &Connection, task_id: &TaskId) -> Result<Work> {
    let mut statement = db.prepare_cached("SELECT class, pixels, cost_ms FROM tasks WHERE id = ?1")?;
    Ok(statement.query_row([task_id], |row| {
        Ok(Work { class: row.get(0)?, pixels: unsigned(row, 1)?, cost_ms: unsigned(row, 2)? })
    })?)
}

/// Pixels per second that a slot of a runner is expected to do.
pub fn estimate(db: &Connection, runner: &RunnerRecord, work: &Work) -> Result<f64> {
    let mut known = Known {
        own: own(db, &runner.id, &work.class)?,
        fleet: fleet(db, &work.class)?,
        beside_fleet: None,
        ordinary: work.ordinary_speed(),
    };
    if known.own.is_none() {
        let mut statement = db.prepare_cached(
            "SELECT avg(s.pixels_per_second / f.pixels_per_second) FROM speeds s \
             JOIN fleet_speeds f ON f.class = s.class WHERE s.runner_id = ?1",
        )?;
        known.beside_fleet = statement.query_row([&runner.id], |row| row.get(0))?;
    }
    Ok(known.estimate())
}

/// The fleet's mean; none before anything of the class was done.
pub fn fleet(db: &Connection, class: &str) -> Result<Option<f64>> {
    let mut statement = db.prepare_cached("SELECT pixels_per_second FROM fleet_speeds WHERE class = ?1")?;
    Ok(statement.query_row([class], |row| row.get(0)).optional()?)
}

/// [`Store::speeds`](super::super::Store::speeds).
pub fn of(db: &Connection, runner_id: &RunnerId) -> Result<Vec<SpeedRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT class, pixels_per_second, measured_at FROM speeds WHERE runner_id = ?1 ORDER BY class",
    )?;
    let speed = |row: &rusqlite::Row<'_>| {
        let pixels_per_second = row.get::<_, f64>(1)? as u64;
        Ok(SpeedRecord { class: row.get(0)?, pixels_per_second, measured_at: row.get(2)? })
    };
    rows::collect(statement.query_map([runner_id], speed)?)
}

/// Notes what a won attempt took.
pub fn learn(db: &Connection, attempt: &AttemptRecord, usage: &Usage, now: Timestamp) -> Result<()> {
    let work = work(db, &attempt.task_id)?;
    let took_ms = speed::took_ms(usage, now.since_ms(attempt.leased_at));
    let Some(measured) = speed::measured(work.pixels, took_ms) else { return Ok(()) };
    let before = own(db, &attempt.runner_id, &work.class)?;
    note(db, &attempt.runner_id, &work.class, speed::mean(before, measured), now)?;
    let mean = speed::fleet_mean(fleet(db, &work.class)?, measured);
    db.prepare_cached(
        "INSERT INTO fleet_speeds VALUES (?1, ?2) ON CONFLICT DO UPDATE \
         SET pixels_per_second = excluded.pixels_per_second",
    )?
    .execute(params![work.class, mean])?;
    Ok(())
}

/// Notes what a runner's benchmark told, in place of what it told before.
pub fn learn_benchmark(db: &Connection, runner_id: &RunnerId, speed: f64, now: Timestamp) -> Result<()> {
    note(db, runner_id, speed::BENCHMARK, speed, now)?;
    db.prepare_cached(
        "INSERT INTO fleet_speeds SELECT class, avg(pixels_per_second) FROM speeds WHERE class = ?1 GROUP BY class \
         ON CONFLICT DO UPDATE SET pixels_per_second = excluded.pixels_per_second",
    )?
    .execute([speed::BENCHMARK])?;
    Ok(())
}

/// Notes that an attempt was outrun: its runner is at most as fast as its progress tells. Otherwise one that became
/// slow, and is outrun every time, would never be known as slow.
pub fn learn_outrun(db: &Connection, attempt: &AttemptRecord, size: u64, now: Timestamp) -> Result<()> {
    let work = work(db, &attempt.task_id)?;
    let done = u128::from(work.pixels) * u128::from(attempt.progress.min(size)) / u128::from(size.max(1));
    let done = u64::try_from(done).unwrap_or(u64::MAX).max(work.pixels / 16);
    let Some(measured) = speed::measured(done, now.since_ms(attempt.leased_at)) else { return Ok(()) };
    match own(db, &attempt.runner_id, &work.class)? {
        Some(before) if before <= measured => Ok(()),
        before => note(db, &attempt.runner_id, &work.class, speed::mean(before, measured), now),
    }
}

fn own(db: &Connection, runner_id: &RunnerId, class: &str) -> Result<Option<f64>> {
    let mut statement =
        db.prepare_cached("SELECT pixels_per_second FROM speeds WHERE runner_id = ?1 AND class = ?2")?;
    Ok(statement.query_row(params![runner_id, class], |row| row.get(0)).optional()?)
}

fn note(db: &Connection, runner_id: &RunnerId, class: &str, mean: f64, now: Timestamp) -> Result<()> {
    // A runner that was forgotten meanwhile is not remembered again.
    db.prepare_cached(
        "INSERT INTO speeds SELECT id, ?2, ?3, ?4 FROM runners WHERE id = ?1 ON CONFLICT DO UPDATE \
         SET pixels_per_second = excluded.pixels_per_second, measured_at = excluded.measured_at",
    )?
    .execute(params![runner_id, class, mean, now])?;
    Ok(())
}
