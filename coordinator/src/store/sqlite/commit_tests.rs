//! What a group of steps promises, each on a small table of its own.

use std::cell::RefCell;

use rusqlite::ffi;

use super::*;

type Answer = oneshot::Receiver<Result<i64>>;

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE kept (number INTEGER PRIMARY KEY)").unwrap();
    db
}

fn insert(db: &Connection, number: i64) -> Result<i64> {
    db.execute("INSERT INTO kept VALUES (?1)", [number])?;
    Ok(number)
}

/// A step that adds a number and then does something else.
fn step(number: i64, then: impl FnOnce(&Connection) -> Result<()> + Send + 'static) -> (Step, Answer) {
    let (answer, answered) = oneshot::channel();
    let work = move |db: &Connection| {
        let added = insert(db, number)?;
        then(db).map(|()| added)
    };
    (Step::new(work, answer), answered)
}

/// Runs the steps as one group. Answers what each caller was told, what is in the table, and what errors were heard.
fn run(
    db: &mut Connection,
    steps: Vec<(Step, Answer)>,
) -> (Vec<std::result::Result<i64, String>>, Vec<i64>, Vec<String>) {
    let (mut group, answers): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    let heard = RefCell::new(Vec::new());
    commit_together(db, TransactionBehavior::Immediate, &mut group, &|error| {
        heard.borrow_mut().push(error.to_string());
    });
    let told = |mut answer: Answer| {
        answer.try_recv().expect("everybody is answered").map_err(|error| error.to_string())
    };
    let mut statement = db.prepare("SELECT number FROM kept ORDER BY number").unwrap();
    let kept = statement.query_map([], |row| row.get(0)).unwrap().map(|number| number.unwrap()).collect();
    (answers.into_iter().map(told).collect(), kept, heard.into_inner())
}

fn refuse(_: &Connection) -> Result<()> {
    Err(StoreError::Illegal("not so".to_owned()))
}

#[test]
fn a_step_that_fails_undoes_itself_alone() {
    let (mut db, fine) = (database(), |_: &Connection| Ok(()));
    let steps = vec![step(1, fine), step(2, refuse), step(3, fine)];
    let (told, kept, heard) = run(&mut db, steps);
    assert_eq!((told[0].clone(), told[2].clone(), kept), (Ok(1), Ok(3), vec![1, 3]));
    assert!(told[1].as_ref().unwrap_err().contains("not so"));
    assert_eq!(heard.len(), 1, "the one that failed is heard of once: {heard:?}");
    let (told, kept, _) = run(&mut db, vec![step(4, refuse)]);
    assert!(told[0].is_err() && kept == [1, 3], "alone it is undone too");
}

#[test]
fn a_step_sees_those_before_it_and_a_broken_rule_is_its_own_affair() {
    let mut db = database();
    let steps = vec![step(1, |_| Ok(())), step(1, |_| Ok(())), step(2, |db| insert(db, 1).map(drop))];
    let (told, kept, _) = run(&mut db, steps);
    assert_eq!(told[0], Ok(1));
    assert!(told[1].is_err() && told[2].is_err() && kept == [1], "{told:?}");
}

#[test]
fn a_step_that_takes_the_transaction_with_it_costs_those_before_it_and_none_after() {
    let mut db = database();
    // What SQLite does by itself when the disk is full.
    let full = |db: &Connection| {
        db.execute_batch("ROLLBACK")?;
        let full = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
        Err(StoreError::from(full))
    };
    let steps = vec![step(1, |_| Ok(())), step(2, full), step(3, |_| Ok(())), step(4, |_| Ok(()))];
    let (told, kept, heard) = run(&mut db, steps);
    assert!(told[..2].iter().all(|told| told.as_ref().unwrap_err().contains("disk is full")), "{told:?}");
    assert_eq!((&told[2..], kept), ([Ok(3), Ok(4)].as_slice(), vec![3, 4]));
    assert!(
        heard.iter().any(|error| error.contains("disk is full")),
        "so that the ballast can go: {heard:?}"
    );
}

#[test]
fn a_commit_that_fails_fails_them_all() {
    let mut db = database();
    // A rule that is only looked at when all is to be kept.
    let rule = "PRAGMA foreign_keys = ON; \
        CREATE TABLE child (of REFERENCES kept (number) DEFERRABLE INITIALLY DEFERRED)";
    db.execute_batch(rule).unwrap();
    let orphan = |db: &Connection| Ok(db.execute_batch("INSERT INTO child VALUES (99)")?);
    let (told, kept, heard) = run(&mut db, vec![step(1, orphan), step(2, refuse), step(3, |_| Ok(()))]);
    assert!(told.iter().all(std::result::Result::is_err) && kept.is_empty(), "{told:?} {kept:?}");
    assert!(told[1].as_ref().unwrap_err().contains("not so"), "it has a reason of its own: {told:?}");
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[test]
fn a_real_full_disk_costs_only_who_wanted_too_much() {
    let mut db = database();
    db.pragma_update(None, "max_page_count", 40).unwrap();
    db.execute_batch("CREATE TABLE bulk (bytes BLOB)").unwrap();
    let hoard = |db: &Connection| {
        db.execute("INSERT INTO bulk VALUES (zeroblob(4000000))", [])?;
        Ok(())
    };
    let (told, kept, _) = run(&mut db, vec![step(1, |_| Ok(())), step(2, hoard), step(3, |_| Ok(()))]);
    assert!(told[1].as_ref().unwrap_err().contains("full"), "{told:?}");
    assert_eq!(told[2], Ok(3));
    let answered: Vec<i64> = told.into_iter().flatten().collect();
    assert_eq!(kept, answered, "kept is what was answered, no more and no less");
}

#[test]
fn without_a_transaction_everybody_learns_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.db");
    let (mut db, other) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
    db.execute_batch("CREATE TABLE kept (number INTEGER PRIMARY KEY)").unwrap();
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (mut group, mut answers): (Vec<_>, Vec<_>) =
        [step(1, |_| Ok(())), step(2, |_| Ok(()))].into_iter().unzip();
    commit_together(&mut db, TransactionBehavior::Immediate, &mut group, &|_| {});
    for answer in &mut answers {
        let error = answer.try_recv().unwrap().unwrap_err().to_string();
        assert!(error.contains("another program holds the file"), "{error}");
    }
}
