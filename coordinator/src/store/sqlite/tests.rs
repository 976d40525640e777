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

/// A file of the first schema, with a job that was half done, is taken over as it is.
#[tokio::test]
async fn a_queue_of_the_first_schema_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../../migrations/sqlite/0001_foundation.sql")).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x464C4F54; PRAGMA user_version = 1;
         INSERT INTO jobs VALUES ('job', 'a.mp4', 's3://fleet/a', 1, 0, 'web', '{}', 's3://media/job', NULL, 7, NULL,
             'running', NULL, 5, NULL);
         INSERT INTO tasks VALUES ('one', 'job', 1, 7, 5, '{\"kind\":\"encode_chunk\",\"chunk_index\":0}',
             '[\"libx264\"]', 48, 'leased', 1, 0, 5, NULL);
         INSERT INTO tasks VALUES ('two', 'job', 2, 7, 5, '{\"kind\":\"encode_chunk\",\"chunk_index\":1}',
             '[\"libx264\"]', 48, 'ready', 0, 0, 5, NULL);
         INSERT INTO pins VALUES ('job', 'libx264', 'one');
         INSERT INTO attempts VALUES ('first', 'one', 'gone', 's', 't', 1, 'leased', 6, 7, NULL, 0, NULL, NULL, NULL);",
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open(&path).unwrap();
    use crate::store::contract::fixtures::{at, claim, id, join};
    join(&store, "other", &["libx264=two"], 100).await;
    join(&store, "mine", &["libx264=one"], 100).await;
    assert!(claim(&store, "other", 9, 100).await.is_empty(), "the pin holds");
    store.expire(at(100)).await.unwrap();
    let claimed = claim(&store, "mine", 9, 100).await;
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.task.id.clone()).collect();
    assert_eq!(ids, [id("one"), id("two")]);
    assert_eq!(store.job(&id("job")).await.unwrap().unwrap().tenant, "default");
}
