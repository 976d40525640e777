//! Benchmarks that runners are asked for: kept in memory, since whoever asks waits for them and can ask again.
//!
//! ```text
//!  ask --> asked --a call names it--> at work --its result is kept--> gone
//!            |                           |
//!            +---- its life is over -----+--the runner cannot--> failed, until it is asked again or is forgotten
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{RunnerId, Timestamp};

/// A runner that has not measured within this time is not waited for any more.
const LIFE_MS: i64 = 3_600_000;

/// A runner that does not heed an order is not called out of its hold for it more often.
const REMIND_MS: i64 = 30_000;

/// All orders; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Benches(Arc<Mutex<HashMap<RunnerId, Order>>>);

/// What one runner is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Made for it, and named by the runner.
    pub id: String,
    /// Fewer cases, each once.
    pub quick: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: State,
    told_at: Option<Timestamp>,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The runner has not heard of it.
    Asked,
    /// It measures, or waits for its tasks to end.
    AtWork,
    /// There will be no result, and why.
    Failed(String),
}

impl Order {
    fn is_open(&self) -> bool {
        !matches!(self.state, State::Failed(_))
    }
}

impl Benches {
    /// Asks a runner; an open order of it is answered again and goes on.
    pub fn ask(&self, runner_id: &RunnerId, id: String, quick: bool, now: Timestamp) -> Order {
        let mut orders = self.lock();
        let fresh = Order { id, quick, asked_at: now, state: State::Asked, told_at: None };
        let order = orders.entry(runner_id.clone()).or_insert_with(|| fresh.clone());
        if !order.is_open() || is_over(order, now) || order.quick != quick {
            *order = fresh;
        }
        order.clone()
    }

    /// The open order of a runner.
    pub fn wanted(&self, runner_id: &RunnerId, now: Timestamp) -> Option<Order> {
        let orders = self.lock();
        orders.get(runner_id).filter(|order| order.is_open() && !is_over(order, now)).cloned()
    }

    /// A runner is about to be told what is wanted.
    pub fn told(&self, runner_id: &RunnerId, now: Timestamp) {
        if let Some(order) = self.lock().get_mut(runner_id) {
            order.told_at = Some(now);
        }
    }

    /// There is an order that a call which names this one has to be ended for.
    pub fn is_news(&self, runner_id: &RunnerId, named: Option<&str>, now: Timestamp) -> bool {
        let is_due = |told: Timestamp| now < told || told.plus_ms(REMIND_MS) <= now;
        self.wanted(runner_id, now)
            .is_some_and(|order| named != Some(order.id.as_str()) && order.told_at.is_none_or(is_due))
    }

    /// A runner names an order that it heeds.
    pub fn heeded(&self, runner_id: &RunnerId, id: &str) {
        if let Some(order) = self.lock().get_mut(runner_id).filter(|order| order.id == id && order.is_open())
        {
            order.state = State::AtWork;
        }
    }

    /// The result is kept.
    pub fn done(&self, runner_id: &RunnerId, id: &str) {
        let mut orders = self.lock();
        if orders.get(runner_id).is_some_and(|order| order.id == id) {
            orders.remove(runner_id);
        }
    }

    /// There will be no result.
    pub fn failed(&self, runner_id: &RunnerId, id: &str, reason: String) {
        if let Some(order) = self.lock().get_mut(runner_id).filter(|order| order.id == id) {
            order.state = State::Failed(reason);
        }
    }

    /// All of which there is something to say; those whose life is over are forgotten.
    pub fn all(&self, now: Timestamp) -> Vec<(RunnerId, Order)> {
        let mut orders = self.lock();
        orders.retain(|_, order| !is_over(order, now));
        orders.iter().map(|(runner_id, order)| (runner_id.clone(), order.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunnerId, Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(order: &Order, now: Timestamp) -> bool {
    order.asked_at.plus_ms(LIFE_MS) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds)
    }

    #[test]
    fn a_runner_is_told_once_until_it_heeds_or_seems_to_have_missed_it() {
        let (benches, a): (_, RunnerId) = (Benches::default(), "a".parse().unwrap());
        assert!(!benches.is_news(&a, None, at(0)) && benches.wanted(&a, at(0)).is_none());
        let order = benches.ask(&a, "first".into(), true, at(0));
        assert_eq!(benches.ask(&a, "again".into(), true, at(1)), order, "it is under way");
        assert!(benches.is_news(&a, None, at(1)) && benches.is_news(&a, Some("older"), at(1)));
        benches.told(&a, at(1));
        assert!(!benches.is_news(&a, None, at(2)), "the answer is on its way");
        assert!(benches.is_news(&a, None, at(REMIND_MS + 1)), "it was lost");
        benches.heeded(&a, "older");
        assert_eq!(benches.all(at(3))[0].1.state, State::Asked);
        benches.heeded(&a, "first");
        assert_eq!(benches.all(at(3))[0].1.state, State::AtWork);
        assert!(!benches.is_news(&a, Some("first"), at(REMIND_MS * 9)));
        benches.done(&a, "older");
        assert!(benches.wanted(&a, at(4)).is_some());
        benches.done(&a, "first");
        assert!(benches.all(at(4)).is_empty());
    }

    #[test]
    fn what_failed_is_told_until_it_is_asked_again_and_nothing_stays_for_ever() {
        let (benches, a): (_, RunnerId) = (Benches::default(), "a".parse().unwrap());
        benches.ask(&a, "first".into(), true, at(0));
        benches.failed(&a, "first", "no engine".into());
        assert!(benches.wanted(&a, at(1)).is_none());
        assert_eq!(benches.all(at(1))[0].1.state, State::Failed("no engine".into()));
        assert_eq!(benches.ask(&a, "second".into(), false, at(2)).id, "second");
        assert_eq!(benches.ask(&a, "third".into(), true, at(3)).id, "third", "of another kind");
        assert!(benches.wanted(&a, at(3 + LIFE_MS)).is_none() && benches.all(at(3 + LIFE_MS)).is_empty());
    }
}
