//! Notes: see the migration.

use rusqlite::{Connection, params};

use super::super::{Note, Result};

pub fn keep(db: &Connection, note: &Note) -> Result<()> {
    let mut statement = db.prepare_cached(
        "INSERT INTO notes (kind, key, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
    )?;
    statement.execute(params![note.kind, note.key, note.body])?;
    Ok(())
}

pub fn drop(db: &Connection, kind: &str, key: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM notes WHERE kind = ?1 AND key = ?2")?.execute([kind, key])?;
    Ok(())
}

pub fn of_kind(db: &Connection, kind: &str) -> Result<Vec<Note>> {
    let mut statement =
        db.prepare_cached("SELECT kind, key, body FROM notes WHERE kind = ?1 ORDER BY key")?;
    let read = |row: &rusqlite::Row<'_>| Ok(Note { kind: row.get(0)?, key: row.get(1)?, body: row.get(2)? });
    Ok(statement.query_map([kind], read)?.collect::<rusqlite::Result<_>>()?)
}
