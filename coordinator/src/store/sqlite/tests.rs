//! The contract on SQLite, each check on a file of its own.

use std::ops::Deref;

use super::SqliteStore;
use crate::store::contract::contract_tests;
use crate::store::*;

/// A store whose folder goes when it goes.
pub struct TestStore {
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Deref for TestStore {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

pub fn open() -> TestStore {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("coordinator.db")).expect("a store");
    TestStore { store, _folder: folder }
}

contract_tests!(crate::store::sqlite::tests::open);

#[tokio::test]
async fn a_file_is_used_by_one_coordinator_at_a_time_and_freed_by_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let first = SqliteStore::open(&path).unwrap();
    let Err(StoreError::Database(why)) = SqliteStore::open(&path).map(|_| ()) else {
        panic!("it must be locked")
    };
    assert!(why.contains("another coordinator"), "{why}");
    drop(first);
    SqliteStore::open(&path).unwrap();
}
