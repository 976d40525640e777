//! The sync loop: says what this runner is doing, does what the answer says. It only ever passes words on;
//! the work is in tasks of its own, so nothing here makes a heartbeat late.
//!
//! One call usually hangs. When a slot comes free meanwhile, the next call goes out beside it instead of
//! cancelling it: a cancelled call might take a lease with it. Busy calls end by themselves within a second,
//! so few are open at once. Only the newest call is given work, so what it offers is what is offered.
//!
//! With several coordinators there is a link for each, and none knows of the others: what they have in common are the slots,
//! which say what this one is offered.

mod answer;
pub mod asked;
mod request;
pub mod vitals;

use std::time::Duration;

use flotilla_proto::fleet::{Capabilities, SyncRequest, SyncResponse};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::asked::{Asked, Meter};
use self::request::Sent;
use self::vitals::Vitals;
use crate::attempt::Stop;
use crate::coordinator::{Client, Error};
use crate::lifecycle::Tokens;
use crate::neighbour::settings::WhenResting;
use crate::neighbour::{Rest, Verdict};
use crate::retry::Schedule;
use crate::slots::Allotment;

/// Calls open at a time.
const CALLS_IN_FLIGHT: usize = 3;
/// Longest time for the last call of a session.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// The conversation with the coordinator for one session of the daemon.
#[derive(Debug)]
pub struct Link {
    coordinator: Client,
    slots: Allotment,
    slot_news: watch::Receiver<u64>,
    tokens: Tokens,
    session_id: String,
    /// Without the encoders of devices, which come and go. All links tell the same.
    capabilities: watch::Sender<Capabilities>,
    /// What was told last of what is offered; none at the start and after every failed call: the coordinator may be
    /// another process since.
    told: Option<Capabilities>,
    device_news: watch::Receiver<u64>,
    drained_by_coordinator: bool,
    neighbour: watch::Receiver<Verdict>,
    asked: Asked,
    drain_told: bool,
    stop_told: bool,
    gave_back: bool,
    /// The deadline at which the running tasks were dropped last.
    missed_deadline: Option<Instant>,
    vitals: Vitals,
    next_call: Instant,
    waits: Schedule,
    failures: u32,
    calls: JoinSet<(Sent, Result<SyncResponse, Error>)>,
    /// Calls that have been sent.
    call_count: u64,
    /// Slots that the newest call offers, while it is open.
    offered: u32,
    /// Calls up to this one may have offered slots that an answer has filled since.
    filled: u64,
}

impl Link {
    /// A link that has said nothing yet; `session_id` is random and never used before.
    pub fn new(
        coordinator: Client,
        slots: Allotment,
        tokens: Tokens,
        session_id: String,
        capabilities: watch::Sender<Capabilities>,
        (neighbour, meter): (watch::Receiver<Verdict>, Meter),
    ) -> Self {
        let now = Instant::now();
        Self {
            coordinator,
            device_news: slots.devices().news(),
            slot_news: slots.news(),
            slots,
            tokens,
            session_id,
            capabilities,
            told: None,
            drained_by_coordinator: false,
            neighbour,
            asked: Asked::new(meter),
            drain_told: false,
            stop_told: false,
            gave_back: false,
            missed_deadline: None,
            vitals: Vitals::new(now),
            next_call: now,
            waits: Schedule::coordinator(),
            failures: 0,
            calls: JoinSet::new(),
            call_count: 0,
            offered: 0,
            filled: 0,
        }
    }

    /// Works until the tokens say stop and the last attempt has ended; true when attempts were stopped for that
    /// and given back. An error when this runner is not known any more.
    pub async fn run(mut self) -> Result<bool, Error> {
        while !(self.tokens.is_draining() && self.slots.are_empty()) {
            if let Err(error) = self.step().await {
                self.slots.stop_all(Stop::Lost);
                self.slots.emptied().await;
                return Err(error);
            }
        }
        self.slots.emptied().await;
        let goodbye = SyncRequest { hold_ms: 0, ..self.request() };
        let _ = timeout(GOODBYE_LIMIT, self.coordinator.sync(goodbye)).await;
        Ok(self.gave_back)
    }

    async fn step(&mut self) -> Result<(), Error> {
        let is_watching = self.missed_deadline != Some(self.vitals.deadline()) && !self.slots.are_empty();
        self.slots.set_benchmark(self.asked.stage());
        let may_measure = self.resting_reason().is_none();
        self.asked.begin_if(|| may_measure && self.slots.begin_benchmark());
        let may_overlap = self.may_overlap();
        tokio::select! {
            biased;
            () = self.tokens.stopped(), if !self.stop_told => {
                self.stop_told = true;
                self.gave_back = !self.slots.are_empty();
                self.slots.stop_all(Stop::Returned);
            }
            () = self.tokens.draining(), if !self.drain_told => {
                self.drain_told = true;
                self.call();
            }
            Ok(()) = self.neighbour.changed() => self.heed(),
            () = sleep_until(self.vitals.deadline()), if is_watching => self.stop_itself(),
            Some(call) = self.calls.join_next() => {
                let (sent, answer) = call.expect("a call neither panics nor is cancelled");
                self.hear(sent, answer)?;
            }
            Some(capabilities) = self.asked.ended() => self.measured(capabilities),
            () = self.slots.released(), if may_overlap => self.call(),
            Ok(()) = self.device_news.changed(), if may_overlap => self.call(),
            // What it means is looked at below, and before the next wait.
            Ok(()) = self.slot_news.changed() => {}
            () = sleep_until(self.next_call), if self.calls.is_empty() => self.call(),
        }
        if self.has_more_to_offer() {
            self.call();
        }
        Ok(())
    }

    fn may_overlap(&self) -> bool {
        self.calls.len() < CALLS_IN_FLIGHT && self.failures == 0
    }

    /// Tells the coordinator of a rest that begins or ends, and gives back what shall not run through it.
    fn heed(&mut self) {
        let verdict = self.neighbour.borrow_and_update().clone();
        match verdict.rest() {
            None => tracing::info!("resting no more: tasks are taken again"),
            Some(Rest { reason, running, .. }) => {
                tracing::info!(reason, "resting: no tasks are taken");
                if *running == WhenResting::Return {
                    self.slots.stop_all(Stop::Returned);
                }
            }
        }
        self.call();
    }

    /// A benchmark has ended: the coordinator hears of it at once.
    fn measured(&mut self, capabilities: Option<Capabilities>) {
        if let Some(capabilities) = capabilities {
            self.capabilities.send_replace(capabilities);
        }
        self.slots.set_benchmark(self.asked.stage());
        self.call();
    }

    fn resting_reason(&self) -> Option<String> {
        self.neighbour.borrow().rest().map(|rest| rest.reason.clone())
    }
}
