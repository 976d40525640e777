//! Faster runners, as far as a slow one must know them before it leaves a task to them. Read only near the end of the
//! queue, and never more than a few.

use rusqlite::{Connection, params};

use super::super::*;
use super::choice::Asking;
use super::columns::{Json, unsigned};
use super::line::meets;
use super::{fitness, rows};
use crate::domain::Work;
use crate::domain::dispatch::copies::left_ms;
use crate::domain::dispatch::patience::{self, Slot};

/// With ready tasks of more jobs than this, everybody works.
const JOBS_AT_THE_END: u32 = 64;

/// Faster runners that are looked at.
const FASTEST: u32 = 64;

/// A runner that is relied on must have been heard of within so many milliseconds: two beats.
const RELIED_ON_MS: i64 = 20_000;

/// Whether faster runners will have ended all that is ready, and this task too, before the asking one with its `speed`
/// would have done this task.
pub fn end_sooner(
    asking: &Asking<'_>,
    job_id: &JobId,
    encoders: &[String],
    work: &Work,
    speed: f64,
) -> Result<bool> {
    let db = asking.db;
    let fastest = db
        .prepare_cached("SELECT coalesce(max(pixels_per_second), 0.0) FROM speeds WHERE class = ?1")?
        .query_row([&work.class], |row| row.get::<_, f64>(0))?;
    if fastest <= speed * patience::FASTER {
        return Ok(false);
    }
    let Some(ready_ms) = ready_ms(db)? else { return Ok(false) };
    let slots = slots(asking, job_id, encoders, work, speed)?;
    let queue_pixels = (ready_ms as f64 * work.ordinary_speed() / 1000.0) as u64;
    let mine_ms = crate::domain::work::milliseconds(work.pixels, speed);
    Ok(patience::leave(work.pixels, mine_ms, queue_pixels.max(work.pixels), &slots))
}

/// All that is ready, milliseconds of an ordinary slot; none: more than can be looked at.
fn ready_ms(db: &Connection) -> Result<Option<u64>> {
    let mut statement = db.prepare_cached(
        "SELECT count(*), coalesce(sum(ready_ms), 0) FROM (SELECT ready_ms FROM queue LIMIT ?1 + 1)",
    )?;
    let (count, sum) =
        statement.query_row([JOBS_AT_THE_END], |row| Ok((row.get::<_, u32>(0)?, unsigned(row, 1)?)))?;
    Ok((count <= JOBS_AT_THE_END).then_some(sum))
}

fn slots(
    asking: &Asking<'_>,
    job_id: &JobId,
    encoders: &[String],
    work: &Work,
    speed: f64,
) -> Result<Vec<Slot>> {
    let db = asking.db;
    let needs = fitness::needs(db, job_id, encoders)?;
    let mut statement = db.prepare_cached(
        "SELECT r.id, r.capabilities_json, s.pixels_per_second FROM speeds s JOIN runners r ON r.id = s.runner_id \
         WHERE s.class = ?1 AND s.pixels_per_second > ?2 AND r.draining = 0 AND r.last_seen_at >= ?3 \
         ORDER BY s.pixels_per_second DESC LIMIT ?4",
    )?;
    let seen_since = asking.now.plus_ms(-asking.live_ms.min(RELIED_ON_MS));
    let faster = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Json<_>>(1)?.0, row.get(2)?));
    let parameters = params![work.class, speed * patience::FASTER, seen_since, FASTEST];
    let found: Vec<(RunnerId, Capabilities, f64)> = rows::collect(statement.query_map(parameters, faster)?)?;
    let mut slots = Vec::new();
    for (runner_id, capabilities, speed) in found {
        if runner_id != asking.runner.id && meets(&capabilities, &needs) {
            let busy = busy_ms(db, &runner_id, asking.now)?;
            let idle = (capabilities.slots.max(1) as usize).saturating_sub(busy.len());
            let free_in = busy.into_iter().chain(std::iter::repeat_n(0, idle));
            slots.extend(free_in.map(|free_in_ms| Slot { free_in_ms, speed }));
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
