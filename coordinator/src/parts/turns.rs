//! A runner may have several calls hanging; only its newest knows how many slots are free, so only that one is given
//! work, and only one at a time asks for it. What is kept here lives as long as the calls do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::RunnerId;

/// The open calls of every runner.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<RunnerId, Calls>>>);

#[derive(Debug, Default)]
struct Calls {
    newest: u64,
    open: u32,
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// A call's place among those of its runner, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    runner_id: RunnerId,
    number: u64,
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Turns {
    /// A call has just come in.
    pub fn take(&self, runner_id: &RunnerId) -> Turn {
        let mut all = self.lock();
        let calls = all.entry(runner_id.clone()).or_default();
        calls.newest += 1;
        calls.open += 1;
        let (number, asking) = (calls.newest, calls.asking.clone());
        Turn { turns: self.clone(), runner_id: runner_id.clone(), number, asking }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunnerId, Calls>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The right to ask for work while no other call of the runner does; none when a newer call has come in.
    pub async fn ask(&self) -> Option<OwnedMutexGuard<()>> {
        let right = self.asking.clone().lock_owned().await;
        let newest = self.turns.lock().get(&self.runner_id).map(|calls| calls.newest);
        (newest == Some(self.number)).then_some(right)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.turns.lock();
        let Some(calls) = all.get_mut(&self.runner_id) else { return };
        calls.open -= 1;
        if calls.open == 0 {
            all.remove(&self.runner_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_newest_call_of_a_runner_may_ask() {
        let (turns, mine, yours) = (Turns::default(), "a".parse().unwrap(), "b".parse().unwrap());
        let (first, other, second) = (turns.take(&mine), turns.take(&yours), turns.take(&mine));
        assert!(first.ask().await.is_none() && second.ask().await.is_some());
        assert!(other.ask().await.is_some());
    }

    #[tokio::test]
    async fn a_call_that_asks_is_waited_for_and_overtaken_calls_get_nothing() {
        let (turns, runner) = (Turns::default(), "a".parse().unwrap());
        let first = turns.take(&runner);
        let right = first.ask().await.expect("it is the newest");
        let second = turns.take(&runner);
        let mut asking = Box::pin(second.ask());
        assert!(futures::poll!(&mut asking).is_pending());
        drop(right);
        assert!(asking.await.is_some() && first.ask().await.is_none());
    }

    #[test]
    fn nothing_is_kept_of_calls_that_are_over() {
        let (turns, runner) = (Turns::default(), "a".parse().unwrap());
        drop((turns.take(&runner), turns.take(&runner)));
        assert!(turns.lock().is_empty());
    }
}
