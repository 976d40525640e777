//! Thousands of runners in one process, each a task of its own, and what they tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use flotilla_proto::fleet::Lease;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{Mutex, mpsc};

use super::coordinator::Coordinator;
use super::figures::Durations;
use super::runner::{Call, Runner};

/// Runners that join at a time: the listener's queue is short.
const JOINING: usize = 64;

/// A busy runner asks for an answer at once this often, which shows how long an answer takes.
const PROMPT_EVERY: u64 = 5;

/// All simulated runners.
pub struct Crowd {
    shared: Arc<Shared>,
    /// Leases that came, with the time at which they came.
    leases: mpsc::UnboundedReceiver<(Lease, Instant)>,
    runners: Vec<tokio::task::JoinHandle<()>>,
}

/// What all runners look at.
pub struct Shared {
    leases: mpsc::UnboundedSender<(Lease, Instant)>,
    /// Runners keep what they are given; otherwise they refuse it at once and wait again.
    keeping: AtomicBool,
    counting: AtomicBool,
    hanging: Mutex<Durations>,
    prompt: Mutex<Durations>,
    calls: AtomicUsize,
    failed: AtomicUsize,
}

impl Crowd {
    /// Lets so many runners join and call.
    pub async fn gather(coordinator: &Coordinator, count: usize) -> Result<Self> {
        let token = coordinator.token(count).await?;
        let (leases, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            leases,
            keeping: AtomicBool::new(true),
            counting: AtomicBool::new(false),
            hanging: Mutex::new(Durations::new()),
            prompt: Mutex::new(Durations::new()),
            calls: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        });
        let runners = stream::iter(0..count)
            .map(|number| Runner::join(&coordinator.url, &token, number))
            .buffer_unordered(JOINING)
            .map_ok(|runner| tokio::spawn(work(runner, shared.clone())))
            .try_collect()
            .await?;
        Ok(Self { shared, leases: received, runners })
    }

    /// The next lease that any runner is given.
    pub async fn lease(&mut self) -> Option<(Lease, Instant)> {
        self.leases.recv().await
    }

    /// From now on runners give back what they are given.
    pub fn keep_no_more(&self) {
        self.shared.keeping.store(false, Ordering::Relaxed);
    }

    /// From now on calls count.
    pub fn count(&self, is_counting: bool) {
        self.shared.counting.store(is_counting, Ordering::Relaxed);
    }

    /// Calls answered since the start.
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Calls that failed.
    pub fn failed(&self) -> usize {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// How late calls were that were to hang, and how long those took that were not.
    pub async fn durations(&self) -> (Durations, Durations) {
        (self.shared.hanging.lock().await.clone(), self.shared.prompt.lock().await.clone())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.runners.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// A runner's life: call, take what is given, call again.
async fn work(mut runner: Runner, shared: Arc<Shared>) {
    let mut held: Option<Lease> = None;
    for number in 0_u64.. {
        let at_once = held.is_some() && number.is_multiple_of(PROMPT_EVERY);
        let called = runner.sync(held.as_ref(), at_once).await;
        let Ok(call) = called else {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            continue;
        };
        shared.note(&call).await;
        let Some(lease) = call.answer.start.into_iter().next() else { continue };
        if shared.keeping.load(Ordering::Relaxed) {
            held = Some(lease.clone());
        } else if runner.refuse(&lease).await.is_err() {
            shared.failed.fetch_add(1, Ordering::Relaxed);
        }
        // Nobody listens any more when the measurement is over.
        let _ = shared.leases.send((lease, call.at));
    }
}

impl Shared {
    async fn note(&self, call: &Call) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.counting.load(Ordering::Relaxed) && call.answer.start.is_empty() {
            let durations = if call.is_prompt { &self.prompt } else { &self.hanging };
            durations.lock().await.add(call.late);
        }
    }
}
