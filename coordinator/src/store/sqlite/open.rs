//! Opens the database file: one process at a time, a safe SQLite, durable settings, the newest schema.

use std::fs::{File, TryLockError};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::{Result, StoreError};

/// Older releases can corrupt the file when a checkpoint meets a second WAL connection.
const OLDEST_SQLITE: i32 = 3_051_003;

/// "FLOT": tells our files from other programs' databases.
const APPLICATION_ID: i32 = 0x464C_4F54;

/// Schema changes in order; `user_version` counts those that the file has had.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../../migrations/sqlite/0001_foundation.sql"),
    include_str!("../../../migrations/sqlite/0002_scheduling.sql"),
    include_str!("../../../migrations/sqlite/0003_progressive.sql"),
    include_str!("../../../migrations/sqlite/0004_notes.sql"),
    include_str!("../../../migrations/sqlite/0005_extras.sql"),
    include_str!("../../../migrations/sqlite/0006_benchmarks.sql"),
];

/// How long a statement waits for another connection of this process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Takes the lock beside the database; it is held until the file is dropped, or its process dies.
pub fn lock(path: &Path) -> Result<File> {
    let mut lock_path = PathBuf::from(path).into_os_string();
    lock_path.push(".lock");
    let open = File::options().create(true).write(true).truncate(false).open(&lock_path);
    let file = open.map_err(|error| failed(format!("{} cannot be opened: {error}", lock_path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(failed(format!("{} is in use by another coordinator; stop it first", path.display())))
        }
        Err(TryLockError::Error(error)) => {
            Err(failed(format!("{} cannot be locked: {error}", lock_path.display())))
        }
    }
}

/// The one connection that writes, its schema brought up to date.
pub fn writer(path: &Path) -> Result<Connection> {
    assert_version(rusqlite::version_number())?;
    let secret = keep_secret(path);
    secret.map_err(|error| failed(format!("{} cannot be opened: {error}", path.display())))?;
    let mut connection = Connection::open(path).map_err(|error| at(path, &error.into()))?;
    prepare(&mut connection).map_err(|error| at(path, &error))?;
    Ok(connection)
}

/// A connection that only reads.
pub fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// For the owner only: links to instances keep their tokens in it. SQLite gives its other files the same mode.
fn keep_secret(path: &Path) -> std::io::Result<()> {
    let file = File::options().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn assert_version(number: i32) -> Result<()> {
    if number >= OLDEST_SQLITE {
        return Ok(());
    }
    let (major, minor, patch) = (number / 1_000_000, number / 1_000 % 1_000, number % 1_000);
    Err(failed(format!(
        "SQLite {major}.{minor}.{patch} is linked, which can lose data; 3.51.3 or newer is needed"
    )))
}

fn prepare(connection: &mut Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(failed(format!("its file system offers no write-ahead log (journal mode {mode})")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(connection)
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(failed("it is the database of another program".to_owned()));
    }
    let newest = u32::try_from(MIGRATIONS.len()).expect("migrations are few");
    if version > newest {
        return Err(failed(format!("its schema {version} is newer than {newest}; use a newer flotilla")));
    }
    for (number, migration) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > version) {
        let step = connection.transaction()?;
        step.execute_batch(migration)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
    }
    Ok(())
}

fn failed(sentence: String) -> StoreError {
    StoreError::Database(sentence)
}

fn at(path: &Path, error: &StoreError) -> StoreError {
    let why = match error {
        StoreError::Database(why)
        | StoreError::Full(why)
        | StoreError::Corrupt(why)
        | StoreError::Illegal(why) => why,
    };
    failed(format!("{} cannot be used: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(path: &Path, expected: &str) {
        let error = writer(path).map(|_| ()).expect_err("must be refused").to_string();
        assert!(error.contains(expected) && error.contains("coordinator.db"), "{error}");
    }

    #[test]
    fn durable_settings_are_in_force_and_a_second_opening_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.db");
        for _ in 0..2 {
            let connection = writer(&path).unwrap();
            let asked = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(asked("PRAGMA synchronous"), 2);
            assert_eq!(asked("PRAGMA foreign_keys"), 1);
            assert_eq!(asked("PRAGMA user_version"), i64::try_from(MIGRATIONS.len()).unwrap());
        }
    }

    #[test]
    fn only_the_owner_reads_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.db");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let _writer = writer(&path).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        }
    }

    #[test]
    fn files_that_are_not_ours_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.db");
        std::fs::write(&path, "a text, long enough to be taken for the header of a database. ".repeat(20))
            .unwrap();
        check_refused(&path, "not a database");
        std::fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE stamps (id)").unwrap();
        check_refused(&path, "another program");
    }

    #[test]
    fn a_newer_schema_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.db");
        writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        check_refused(&path, "newer flotilla");
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        check_refused(Path::new("/nonexistent/coordinator.db"), "cannot be opened");
    }

    #[test]
    fn a_second_coordinator_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.db");
        let held = lock(&path).unwrap();
        assert!(lock(&path).unwrap_err().to_string().contains("another coordinator"));
        drop(held);
        lock(&path).unwrap();
    }

    #[test]
    fn an_unsafe_sqlite_is_refused() {
        let error = assert_version(3_050_002).unwrap_err().to_string();
        assert!(error.contains("3.50.2") && error.contains("3.51.3"), "{error}");
    }
}
