//! Join tokens and runners.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::*;
use super::columns::Json;
use super::{failing, rows, speeds};

/// [`Store::create_token`].
pub fn create_token(db: &Connection, token: &TokenRecord) -> Result<()> {
    let TokenRecord { id, digest, note, created_at, expires_at, uses_left } = token;
    db.prepare_cached("INSERT INTO tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id, digest, note, created_at, expires_at, uses_left])?;
    Ok(())
}

/// [`Store::tokens`].
pub fn tokens(db: &Connection) -> Result<Vec<TokenRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT id, digest, note, created_at, expires_at, uses_left FROM tokens \
         ORDER BY created_at DESC, id DESC",
    )?;
    let token = |row: &rusqlite::Row<'_>| {
        Ok(TokenRecord {
            id: row.get(0)?,
            digest: row.get(1)?,
            note: row.get(2)?,
            created_at: row.get(3)?,
            expires_at: row.get(4)?,
            uses_left: row.get(5)?,
        })
    };
    rows::collect(statement.query_map([], token)?)
}

/// [`Store::revoke_token`].
pub fn revoke_token(db: &Connection, token_id: &str) -> Result<bool> {
    Ok(db.prepare_cached("UPDATE tokens SET uses_left = 0 WHERE id = ?1")?.execute([token_id])? == 1)
}

/// [`Store::join`].
pub fn join(db: &Connection, token_digest: &str, runner: &NewRunner, now: Timestamp) -> Result<JoinOutcome> {
    let mut statement = db.prepare_cached("SELECT expires_at, uses_left FROM tokens WHERE digest = ?1")?;
    let token = statement.query_row([token_digest], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((expires_at, uses_left)): Option<(Timestamp, u32)> = token else {
        return Ok(JoinOutcome::UnknownToken);
    };
    if uses_left == 0 {
        return Ok(JoinOutcome::UsedUp);
    }
    if expires_at <= now {
        return Ok(JoinOutcome::Expired);
    }
    db.prepare_cached("UPDATE tokens SET uses_left = uses_left - 1 WHERE digest = ?1")?
        .execute([token_digest])?;
    let name = if runner.name.is_empty() { runner.id.as_str() } else { &runner.name };
    db.prepare_cached(
        "INSERT INTO runners (id, name, secret_digest, capabilities_json, joined_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![runner.id, name, runner.secret_digest, Json(Capabilities::default()), now])?;
    Ok(JoinOutcome::Joined)
}

/// [`Store::authenticate`].
pub fn authenticate(
    db: &Connection,
    runner_id: &RunnerId,
    secret_digest: &str,
) -> Result<Option<RunnerRecord>> {
    let found = rows::runners(db, "WHERE id = ?1 AND secret_digest = ?2", params![runner_id, secret_digest]);
    Ok(found?.pop())
}

/// [`Store::runners`].
pub fn runners(db: &Connection) -> Result<Vec<RunnerRecord>> {
    rows::runners(db, "ORDER BY joined_at, id", [])
}

/// [`Store::forget_runner`].
pub fn forget_runner(db: &Connection, runner_id: &RunnerId, now: Timestamp) -> Result<bool> {
    let forgotten = db.prepare_cached("DELETE FROM runners WHERE id = ?1")?.execute([runner_id])? == 1;
    let held =
        rows::attempts(db, "WHERE a.runner_id = ?1 AND a.state = 'leased' ORDER BY a.leased_at", [runner_id]);
    let message = |runner_id: &RunnerId| format!("runner {runner_id} was removed from the fleet");
    failing::vanish(db, held?, message, now)?;
    Ok(forgotten)
}

/// [`Store::set_capabilities`].
pub fn set_capabilities(
    db: &Connection,
    runner_id: &RunnerId,
    capabilities: &Capabilities,
    now: Timestamp,
) -> Result<()> {
    let changed = db
        .prepare_cached("UPDATE runners SET capabilities_json = ?2 WHERE id = ?1")?
        .execute(params![runner_id, Json(capabilities)])?;
    if changed == 0 {
        return Err(StoreError::Illegal(format!("there is no runner {runner_id}")));
    }
    match capabilities.benchmark() {
        Some(speed) => speeds::learn_benchmark(db, runner_id, speed, now),
        None => Ok(()),
    }
}
