//! What is held in the slots, by coordinator, and which attempt gets the next slot. No more engines run at a time than there
//! are slots.
//!
//! ```text
//!  waiting --(a slot is free)--> running --(its engine has ended)--> settling --> forgotten
//!     +────────────────────────────(stopped)──────────────────────────────────────^
//! ```
//! A join has a place of its own where one is free: it computes next to nothing, and a finished video would else wait for
//! the long chunk of another one that has taken the slot meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flotilla_proto::fleet::{AttemptStatus, LeaseRef};
use tokio::sync::{oneshot, watch};

use super::quiet::Quiet;
use super::sharing::{Member, Sharing};
use crate::attempt::Stop;

/// Joins at a time that take no slot. Each streams: it costs little memory, whatever the length of the video.
const JOIN_PLACES: u32 = 2;

/// An attempt that is held.
#[derive(Debug)]
pub struct Held {
    /// Speaks for it.
    pub lease: LeaseRef,
    /// How far it is.
    pub phase: Phase,
    /// Of its work.
    pub progress: Arc<AtomicU64>,
    /// Ends it.
    pub stop: watch::Sender<Option<Stop>>,
}

/// Where an attempt stands with the slots.
#[derive(Debug)]
pub enum Phase {
    /// It takes no slot: the device has sessions of its own.
    OnDevice,
    /// It takes no slot: it joins what others have encoded.
    Joining,
    /// Leased beyond the slots: it is told when it may begin.
    Waiting {
        /// Those who came before have smaller numbers.
        since: u64,
        /// Says so.
        begin: oneshot::Sender<()>,
    },
    /// In a slot.
    Running,
    /// Its slot is another's.
    Settling,
}

/// Everything that is held.
#[derive(Debug)]
pub struct Ledger {
    slot_count: u32,
    /// Who is offered what.
    pub sharing: Sharing,
    /// Who wants the machine to itself.
    pub quiet: Quiet,
    /// By coordinator, and by attempt.
    held: Vec<BTreeMap<String, Held>>,
    arrivals: u64,
}

impl Held {
    /// For the heartbeat.
    pub fn status(&self) -> AttemptStatus {
        AttemptStatus { lease: Some(self.lease.clone()), progress: self.progress.load(Ordering::Relaxed) }
    }

    /// The first reason counts, but a lease that is lost must not be spoken for any more.
    pub fn tell(&self, reason: Stop) {
        self.stop.send_if_modified(|told| {
            let is_news = told.is_none() || (*told == Some(Stop::Returned) && reason != Stop::Returned);
            if is_news {
                *told = Some(reason);
            }
            is_news
        });
    }
}

impl Ledger {
    /// Nothing is held in so many slots.
    pub fn new(slot_count: u32) -> Self {
        let sharing = Sharing::new(slot_count);
        Self { slot_count, sharing, quiet: Quiet::default(), held: Vec::new(), arrivals: 0 }
    }

    /// One coordinator more.
    pub fn add(&mut self, share: u32) -> Member {
        self.held.push(BTreeMap::new());
        self.quiet.add();
        self.sharing.add(share)
    }

    /// What one coordinator holds.
    pub fn of(&self, member: Member) -> &BTreeMap<String, Held> {
        &self.held[member]
    }

    /// Of all coordinators.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().flat_map(BTreeMap::values)
    }

    /// Tasks that could start now, beside those of devices.
    pub fn free_count(&self) -> u32 {
        let busy: u32 = self.taken().iter().sum();
        // A slow network must not pile results up in memory.
        let settling = count(self.all(), |phase| matches!(phase, Phase::Settling));
        self.slot_count.saturating_sub(busy + settling.saturating_sub(self.slot_count))
    }

    /// Slots that one coordinator is offered.
    pub fn offer(&self, member: Member) -> u32 {
        match self.sharing.is_shared() {
            true => self.sharing.offer(member, &self.taken(), self.free_count()),
            false => self.free_count(),
        }
    }

    /// Joins that could start now beside the slots.
    pub fn free_joins(&self) -> u32 {
        JOIN_PLACES.saturating_sub(count(self.all(), |phase| matches!(phase, Phase::Joining)))
    }

    /// Takes an attempt in; what says that it may begin, if it has to wait for a slot at all.
    pub fn take(&mut self, member: Member, attempt_id: String, held: Held) {
        if matches!(held.phase, Phase::Waiting { .. }) {
            self.sharing.set_hungry(member, true);
            let taken = self.taken();
            self.sharing.taken(member, &taken);
        }
        self.held[member].insert(attempt_id, held);
        self.admit();
    }

    /// A place in the queue.
    pub fn wait(&mut self, begin: oneshot::Sender<()>) -> Phase {
        self.arrivals += 1;
        Phase::Waiting { since: self.arrivals, begin }
    }

    /// An engine has ended.
    pub fn settle(&mut self, member: Member, attempt_id: &str) {
        if let Some(held) = self.held[member].get_mut(attempt_id) {
            held.phase = Phase::Settling;
        }
        self.admit();
    }

    /// An attempt is over.
    pub fn forget(&mut self, member: Member, attempt_id: &str) {
        self.held[member].remove(attempt_id);
        self.admit();
    }

    /// Lets those that wait begin, as far as there are slots.
    fn admit(&mut self) {
        while let Some(held) = self.next() {
            let phase = std::mem::replace(&mut held.phase, Phase::Running);
            // One that was stopped while it waited needs no slot.
            if let Phase::Waiting { begin, .. } = phase
                && begin.send(()).is_err()
            {
                held.phase = Phase::Settling;
            }
        }
    }

    fn next(&mut self) -> Option<&mut Held> {
        let running = self.counts(|phase| matches!(phase, Phase::Running));
        if running.iter().sum::<u32>() >= self.slot_count {
            return None;
        }
        let since = |held: &Held| match held.phase {
            Phase::Waiting { since, .. } => Some(since),
            _ => None,
        };
        let first = |member: Member| Some((self.held[member].values().filter_map(since).min()?, member));
        let mut queue: Vec<_> = (0..self.held.len()).filter_map(first).collect();
        queue.sort_unstable();
        let member = self.sharing.first(queue.into_iter().map(|(_, member)| member), &running)?;
        self.held[member].values_mut().filter(|held| since(held).is_some()).min_by_key(|held| since(held))
    }

    /// What each coordinator has in slots, or has waiting for one.
    fn taken(&self) -> Vec<u32> {
        self.counts(|phase| matches!(phase, Phase::Running | Phase::Waiting { .. }))
    }

    fn counts(&self, is_meant: impl Fn(&Phase) -> bool + Copy) -> Vec<u32> {
        self.held.iter().map(|held| count(held.values(), is_meant)).collect()
    }
}

