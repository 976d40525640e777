//! A benchmark that the coordinator asks for. No task is taken until it has ended; what it found, or why it found nothing,
//! is told until an answer asks for it no more.
//!
//! ```text
//!  none --told--> waits --the last task ends--> at work --> done --told no more--> none
//!                   |                              |
//!                   +--------told no more----------+--> none
//! ```

use std::fmt;
use std::sync::Arc;

use flotilla_proto::fleet::benchmark_status::End;
use flotilla_proto::fleet::{BenchmarkOrder, BenchmarkStatus, Capabilities};
use futures::future::BoxFuture;
use tokio::task::JoinSet;

use crate::slots::quiet::Benchmark;

/// What a benchmark brought.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The signed figures.
    pub result_json: String,
    /// What the coordinator is told of this machine from now on.
    pub capabilities: Capabilities,
}

/// Measures this machine, quickly or not; the error says in one sentence why it cannot.
pub type Meter = Arc<dyn Fn(bool) -> BoxFuture<'static, Result<Measured, String>> + Send + Sync>;

/// What is asked for and how far it is.
pub struct Asked {
    meter: Meter,
    current: Option<Current>,
    /// Of the last order that is over: an answer that was late must not bring it back.
    over: Option<String>,
    work: JoinSet<Result<Measured, String>>,
}

struct Current {
    order: BenchmarkOrder,
    state: State,
}

enum State {
    Waits,
    AtWork,
    Done(End),
}

impl Asked {
    /// Nothing is asked for yet.
    pub fn new(meter: Meter) -> Self {
        Self { meter, current: None, over: None, work: JoinSet::new() }
    }

    /// Heeds what an answer says. True: it is news of which the coordinator is to hear.
    pub fn told(&mut self, order: Option<BenchmarkOrder>) -> bool {
        let known = self.current.as_ref().map(|current| &current.order.id);
        match order {
            Some(order) if Some(&order.id) == known || Some(&order.id) == self.over.as_ref() => false,
            Some(order) => {
                tracing::info!(
                    quick = order.quick,
                    "asked for a benchmark: no tasks are taken until it is done"
                );
                self.work.abort_all();
                self.current = Some(Current { order, state: State::Waits });
                true
            }
            None => {
                self.work.abort_all();
                if let Some(current) = self.current.take() {
                    self.over = Some(current.order.id);
                }
                false
            }
        }
    }

    /// Begins when it may, if there is something to begin.
    pub fn begin_if(&mut self, may_begin: impl FnOnce() -> bool) {
        if let Some(current) = self.current.as_mut().filter(|current| matches!(current.state, State::Waits))
            && may_begin()
        {
            current.state = State::AtWork;
            self.work.spawn((self.meter)(current.order.quick));
        }
    }

    /// Resolves when it has ended; what the coordinator is told of this machine from now on, if that has changed. None:
    /// there is nothing to wait for.
    pub async fn ended(&mut self) -> Option<Option<Capabilities>> {
        loop {
            let ended = self.work.join_next().await?;
            // One that was dropped tells nothing.
            let Ok(ended) = ended else { continue };
            let Some(current) = &mut self.current else { continue };
            let (end, capabilities) = match ended {
                Ok(Measured { result_json, capabilities }) => {
                    (End::ResultJson(result_json), Some(capabilities))
                }
                Err(reason) => {
                    tracing::warn!(reason, "the benchmark found nothing");
                    (End::Failure(reason), None)
                }
            };
            current.state = State::Done(end);
            return Some(capabilities);
        }
    }

    /// For the heartbeat.
    pub fn status(&self) -> Option<BenchmarkStatus> {
        let Current { order, state } = self.current.as_ref()?;
        let end = match state {
            State::Waits | State::AtWork => None,
            State::Done(end) => Some(end.clone()),
        };
        Some(BenchmarkStatus { id: order.id.clone(), end })
    }

    /// No tasks are taken.
    pub fn is_open(&self) -> bool {
        self.stage() != Benchmark::None
    }

    /// For the slots, which other coordinators share.
    pub fn stage(&self) -> Benchmark {
        match self.current.as_ref().map(|current| &current.state) {
            None | Some(State::Done(_)) => Benchmark::None,
            Some(State::Waits) => Benchmark::Waits,
            Some(State::AtWork) => Benchmark::AtWork,
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Asked({:?})", self.status().map(|status| status.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        let measured = |quick: bool| Measured {
            result_json: if quick { "quick" } else { "whole" }.to_owned(),
            capabilities: Capabilities { slots: 7, ..Capabilities::default() },
        };
        Asked::new(Arc::new(move |quick| Box::pin(async move { Ok(measured(quick)) })))
    }

    fn order(id: &str) -> Option<BenchmarkOrder> {
        Some(BenchmarkOrder { id: id.to_owned(), quick: true })
    }

    #[tokio::test]
    async fn it_is_made_once_told_until_nobody_asks_and_never_again() {
        let mut asked = asked();
        assert!(asked.ended().await.is_none() && asked.status().is_none());
        assert!(asked.told(order("one")) && !asked.told(order("one")));
        asked.begin_if(|| false);
        assert!(asked.is_open() && asked.stage() == Benchmark::Waits);
        asked.begin_if(|| true);
        assert_eq!(asked.stage(), Benchmark::AtWork);
        assert_eq!(asked.status().unwrap().end, None);
        assert_eq!(asked.ended().await.unwrap().unwrap().slots, 7);
        assert!(!asked.is_open());
        assert_eq!(asked.status().unwrap().end, Some(End::ResultJson("quick".into())));
        assert!(!asked.told(order("one")) && asked.status().is_some());
        asked.told(None);
        assert!(asked.status().is_none());
        assert!(!asked.told(order("one")), "an answer that was late");
        assert!(asked.told(order("two")));
    }

    #[tokio::test]
    async fn what_is_not_wanted_any_more_ends_at_once() {
        let hang: Meter = Arc::new(|_| Box::pin(std::future::pending()));
        let mut asked = Asked::new(hang);
        asked.told(order("one"));
        asked.begin_if(|| true);
        asked.told(None);
        assert!(asked.ended().await.is_none(), "nothing is left of it");
        assert!(!asked.is_open());
    }

    #[tokio::test]
    async fn why_it_found_nothing_is_told() {
        let mut asked = Asked::new(Arc::new(|_| Box::pin(async { Err("no engine".to_owned()) })));
        asked.told(order("one"));
        asked.begin_if(|| true);
        assert_eq!(asked.ended().await, Some(None));
        assert_eq!(asked.status().unwrap().end, Some(End::Failure("no engine".into())));
    }
}
