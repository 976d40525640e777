//! Results of benchmarks: see the migration.

use rusqlite::{Connection, params};

use super::super::{BenchmarkRecord, NewBenchmark, Result};
use super::columns::Json;
use super::{rows, speeds};
use crate::domain::Timestamp;
use crate::domain::benchmark::Findings;

/// Results that are kept of a runner: enough to see how it was before.
const KEPT: u32 = 10;

/// [`Store::add_benchmark`](super::super::Store::add_benchmark).
pub fn add(db: &Connection, benchmark: &NewBenchmark, now: Timestamp) -> Result<()> {
    let NewBenchmark { id, runner_id, findings } = benchmark;
    // A runner that was forgotten meanwhile is not remembered again.
    let added = db
        .prepare_cached(
            "INSERT INTO benchmarks SELECT ?1, id, ?3, ?4 FROM runners WHERE id = ?2 ON CONFLICT DO NOTHING",
        )?
        .execute(params![id, runner_id, now, Json(findings)])?;
    if added == 0 {
        return Ok(());
    }
    db.prepare_cached(
        "DELETE FROM benchmarks WHERE runner_id = ?1 AND id NOT IN (SELECT id FROM benchmarks \
         WHERE runner_id = ?1 ORDER BY measured_at DESC, id DESC LIMIT ?2)",
    )?
    .execute(params![runner_id, KEPT])?;
    match findings.speed() {
        Some(speed) => speeds::learn_benchmark(db, runner_id, speed as f64, now),
        None => Ok(()),
    }
}

/// [`Store::benchmarks`](super::super::Store::benchmarks).
pub fn all(db: &Connection) -> Result<Vec<BenchmarkRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT b.id, b.runner_id, r.name, b.measured_at, b.findings_json FROM benchmarks b \
         JOIN runners r ON r.id = b.runner_id ORDER BY b.measured_at DESC, b.id DESC",
    )?;
    let record = |row: &rusqlite::Row<'_>| {
        let Json(findings): Json<Findings> = row.get(4)?;
        Ok(BenchmarkRecord {
            id: row.get(0)?,
            runner_id: row.get(1)?,
            runner_name: row.get(2)?,
            measured_at: row.get(3)?,
            findings,
        })
    };
    rows::collect(statement.query_map([], record)?)
}
