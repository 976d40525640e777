//! What is made of the coordinator's answers, and of their absence.

use std::time::Duration;

use flotilla_proto::fleet::{Lease, SyncResponse};
use tokio::time::Instant;

use super::request::Sent;
use super::{GOODBYE_LIMIT, Link};
use crate::attempt::Stop;
use crate::coordinator::Error;

impl Link {
    pub(super) fn hear(&mut self, sent: Sent, answer: Result<SyncResponse, Error>) -> Result<(), Error> {
        if sent.number == self.call_count {
            self.offered = 0;
        }
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
        self.told = sent.capabilities.or(self.told.take());
        self.waits.reset();
        self.vitals.answered(sent.at, answer.self_stop_ms);
        if answer.drain != self.drained_by_coordinator {
            tracing::info!(drain = answer.drain, "the coordinator changed what it wants of this runner");
        }
        self.drained_by_coordinator = answer.drain;
        for attempt_id in &answer.stop_attempt_ids {
            self.slots.stop(attempt_id, Stop::Unwanted);
        }
        self.judge(sent.number, sent.offered, !answer.start.is_empty());
        let has_news = self.asked.told(answer.benchmark) || !answer.start.is_empty();
        self.slots.set_benchmark(self.asked.stage());
        for lease in answer.start {
            self.start(lease);
        }
        // New attempts are named in the next call at once: that is how the coordinator learns that they
        // arrived.
        let wait_ms = if has_news { 0 } else { answer.next_call_ms };
        self.next_call = Instant::now() + Duration::from_millis(wait_ms.into());
    }

    /// Whether the coordinator has work for what it was offered; that it has is said by the attempts that start. A call
    /// says nothing that was overtaken by another one, or that offered slots which another one has filled.
    fn judge(&mut self, number: u64, offered: u32, has_started: bool) {
        if has_started {
            self.filled = self.call_count;
        } else if offered > 0 && number == self.call_count && number > self.filled {
            self.slots.set_idle();
        }
    }

    /// A lease that was on its way when the rest or a benchmark began goes back at once.
    fn start(&self, lease: Lease) {
        let attempt_id = lease.lease.as_ref().map(|lease| lease.attempt_id.clone());
        self.slots.start(lease);
        if let Some(attempt_id) =
            attempt_id.filter(|_| self.resting_reason().is_some() || self.slots.is_measured())
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
        self.slots.set_idle();
    }

    /// Without an answer for so long, somebody else may hold the leases: what runs here is worth nothing any
    /// more.
    pub(super) fn stop_itself(&mut self) {
        tracing::warn!("no answer from the coordinator for too long: the running tasks are dropped");
        self.missed_deadline = Some(self.vitals.deadline());
        self.slots.stop_all(Stop::Lost);
    }
}
