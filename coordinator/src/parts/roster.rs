//! What is known of the runners that speak to this process, so that a call of theirs costs no query and an idle one's
//! beat no write.
//!
//! Identities are read from the store again after [`FRESH_MS`] and forgotten with their runner. A beat stays in memory
//! only when the store would learn nothing from it but that the runner lives: nothing is held, nothing may be on its way,
//! and the store heard of the runner less than [`QUIET_MS`] ago. After a crash the store's word is so much older, which is
//! less than the time after which a runner counts as gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::runner::LIVE_MS;
use crate::domain::{RunnerId, Timestamp};
use crate::store::{Beat, RunnerRecord};

/// How long an identity is good before it is looked up again.
const FRESH_MS: i64 = 60_000;

/// Longest time between two beats of an idle runner that the store hears of, give or take one beat.
const QUIET_MS: i64 = 20_000;
const _: () = assert!(2 * QUIET_MS < LIVE_MS);

/// All runners that called lately.
#[derive(Debug, Default)]
pub struct Roster {
    entries: Mutex<HashMap<RunnerId, Entry>>,
    /// Those that take no work for now, and why, in their own words: it outlives an entry that is read anew.
    resting: Mutex<HashMap<RunnerId, String>>,
}

#[derive(Debug)]
struct Entry {
    secret_digest: String,
    record: Arc<RunnerRecord>,
    read_at: Timestamp,
    seen_at: Timestamp,
    noted: Option<Noted>,
    /// When it was last given a lease.
    leased_at: Option<Timestamp>,
}

/// The last beat that the store has heard.
#[derive(Debug)]
struct Noted {
    at: Timestamp,
    session_id: String,
    draining: bool,
    held_nothing: bool,
}

impl Roster {
    /// The runner of an identity that was proved lately.
    pub fn known(
        &self,
        runner_id: &RunnerId,
        secret_digest: &str,
        now: Timestamp,
    ) -> Option<Arc<RunnerRecord>> {
        let roster = self.lock();
        let entry = roster.get(runner_id).filter(|entry| entry.secret_digest == secret_digest)?;
        within(entry.read_at, FRESH_MS, now).then(|| Arc::clone(&entry.record))
    }

    /// The store has confirmed an identity.
    pub fn confirm(&self, record: RunnerRecord, secret_digest: String, now: Timestamp) -> Arc<RunnerRecord> {
        let record = Arc::new(record);
        let mut roster = self.lock();
        if !roster.contains_key(&record.id) && roster.len().is_power_of_two() {
            // Those that went away for good.
            roster.retain(|_, entry| within(entry.seen_at, LIVE_MS, now));
        }
        let before = roster.remove(&record.id);
        let (noted, leased_at) = before.map_or((None, None), |entry| (entry.noted, entry.leased_at));
        let (read_at, seen_at) = (now, now);
        let entry = Entry { secret_digest, record: Arc::clone(&record), read_at, seen_at, noted, leased_at };
        roster.insert(record.id.clone(), entry);
        record
    }

    /// The runner is forgotten, or what is known of it has changed: ask the store.
    pub fn forget(&self, runner_id: &RunnerId) {
        self.lock().remove(runner_id);
    }

    /// The runner may be given work with this answer.
    pub fn leased(&self, runner_id: &RunnerId, now: Timestamp) {
        if let Some(entry) = self.lock().get_mut(runner_id) {
            entry.leased_at = Some(now);
        }
    }

    /// A runner beats. True: the store must hear it.
    pub fn must_note(&self, beat: &Beat, now: Timestamp) -> bool {
        let mut roster = self.lock();
        let Some(entry) = roster.get_mut(&beat.runner_id) else { return true };
        entry.seen_at = now;
        let Some(noted) = &entry.noted else { return true };
        // The store has since settled whatever it gave away: a beat of this session that named nothing has ended it.
        let settled = entry.leased_at.is_none_or(|leased| noted.at > leased.plus_ms(beat.grace_ms));
        let is_quiet = beat.attempts.is_empty()
            && noted.held_nothing
            && settled
            && noted.session_id == beat.session_id
            && noted.draining == beat.draining
            && within(noted.at, QUIET_MS, now);
        !is_quiet
    }

    /// The store has heard a beat.
    pub fn noted(&self, beat: &Beat, now: Timestamp) {
        if let Some(entry) = self.lock().get_mut(&beat.runner_id) {
            if entry.record.draining != beat.draining {
                Arc::make_mut(&mut entry.record).draining = beat.draining;
            }
            entry.noted = Some(Noted {
                at: now,
                session_id: beat.session_id.clone(),
                draining: beat.draining,
                held_nothing: beat.attempts.is_empty(),
            });
        }
    }

