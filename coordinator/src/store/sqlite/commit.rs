//! Group commit: many callers' steps, one wait for the disk. Each step runs within a savepoint of one
//! transaction, so that one that fails undoes itself alone, and nobody is answered before the commit that makes
//! all of them durable.
//!
//! ```text
//!  begin --> step --> step --> … --> commit --> all are answered
//!              | fails: its savepoint is undone; it is answered with its own error
//!              | takes the transaction with it (full disk, broken disk): it and all that ran before it are
//!              |   answered with that error; those after it begin anew
//! ```

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::{Result, StoreError};

/// What a caller wants done, on a connection; without one it is answered with the error.
pub struct Step(Box<Work>);

type Work = dyn FnOnce(Result<&Connection>) -> Done + Send;

/// How it went, and the way to tell the caller.
struct Done {
    error: Option<StoreError>,
    /// With the error that undid the step after it had gone well, if there was one.
    answer: Box<dyn FnOnce(Option<StoreError>)>,
}

impl Step {
    /// `work` with the place where its answer is awaited. Nobody may be waiting any more: it is done all the
    /// same.
    pub fn new<T: Send + 'static>(
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        answered: oneshot::Sender<Result<T>>,
    ) -> Self {
        Self(Box::new(move |db| {
            let result = db.and_then(work);
            let error = result.as_ref().err().cloned();
            let answer = move |undone: Option<StoreError>| {
                let _ = answered.send(result.and_then(|value| undone.map_or(Ok(value), Err)));
            };
            Done { error, answer: Box::new(answer) }
        }))
    }
}

/// Runs the steps of a group in as few transactions as will do, and answers all of them. `hear` is told every error.
pub fn commit_together(
    connection: &mut Connection,
    behaviour: TransactionBehavior,
    group: &mut Vec<Step>,
    hear: &dyn Fn(&StoreError),
) {
    let alone = group.len() == 1;
    let mut steps = group.drain(..);
    while steps.len() > 0 {
        let mut done = Vec::with_capacity(steps.len());
        let ended = match connection.transaction_with_behavior(behaviour) {
            Ok(transaction) => transact(transaction, alone, &mut steps, &mut done),
            Err(error) => {
                let error = StoreError::from(error);
                done.extend(steps.by_ref().map(|Step(step)| step(Err(error.clone()))));
                Err(error)
            }
        };
        let undone = ended.inspect_err(hear).err();
        for Done { error, answer } in done {
            error.iter().for_each(hear);
            answer(undone.clone());
        }
    }
}

/// One transaction, until the steps are through or one of them has ended it. An error is that of all that ran.
fn transact(
    mut transaction: Transaction<'_>,
    alone: bool,
    steps: &mut impl Iterator<Item = Step>,
    done: &mut Vec<Done>,
) -> Result<()> {
    for step in steps {
        let run = if alone { step.0(Ok(&transaction)) } else { within_savepoint(&mut transaction, step)? };
        let error = run.error.clone();
        done.push(run);
        match error {
            // Alone, it is undone with its transaction.
            Some(error) if alone => return Err(error),
            // SQLite itself has undone everything: https://www.sqlite.org/lang_transaction.html, section 3.1.
            Some(error) if transaction.is_autocommit() => return Err(error),
            _ => {}
        }
    }
    Ok(transaction.commit()?)
}

/// Runs a step so that it can be undone alone. An error is that of the transaction: what ran in it is lost.
fn within_savepoint(transaction: &mut Transaction<'_>, Step(step): Step) -> Result<Done> {
    let savepoint = match transaction.savepoint() {
        Ok(savepoint) => savepoint,
        Err(error) => return Ok(step(Err(error.into()))),
    };
    let done = step(Ok(&savepoint));
    let settled = match &done.error {
        None => savepoint.commit(),
        // It is gone with its transaction.
        Some(_) if savepoint.is_autocommit() => Ok(()),
        Some(_) => savepoint.finish(),
    };
    if let Err(error) = settled {
        let error = StoreError::from(error);
        (done.answer)(Some(error.clone()));
        return Err(error);
    }
    Ok(done)
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
