//! Shares of tenants in the fleet: their tags, as `domain/dispatch/fair.rs` moves them.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::{JobId, Result};
use super::columns::signed;
use crate::domain::dispatch::{Policy, fair};

/// The fleet's virtual time.
pub fn virtual_time(db: &Connection) -> Result<u64> {
    let tag: i64 = db.prepare_cached("SELECT tag FROM virtual_time")?.query_row([], |row| row.get(0))?;
    Ok(unsigned(tag))
}

/// Where a tenant may start.
pub fn start_tag(db: &Connection, tenant: &str, virtual_time: u64) -> Result<u64> {
    let mut statement = db.prepare_cached("SELECT finish_tag FROM tenants WHERE name = ?1")?;
    let tag: Option<i64> = statement.query_row([tenant], |row| row.get(0)).optional()?;
    Ok(fair::start_tag(tag.map_or(0, unsigned), virtual_time))
}

/// A task of a job's tenant is served.
pub fn charge(db: &Connection, job_id: &JobId, cost_ms: u64, policy: &Policy) -> Result<()> {
    let mut statement = db.prepare_cached("SELECT tenant FROM jobs WHERE id = ?1")?;
    let tenant: String = statement.query_row([job_id], |row| row.get(0))?;
    let start = start_tag(db, &tenant, virtual_time(db)?)?;
    let finish = fair::finish_tag(start, cost_ms, policy.weight(&tenant));
    db.prepare_cached(
        "INSERT INTO tenants VALUES (?1, ?2) ON CONFLICT DO UPDATE SET finish_tag = excluded.finish_tag",
    )?
    .execute(params![tenant, signed(finish)])?;
    db.prepare_cached("UPDATE virtual_time SET tag = max(tag, ?1)")?.execute([signed(start)])?;
    Ok(())
}

fn unsigned(tag: i64) -> u64 {
    u64::try_from(tag).unwrap_or(0)
}