    /// A runner says that it rests for this reason, or that it does not.
    pub fn rests(&self, runner_id: &RunnerId, reason: Option<String>) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => drop(resting.insert(runner_id.clone(), reason)),
            None => drop(resting.remove(runner_id)),
        }
    }

    /// Those that rested when they were last heard of, and why.
    pub fn resting(&self) -> HashMap<RunnerId, String> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Digest of the secret that a runner has proved lately.
    pub fn secret_digest(&self, runner_id: &RunnerId) -> Option<String> {
        self.lock().get(runner_id).map(|entry| entry.secret_digest.clone())
    }

    /// When a runner was last heard of by this process.
    pub fn seen_at(&self, runner_id: &RunnerId) -> Option<Timestamp> {
        self.lock().get(runner_id).map(|entry| entry.seen_at)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunnerId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not longer ago than that; a clock that was set back tells nothing.
fn within(then: Timestamp, milliseconds: i64, now: Timestamp) -> bool {
    then <= now && now < then.plus_ms(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runner::Capabilities;
    use crate::domain::{AttemptId, LeaseRef, Token};

    const GRACE_MS: i64 = 10_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds)
    }

    fn roster() -> Roster {
        let roster = Roster::default();
        let record = RunnerRecord {
            id: "a".parse().unwrap(),
            name: "a".into(),
            capabilities: Capabilities::default(),
            joined_at: at(0),
            last_seen_at: None,
            live_attempts: 0,
            draining: false,
            strikes: 0,
        };
        roster.confirm(record, "digest".into(), at(0));
        roster
    }

    fn beat() -> Beat {
        Beat {
            runner_id: "a".parse().unwrap(),
            session_id: "first".into(),
            attempts: vec![],
            draining: false,
            lease_ms: 45_000,
            grace_ms: GRACE_MS,
        }
    }

    /// Beats as the edge does. Answers whether the store heard it.
    fn note(roster: &Roster, beat: &Beat, now: i64) -> bool {
        let must = roster.must_note(beat, at(now));
        if must {
            roster.noted(beat, at(now));
        }
        must
    }

    #[test]
    fn an_identity_is_good_for_a_while_and_only_with_its_secret() {
        let (roster, a) = (roster(), "a".parse().unwrap());
        assert!(roster.known(&a, "digest", at(1)).is_some());
        assert!(roster.known(&a, "another", at(1)).is_none());
        assert!(roster.known(&a, "digest", at(FRESH_MS)).is_none(), "the store is asked again");
        roster.forget(&a);
        assert!(roster.known(&a, "digest", at(1)).is_none());
        assert!(roster.must_note(&beat(), at(1)), "of an unknown runner the store hears");
    }

    #[test]
    fn why_a_runner_rests_is_known_until_it_works_again() {
        let (roster, a) = (roster(), "a".parse().unwrap());
        roster.rests(&a, Some("paused".into()));
        roster.forget(&a);
        assert_eq!(roster.resting().get(&a).map(String::as_str), Some("paused"));
        roster.rests(&a, None);
        assert!(roster.resting().is_empty());
    }

    #[test]
    fn the_store_hears_an_idle_runner_now_and_then() {
        let roster = roster();
        let heard: Vec<i64> = (0..7).map(|n| n * 10_000).filter(|&now| note(&roster, &beat(), now)).collect();
        assert_eq!(heard, [0, 20_000, 40_000, 60_000]);
        assert_eq!(roster.seen_at(&"a".parse().unwrap()), Some(at(60_000)));
        assert!(note(&roster, &beat(), 50_000), "the clock was set back");
    }

    #[test]
    fn the_store_hears_whatever_is_news() {
        let roster = roster();
        note(&roster, &beat(), 0);
        let restarted = Beat { session_id: "second".into(), ..beat() };
        assert!(note(&roster, &restarted, 1) && !note(&roster, &restarted, 2));
        let draining = Beat { draining: true, ..restarted };
        assert!(note(&roster, &draining, 3) && !note(&roster, &draining, 4));
        let attempt_id: AttemptId = "t".parse().unwrap();
        let lease = LeaseRef { attempt_id, token: Token::new("t".into()), epoch: 1 };
        let holding = Beat { attempts: vec![(lease, 1)], ..draining.clone() };
        assert!(note(&roster, &holding, 5) && note(&roster, &holding, 6), "leases are renewed");
        assert!(note(&roster, &draining, 7) && !note(&roster, &draining, 8), "it gave up what it held");
    }

    #[test]
    fn a_lease_that_may_be_lost_is_waited_for_by_the_store() {
        let roster = roster();
        note(&roster, &beat(), 0);
        roster.leased(&"a".parse().unwrap(), at(1_000));
        assert!(note(&roster, &beat(), 2_000), "its start may be on its way");
        assert!(note(&roster, &beat(), 11_000), "just so");
        assert!(note(&roster, &beat(), 12_000), "this one ends it");
        assert!(!note(&roster, &beat(), 13_000));
    }
}
