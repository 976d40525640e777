//! Other runners, as far as a slow one must know them before it leaves a task to faster ones. Read only near the end of the
//! queue, and never more than a few.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::choice::Asking;
use super::columns::{Json, unsigned};
use super::line::meets;
use super::{fitness, rows};
use crate::domain::Work;
use crate::domain::dispatch::copies::left_ms;
use crate::domain::dispatch::patience::{self, Slot};
use crate::domain::dispatch::speed::BENCHMARK;
use crate::domain::work::milliseconds;

/// With ready tasks of more jobs than this, everybody works.
const JOBS_AT_THE_END: u32 = 64;

/// Runners that are looked at, the fastest first.
const FASTEST: u32 = 64;

/// A runner that is relied on must have been heard of within so many milliseconds: two beats of an idle one, which the store
/// hears every 20 seconds.
const RELIED_ON_MS: i64 = 45_000;

/// What stands between the asking runner and the others, read once for all tasks that it looks at.
pub struct Faster {
    /// Of runners that could do the job's tasks.
    slots: Vec<Slot>,
    /// Pixels that are ready in other jobs.
    elsewhere: u64,
    /// Pixels per second of the asking runner.
    speed: f64,
    /// For how long a task counts as left already. A runner that was never measured does not wait for idle ones: they would
    /// have taken the task, and it must begin with something.
    left_ms: u64,
}

impl Faster {
    /// The faster runners but `not` this one for tasks like `work`; none: nobody is faster, or there is so much to do that everybody works.
    pub fn than(
        asking: &Asking<'_>,
        job_id: &JobId,
        (encoders, work, speed): (&[String], &Work, f64),
        not: Option<&RunnerId>,
    ) -> Result<Option<Self>> {
        let Some(yardstick) = yardstick(asking, work, speed)? else { return Ok(None) };
        let Some(elsewhere_ms) = ready_elsewhere_ms(asking.db, job_id)? else { return Ok(None) };
        let slots = slots(asking, job_id, encoders, &yardstick, not)?;
        let elsewhere = (elsewhere_ms as f64 * work.ordinary_speed() / 1000.0) as u64;
        let left_ms = if yardstick.is_measured { 0 } else { patience::IDLE_MS };
        Ok((!slots.is_empty()).then_some(Self { slots, elsewhere, speed, left_ms }))
    }

    /// Whether they will have ended what goes before a task, and the task too, before the asking runner would have ended
    /// it. `before` are the pixels of the job's tasks that go before; the task has been left for so long already.
    pub fn end_sooner(&self, pixels: u64, before: u64, left_for_ms: u64) -> bool {
        let mine_ms = milliseconds(pixels, self.speed);
        let queue = self.elsewhere.saturating_add(before).saturating_add(pixels);
        patience::leave(
            pixels,
            mine_ms,
            queue,
            &patience::relied_on(&self.slots, left_for_ms.max(self.left_ms)),
        )
    }
}

/// The class of work by which runners are compared. That of the task, or where the asking runner has not been measured at
/// it, its benchmark, or the one that it was measured at last: sound is done by few.
struct Yardstick {
    class: String,
    /// The asking runner's speed at the task, in that of the class.
    scale: f64,
    /// Something was measured of it.
    is_measured: bool,
}

/// None when nobody is faster.
fn yardstick(asking: &Asking<'_>, work: &Work, speed: f64) -> Result<Option<Yardstick>> {
    let db = asking.db;
    let measured: Option<(String, f64)> = db
        .prepare_cached(
            "SELECT class, pixels_per_second FROM speeds WHERE runner_id = ?1 \
             ORDER BY class = ?2 DESC, class = ?3 DESC, measured_at DESC LIMIT 1",
        )?
        .query_row(params![asking.runner.id, work.class, BENCHMARK], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let is_measured = measured.is_some();
    let (class, own) = measured.unwrap_or_else(|| (work.class.clone(), speed));
    let fastest = db
        .prepare_cached("SELECT coalesce(max(pixels_per_second), 0.0) FROM speeds WHERE class = ?1")?
        .query_row([&class], |row| row.get::<_, f64>(0))?;
    let is_slower = fastest > own * patience::FASTER;
    Ok(is_slower.then_some(Yardstick { class, scale: speed / own.max(1.0), is_measured }))
}

/// All that is ready in other jobs, milliseconds of an ordinary slot; none: more than can be looked at.
fn ready_elsewhere_ms(db: &Connection, job_id: &JobId) -> Result<Option<u64>> {
    let mut statement = db.prepare_cached(
        "SELECT count(*), coalesce(sum(CASE WHEN job_id = ?2 THEN 0 ELSE ready_ms END), 0) \
         FROM (SELECT job_id, ready_ms FROM queue LIMIT ?1 + 1)",
    )?;
    let parameters = params![JOBS_AT_THE_END, job_id];
    let (count, sum) =
        statement.query_row(parameters, |row| Ok((row.get::<_, u32>(0)?, unsigned(row, 1)?)))?;
    Ok((count <= JOBS_AT_THE_END).then_some(sum))
}

fn slots(
    asking: &Asking<'_>,
    job_id: &JobId,
    encoders: &[String],
    yardstick: &Yardstick,
    not: Option<&RunnerId>,
) -> Result<Vec<Slot>> {
    let db = asking.db;
    let needs = fitness::needs(db, job_id, encoders)?;
    let mut statement = db.prepare_cached(
        "SELECT r.id, r.capabilities_json, s.pixels_per_second FROM speeds s JOIN runners r ON r.id = s.runner_id \
         WHERE s.class = ?1 AND r.draining = 0 AND r.last_seen_at >= ?2 ORDER BY s.pixels_per_second DESC LIMIT ?3",
    )?;
    let seen_since = asking.now.plus_ms(-asking.live_ms.min(RELIED_ON_MS));
    let other = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Json<_>>(1)?.0, row.get(2)?));
    let parameters = params![yardstick.class, seen_since, FASTEST];
    let found: Vec<(RunnerId, Capabilities, f64)> = rows::collect(statement.query_map(parameters, other)?)?;
    let mut slots = Vec::new();
    for (runner_id, capabilities, speed) in found {
        let is_other = runner_id != asking.runner.id && Some(&runner_id) != not;
        if is_other && meets(&capabilities, &needs) {
            let busy = busy_ms(db, &runner_id, asking.now)?;
            let idle = (capabilities.slots.max(1) as usize).saturating_sub(busy.len());
            let free_in = busy.into_iter().chain(std::iter::repeat_n(0, idle));
            slots.extend(free_in.map(|free_in_ms| Slot { free_in_ms, speed: speed * yardstick.scale }));
        }
    }
    Ok(slots)
}

/// What each attempt of a runner still takes.
fn busy_ms(db: &Connection, runner_id: &RunnerId, now: Timestamp) -> Result<Vec<u64>> {
    let mut statement =
        db.prepare_cached("SELECT ends_at FROM attempts WHERE runner_id = ?1 AND state = 'leased'")?;
    let left = statement.query_map([runner_id], |row| Ok(left_ms(row.get(0)?, now)))?;
    rows::collect(left)
}