fn count<'a>(held: impl Iterator<Item = &'a Held>, is_meant: impl Fn(&Phase) -> bool) -> u32 {
    u32::try_from(held.filter(|held| is_meant(&held.phase)).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ledger: &mut Ledger, member: Member, id: &str, phase: Phase) {
        let (lease, progress, stop) = (LeaseRef::default(), Arc::default(), watch::Sender::new(None));
        ledger.take(member, id.into(), Held { lease, phase, progress, stop });
    }

    fn hold(ledger: &mut Ledger, member: Member, id: &str) -> oneshot::Receiver<()> {
        let (begin, begins) = oneshot::channel();
        let phase = ledger.wait(begin);
        take(ledger, member, id, phase);
        begins
    }

    fn may_begin(begins: &mut oneshot::Receiver<()>) -> bool {
        begins.try_recv().is_ok()
    }

    #[test]
    fn a_freed_slot_goes_to_the_coordinator_that_has_least_of_them() {
        let mut ledger = Ledger::new(1);
        let (first, second) = (ledger.add(1), ledger.add(1));
        let mut running = hold(&mut ledger, first, "a");
        let (mut next, mut other) = (hold(&mut ledger, first, "b"), hold(&mut ledger, second, "a"));
        assert!(may_begin(&mut running) && !may_begin(&mut next) && !may_begin(&mut other));
        assert_eq!((ledger.free_count(), ledger.of(first).len()), (0, 2));
        ledger.settle(first, "a");
        assert!(may_begin(&mut next) && !may_begin(&mut other), "of equals, who waits longest");
        let mut last = hold(&mut ledger, first, "c");
        ledger.forget(first, "b");
        assert!(may_begin(&mut other) && !may_begin(&mut last));
    }

    #[test]
    fn with_two_slots_the_one_that_has_none_goes_first() {
        let mut ledger = Ledger::new(2);
        let (first, second) = (ledger.add(1), ledger.add(1));
        let _running = [hold(&mut ledger, first, "a"), hold(&mut ledger, first, "b")];
        let (mut next, mut other) = (hold(&mut ledger, first, "c"), hold(&mut ledger, second, "a"));
        ledger.settle(first, "a");
        assert!(!may_begin(&mut next) && may_begin(&mut other));
        ledger.forget(first, "c");
        drop(next);
        ledger.forget(first, "b");
        assert_eq!(ledger.free_count(), 1);
    }

    #[test]
    fn joins_have_places_of_their_own_until_their_engines_have_ended() {
        let mut ledger = Ledger::new(1);
        let member = ledger.add(1);
        assert_eq!((ledger.free_count(), ledger.free_joins()), (1, 2));
        take(&mut ledger, member, "a", Phase::Joining);
        take(&mut ledger, member, "b", Phase::Joining);
        assert_eq!((ledger.free_count(), ledger.free_joins()), (1, 0));
        ledger.settle(member, "a");
        assert_eq!((ledger.free_count(), ledger.free_joins()), (1, 1));
        ledger.forget(member, "b");
        assert_eq!((ledger.free_count(), ledger.free_joins()), (1, 2));
    }

    #[test]
    fn one_that_was_stopped_while_it_waited_takes_no_slot() {
        let mut ledger = Ledger::new(1);
        let member = ledger.add(1);
        let _running = hold(&mut ledger, member, "a");
        drop(hold(&mut ledger, member, "b"));
        let mut last = hold(&mut ledger, member, "c");
        ledger.forget(member, "a");
        assert!(may_begin(&mut last));
    }
}
