//! What is said to the coordinator.

use flotilla_proto::fleet::{Capabilities, SyncRequest};
use tokio::time::Instant;

use super::Link;

/// What an answer is an answer to.
#[derive(Debug)]
pub struct Sent {
    /// Of all calls of the link, from 1 on.
    pub number: u64,
    /// When it went out.
    pub at: Instant,
    /// Slots that it offered.
    pub offered: u32,
    /// What it told of what this runner can do; none: nothing.
    pub capabilities: Option<Capabilities>,
}

impl Link {
    pub(super) fn call(&mut self) {
        if self.takes_none() {
            self.slots.set_idle();
        }
        let (coordinator, request) = (self.coordinator.clone(), self.request());
        self.call_count += 1;
        let (number, offered) = (self.call_count, request.free_slots);
        self.offered = offered;
        let capabilities = request.capabilities.clone();
        self.calls.spawn(async move {
            let sent = Sent { number, at: Instant::now(), offered, capabilities };
            (sent, coordinator.sync(request).await)
        });
    }

    pub(super) fn request(&self) -> SyncRequest {
        let (takes_none, offered) = (self.takes_none(), self.offer());
        SyncRequest {
            session_id: self.session_id.clone(),
            capabilities: self.news(),
            free_slots: offered,
            attempts: self.slots.statuses(),
            draining: self.tokens.is_draining(),
            leaving: false,
            resting_reason: self.resting_reason(),
            free_joins: if takes_none { 0 } else { self.slots.free_joins() },
            device_rooms: if takes_none { Vec::new() } else { self.slots.devices().rooms() },
            benchmark: self.asked.status(),
            hold_ms: self.hold_ms(offered),
        }
    }

    /// A slot has come free, or others left it to this coordinator, and the call that hangs does not say so.
    pub(super) fn has_more_to_offer(&self) -> bool {
        // A single coordinator hears of it when an attempt of its ends.
        let is_told_so = self.slots.is_shared() && !self.calls.is_empty() && self.may_overlap();
        is_told_so && self.offer() > self.offered
    }

    fn offer(&self) -> u32 {
        if self.takes_none() { 0 } else { self.slots.offer() }
    }

    fn takes_none(&self) -> bool {
        let is_told_to = self.tokens.is_draining() || self.drained_by_coordinator;
        is_told_to || self.resting_reason().is_some() || self.asked.is_open() || self.slots.is_quiet()
    }

    /// Beside other coordinators, one that had work is asked whether it has more and shall say so at once: the slot is kept
    /// for it meanwhile. Nor does a call hang beside another one that has nothing to offer.
    fn hold_ms(&self, offered: u32) -> u32 {
        let is_question = offered > 0 && self.slots.is_hungry();
        let is_word = offered == 0 && !self.calls.is_empty();
        // After a failure the runner wants to know at once that it is heard again.
        match self.failures > 0 || self.slots.is_shared() && (is_question || is_word) {
            true => 0,
            false => self.vitals.hold_ms(!self.slots.are_empty()),
        }
    }

    /// All that the runner offers, where the coordinator does not know it.
    fn news(&self) -> Option<Capabilities> {
        let mut capabilities = self.capabilities.borrow().clone();
        capabilities.encoders.extend(self.slots.devices().encoders());
        (self.told.as_ref() != Some(&capabilities)).then_some(capabilities)
    }
}
