//! The calls that hang because there was nothing for them, and whom to wake when there is. With thousands of runners a
//! change must not wake them all: ready work rings for as many of those that could do it as there are tasks, an attempt's
//! end for its runner.
//!
//! ```text
//!  enter --> look --> nothing --> hang --> rung --> look --> nothing --> hang again
//!              | work or a stop              | work           |
//!              v                             v                +--> another may be rung
//!            leave                         leave --> another may be rung
//! ```
//! Those that are rung and have not looked yet count for a task each, so that a burst of changes does not ring for the
//! same task again and again.
//!
//! Nothing here decides anything: whoever is rung reads the store. A ring that is missed, by a bug or a crash, costs at
//! most one beat, because every call looks for itself when it comes in, and no call hangs longer than a beat.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::choice;
use crate::domain::runner::Capabilities;
use crate::domain::{AttemptId, RunnerId};
use crate::store::ReadyWork;

/// Encoders of a machine with their fingerprints, and the sessions of a device's: machines with equal ones can do the same
/// tasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Offers {
    /// All that it can do.
    All(Arc<[(String, String, u32)]>),
    /// Its slots are taken: a place for joins.
    Joins,
}

/// All hanging calls; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Hall>);

#[derive(Debug, Default)]
struct Hall {
    calls: Mutex<Calls>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Calls {
    next_number: u64,
    /// Counts the changes: a call that has looked since the last one need not be rung for it again.
    change: u64,
    open: HashMap<u64, Call>,
    /// Those that take work, by what their machines offer, the longest waiting first.
    idle: HashMap<Offers, BTreeSet<u64>>,
    newest_of: HashMap<RunnerId, u64>,
    /// Rung, and it is not known yet whether they found work.
    unsettled: BTreeSet<u64>,
    /// Rung since the last [`Waiting::begin_tour`], and found nothing.
    vain: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ring {
    None,
    /// For work.
    Rung,
    /// It looks because it was rung.
    Looks,
}

#[derive(Debug)]
struct Call {
    bell: Arc<Notify>,
    /// None: takes no work.
    offers: Option<Offers>,
    /// Attempts whose end it wants to hear of.
    watched: Vec<AttemptId>,
    /// The change after which it looked last.
    looked_at: Option<u64>,
    ring: Ring,
}

/// A call's place among those that hang, until it is dropped.
#[derive(Debug)]
pub struct Place {
    waiting: Waiting,
    runner_id: RunnerId,
    number: u64,
    bell: Arc<Notify>,
}

impl Offers {
    /// What a machine offers.
    pub fn of(capabilities: &Capabilities) -> Self {
        let encoder = |encoder: &crate::domain::runner::Encoder| {
            (encoder.name.clone(), encoder.fingerprint.clone(), encoder.sessions)
        };
        let mut offers: Vec<_> = capabilities.encoders.iter().map(encoder).collect();
        offers.sort();
        Self::All(offers.into())
    }

    fn fit(&self, work: &ReadyWork) -> bool {
        let is_join = work.needs.iter().any(|(need, _)| need == choice::JOIN);
        let Self::All(offers) = self else { return is_join };
        is_join
            || work.needs.iter().all(|(need, pinned)| {
                choice::ways(need).any(|way| {
                    let mut offers = offers.iter();
                    offers.any(|(offered, print, sessions)| {
                        offered == way.offer
                            && way.sessions <= *sessions
                            && pinned.as_ref().is_none_or(|pin| *pin == choice::bond(need, way, print))
                    })
                })
            })
    }
}

impl Waiting {
    /// A call takes its place, before it looks for the first time; an older one of the same runner is not rung for work
    /// any more. Without offers it takes no work and only hears of the attempts that it names.
    pub fn enter(&self, runner_id: &RunnerId, offers: Option<Offers>, watched: Vec<AttemptId>) -> Place {
        let mut calls = self.lock();
        calls.next_number += 1;
        let (number, bell) = (calls.next_number, Arc::new(Notify::new()));
        if let Some(older) = calls.newest_of.insert(runner_id.clone(), number) {
            calls.leave_idle(older);
            if let Some(call) = calls.open.get_mut(&older) {
                call.offers = None;
            }
        }
        let offers = offers.map(|offers| calls.share(offers));
        let call = Call { bell: bell.clone(), offers, watched, looked_at: None, ring: Ring::None };
        calls.open.insert(number, call);
        calls.enter_idle(number);
        Place { waiting: self.clone(), runner_id: runner_id.clone(), number, bell }
    }

    /// Something has changed: everybody may be rung again.
    pub fn begin_change(&self) {
        self.lock().change += 1;
    }

    /// Nobody waits for work.
    pub fn nobody_is_idle(&self) -> bool {
        self.lock().idle.is_empty()
    }

    /// Rings for each task one call whose machine could do it and that has not looked since the change.
    pub fn ring_for(&self, work: &[ReadyWork]) {
        let mut calls = self.lock();
        let mut spare = calls.unsettled.clone();
        for ready in work {
            let tasks = ready.task_count as usize;
            let taken = calls.fitting(&spare, tasks, ready);
            spare.retain(|number| !taken.contains(number));
            let chosen = calls.eligible(tasks - taken.len(), |offers| offers.fit(ready));
            chosen.into_iter().for_each(|number| calls.ring(number));
        }
    }

    /// Rings the newest call of a runner, if it has one: there is something for it alone.
    pub fn ring_runner(&self, runner_id: &RunnerId) {
        let calls = self.lock();
        let call = calls.newest_of.get(runner_id).and_then(|number| calls.open.get(number));
        if let Some(call) = call {
            call.bell.notify_one();
        }
    }

    /// Rings a few of those that wait for work, whatever there is to do.
    pub fn ring_some(&self, count: usize) {
        let mut calls = self.lock();
        let chosen = calls.eligible(count, |_| true);
        chosen.into_iter().for_each(|number| calls.ring(number));
    }

    /// Rings those who watch an attempt that does not run any more.
    pub fn ring_watchers(&self, running: &HashSet<AttemptId>) {
        for call in self.lock().open.values() {
            if call.watched.iter().any(|attempt_id| !running.contains(attempt_id)) {
                call.bell.notify_one();
            }
        }
    }

    /// Somebody watches attempts.
    pub fn somebody_watches(&self) -> bool {
        self.lock().open.values().any(|call| !call.watched.is_empty())
    }

    /// Resolves when somebody who was rung has looked, or cannot look any more: there may be work left for another.
    pub async fn settled(&self) {
        self.0.settled.notified().await;
    }

    /// How many were rung and found nothing.
    pub fn vain(&self) -> usize {
        self.lock().vain
    }

    /// Counts those anew, and does not wait any longer for those that look: a store that is away may keep them.
    pub fn begin_tour(&self) {
        let mut calls = self.lock();
        calls.vain = 0;
        for call in calls.open.values_mut().filter(|call| call.ring == Ring::Looks) {
            call.ring = Ring::None;
        }
        let rung = calls.open.iter().filter(|(_, call)| call.ring == Ring::Rung);
        calls.unsettled = rung.map(|(number, _)| *number).collect();
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    /// The same offers as others have, held once.
    fn share(&self, offers: Offers) -> Offers {
        self.idle.get_key_value(&offers).map_or(offers, |(known, _)| known.clone())
    }

    /// The longest waiting calls that have not looked since the change, up to `count`.
    fn eligible(&self, count: usize, fits: impl Fn(&Offers) -> bool) -> Vec<u64> {
        let fitting = self.idle.iter().filter(|(offers, _)| fits(offers));
        let fresh = |number: &&u64| self.open[*number].looked_at != Some(self.change);
        let mut chosen: Vec<u64> =
            fitting.flat_map(|(_, numbers)| numbers.iter().filter(fresh).take(count)).copied().collect();
        chosen.sort_unstable();
        chosen.truncate(count);
        chosen
    }

    fn ring(&mut self, number: u64) {
        self.leave_idle(number);
        if let Some(call) = self.open.get_mut(&number) {
            call.ring = Ring::Rung;
            call.bell.notify_one();
            self.unsettled.insert(number);
        }
    }

    /// Up to `count` of these calls whose machines could do the work.
    fn fitting(&self, numbers: &BTreeSet<u64>, count: usize, work: &ReadyWork) -> BTreeSet<u64> {
        let offers = |number: &u64| self.open.get(number).and_then(|call| call.offers.as_ref());
        let fits = |number: &&u64| offers(number).is_some_and(|offers| offers.fit(work));
        numbers.iter().filter(fits).take(count).copied().collect()
    }

    fn enter_idle(&mut self, number: u64) {
        if let Some(offers) = self.open.get(&number).and_then(|call| call.offers.clone()) {
            self.idle.entry(offers).or_default().insert(number);
        }
    }

    fn leave_idle(&mut self, number: u64) {
        let Some(offers) = self.open.get(&number).and_then(|call| call.offers.clone()) else { return };
        if let Some(numbers) = self.idle.get_mut(&offers) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.idle.remove(&offers);
            }
        }
    }
}

impl Place {
    /// The call is about to look: whatever changes from here on rings again.
    pub fn look(&self) {
        let mut calls = self.waiting.lock();
        let change = calls.change;
        let Some(call) = calls.open.get_mut(&self.number) else { return };
        call.looked_at = Some(change);
        if call.ring == Ring::Rung {
            call.ring = Ring::Looks;
        }
        calls.enter_idle(self.number);
    }

    /// The call has looked and found nothing.
    pub fn found_nothing(&self) {
        let mut calls = self.waiting.lock();
        let Some(call) = calls.open.get_mut(&self.number) else { return };
        // Rung again meanwhile, it looks again.
        if call.ring == Ring::Looks {
            call.ring = Ring::None;
            calls.vain += 1;
            calls.unsettled.remove(&self.number);
            self.waiting.0.settled.notify_one();
        }
    }

    /// Only the end of these attempts is news.
    pub fn watch(&self, attempts: Vec<AttemptId>) {
        if let Some(call) = self.waiting.lock().open.get_mut(&self.number) {
            call.watched = attempts;
        }
    }

    /// Resolves when the call is rung.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut calls = self.waiting.lock();
        calls.leave_idle(self.number);
        if calls.newest_of.get(&self.runner_id) == Some(&self.number) {
            calls.newest_of.remove(&self.runner_id);
        }
        calls.unsettled.remove(&self.number);
        let call = calls.open.remove(&self.number);
        if call.is_some_and(|call| call.ring != Ring::None) {
            self.waiting.0.settled.notify_one();
        }
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
