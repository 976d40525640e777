//! The sync loop: says what this runner is doing, does what the answer says. It only ever passes words on;
//! the work is in tasks of its own, so nothing here makes a heartbeat late.
//!
//! One call usually hangs. When a slot comes free meanwhile, the next call goes out beside it instead of
//! cancelling it: a cancelled call might take a lease with it. Busy calls end by themselves within a second,
//! so few are open at once.

pub mod asked;
pub mod vitals;

use std::time::Duration;

use flotilla_proto::fleet::{Capabilities, Encoder, Lease, SyncRequest, SyncResponse};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use self::asked::{Asked, Meter};
use self::vitals::Vitals;
use crate::attempt::Stop;
use crate::coordinator::{Client, Error};
use crate::lifecycle::Tokens;
use crate::neighbour::settings::WhenResting;
use crate::neighbour::{Rest, Verdict};
use crate::retry::Schedule;
use crate::slots::Slots;

/// Calls open at a time.
const CALLS_IN_FLIGHT: usize = 3;
/// Longest time for the last call of a session.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// The conversation with the coordinator for one session of the daemon.
#[derive(Debug)]
pub struct Link {
    coordinator: Client,
    slots: Slots,
    tokens: Tokens,
    session_id: String,
    /// Without the encoders of devices, which come and go.
    capabilities: Capabilities,
    /// The offers of devices as they were told last; none at the start and after every failed call: the coordinator may be
    /// another process since.
    told: Option<Vec<Encoder>>,
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
}

/// What an answer is an answer to.
#[derive(Debug)]
struct Sent {
    at: Instant,
    /// The offers of devices that it told; none: nothing was told of what is offered.
    devices: Option<Vec<Encoder>>,
}

impl Link {
    /// A link that has said nothing yet; `session_id` is random and never used before.
    pub fn new(
        coordinator: Client,
        slots: Slots,
        tokens: Tokens,
        session_id: String,
        capabilities: Capabilities,
        (neighbour, meter): (watch::Receiver<Verdict>, Meter),
    ) -> Self {
        let now = Instant::now();
        Self {
            coordinator,
            device_news: slots.devices().news(),
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
        self.asked.begin_if(self.slots.are_empty() && self.resting_reason().is_none());
        let may_overlap = self.calls.len() < CALLS_IN_FLIGHT && self.failures == 0;
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
            () = sleep_until(self.next_call), if self.calls.is_empty() => self.call(),
        }
        Ok(())
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
            (self.capabilities, self.told) = (capabilities, None);
        }
        self.call();
    }

    fn resting_reason(&self) -> Option<String> {
        self.neighbour.borrow().rest().map(|rest| rest.reason.clone())
    }

    fn call(&mut self) {
        let (coordinator, request) = (self.coordinator.clone(), self.request());
        let of_devices = |offer: &Capabilities| {
            offer.encoders.iter().filter(|encoder| !encoder.device.is_empty()).cloned().collect()
        };
        let devices = request.capabilities.as_ref().map(of_devices);
        self.calls.spawn(async move {
            let sent = Sent { at: Instant::now(), devices };
            (sent, coordinator.sync(request).await)
        });
    }

    fn request(&self) -> SyncRequest {
        let draining = self.tokens.is_draining();
        let resting_reason = self.resting_reason();
        let takes_none = draining || self.drained_by_coordinator || resting_reason.is_some();
        let takes_none = takes_none || self.asked.is_open();
        SyncRequest {
            session_id: self.session_id.clone(),
            capabilities: self.news(),
            free_slots: if takes_none { 0 } else { self.slots.free_count() },
            attempts: self.slots.statuses(),
            draining,
            leaving: false,
            resting_reason,
            device_rooms: if takes_none { Vec::new() } else { self.slots.devices().rooms() },
            benchmark: self.asked.status(),
            // After a failure the runner wants to know at once that it is heard again.
            hold_ms: if self.failures > 0 { 0 } else { self.vitals.hold_ms(!self.slots.are_empty()) },
        }
    }

    /// All that the runner offers, where the coordinator does not know it.
    fn news(&self) -> Option<Capabilities> {
        let devices = self.slots.devices().encoders();
        if self.told.as_ref() == Some(&devices) {
            return None;
        }
        let encoders = self.capabilities.encoders.iter().cloned().chain(devices).collect();
        Some(Capabilities { encoders, ..self.capabilities.clone() })
    }

    fn hear(&mut self, sent: Sent, answer: Result<SyncResponse, Error>) -> Result<(), Error> {
        match answer {
            Ok(answer) => self.obey(sent, answer),
            Err(error @ (Error::Denied(_) | Error::Address(_))) => return Err(error),
            Err(error) => self.wait_longer(&error),
        }
        Ok(())
    }

    fn obey(&mut self, sent: Sent, answer: SyncResponse) {
        if self.failures > 0 {
            tracing::info!(failed_calls = self.failures, "the coordinator answers again");
        }
        self.failures = 0;
        self.told = sent.devices.or(self.told.take());
        self.waits.reset();
        self.vitals.answered(sent.at, answer.self_stop_ms);
        if answer.drain != self.drained_by_coordinator {
            tracing::info!(drain = answer.drain, "the coordinator changed what it wants of this runner");
        }
        self.drained_by_coordinator = answer.drain;
        for attempt_id in &answer.stop_attempt_ids {
            self.slots.stop(attempt_id, Stop::Unwanted);
        }
        let has_news = self.asked.told(answer.benchmark) || !answer.start.is_empty();
        for lease in answer.start {
            self.start(lease);
        }
        // New attempts are named in the next call at once: that is how the coordinator learns that they
        // arrived.
        let wait_ms = if has_news { 0 } else { answer.next_call_ms };
        self.next_call = Instant::now() + Duration::from_millis(wait_ms.into());
    }

    /// A lease that was on its way when the rest or a benchmark began goes back at once.
    fn start(&self, lease: Lease) {
        let attempt_id = lease.lease.as_ref().map(|lease| lease.attempt_id.clone());
        self.slots.start(lease);
        if let Some(attempt_id) =
            attempt_id.filter(|_| self.resting_reason().is_some() || self.asked.is_at_work())
        {
            self.slots.stop(&attempt_id, Stop::Returned);
        }
    }

    fn wait_longer(&mut self, error: &Error) {
        let wait = self.waits.next_wait().unwrap_or(GOODBYE_LIMIT);
        if self.failures == 0 {
            tracing::warn!(%error, "the coordinator does not answer; calling again until it does");
        }
        tracing::debug!(%error, wait_ms = wait.as_millis(), "the call failed");
        (self.failures, self.told) = (self.failures.saturating_add(1), None);
        self.next_call = Instant::now() + wait;
    }

    /// Without an answer for so long, somebody else may hold the leases: what runs here is worth nothing any
    /// more.
    fn stop_itself(&mut self) {
        tracing::warn!("no answer from the coordinator for too long: the running tasks are dropped");
        self.missed_deadline = Some(self.vitals.deadline());
        self.slots.stop_all(Stop::Lost);
    }
}
