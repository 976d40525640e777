//! What the janitor removes from the object store, and then forgets here. `unwanted` is set where an attempt
//! or a job ends, in the same transaction, so nothing has to be searched for.

use rusqlite::{Connection, params};

use super::super::*;
use super::rows;

/// [`Store::garbage`].
pub fn garbage(db: &Connection, limit: u32) -> Result<Vec<UploadRecord>> {
    rows::uploads(db, "WHERE u.unwanted = 1 ORDER BY u.attempt_id, u.output_index LIMIT ?1", [limit])
}

/// [`Store::forget_uploads`].
pub fn forget_uploads(db: &Connection, uploads: &[(AttemptId, u32)]) -> Result<()> {
    let mut statement = db
        .prepare_cached("DELETE FROM uploads WHERE attempt_id = ?1 AND output_index = ?2 AND unwanted = 1")?;
    for (attempt_id, output_index) in uploads {
        statement.execute(params![attempt_id, output_index])?;
    }
    Ok(())
}
