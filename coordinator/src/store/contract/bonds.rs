//! What a job is bound to: an encoder of a device or software, the same for all its chunks, whoever comes and goes.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::fixtures::*;
use crate::domain::choice::Room;
use crate::domain::dispatch::Policy;
use crate::domain::plan::PlannedTask;
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::{FailureClass, JobState, TaskKind, TaskState, Token};
use crate::store::*;

/// A device's encoder with two sessions, or software.
const NEED: &str = "h264_test@hd*2|libx264";
const CHUNKS: u32 = 4;

/// What a machine offers, given as `name=fingerprint`; names with `@` are a device's.
async fn offer(store: &dyn Store, runner: &str, offers: &[&str]) {
    let encoder = |offer: &&str| {
        let (name, fingerprint) = offer.split_once('=').expect("name=fingerprint");
        let (name, fingerprint, version) = (name.to_owned(), fingerprint.to_owned(), "1".to_owned());
        match name.contains('@') {
            true => Encoder {
                name,
                fingerprint,
                version,
                device: "test".into(),
                sessions: 4,
                ..Encoder::default()
            },
            false => Encoder { name, fingerprint, version, ..Encoder::default() },
        }
    };
    let capabilities =
        Capabilities { encoders: offers.iter().map(encoder).collect(), ..Capabilities::default() };
    store.set_capabilities(&id(runner), capabilities, at(0)).await.unwrap();
}

/// A job of some chunks and the assembly that waits for them, ready to be worked on.
async fn job(store: &dyn Store, name: &str, now: i64) -> JobId {
    submit(store, name, 0, now).await;
    let probe = claim_one(store, "prober", now).await;
    assert_eq!(probe.task.job_id, id(name));
    accept(store, &probe, now).await;
    let mut new = plan(&id(name), CHUNKS);
    let in_choice = |task: &mut PlannedTask| {
        if matches!(task.kind, TaskKind::EncodeChunk { .. }) {
            task.encoders = vec![NEED.to_owned()];
        }
    };
    new.tasks.iter_mut().for_each(|(_, task)| in_choice(task));
    store.seal(&probe.attempt.id, Some(new), at(now)).await.unwrap();
    id(name)
}

/// Asks for work with room on the device.
async fn ask(store: &dyn Store, runner: &str, slots: u32, sessions: u32, now: i64) -> Vec<ClaimedTask> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = runner.to_owned();
    let ids: LeaseIds = Box::new(move || {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        (id(&format!("{name}-bond-{number:08}")), Token::new(format!("bond-{number}")))
    });
    let claim = Claim {
        runner_id: id(runner),
        session_id: "first".to_owned(),
        room: Room { slots, joins: 0, sessions: [("test".to_owned(), sessions)].into() },
        lease_ms: LEASE_MS,
        live_ms: LEASE_MS,
        policy: Policy { duplicate_stragglers: false, ..Policy::default() },
        ids,
    };
    store.claim(claim, at(now)).await.unwrap()
}

async fn bond(store: &dyn Store, job_id: &JobId) -> Option<String> {
    let pins = store.pins(job_id).await.unwrap();
    pins.get(NEED).or(pins.get("libx264")).cloned()
}

/// Starts over every job whose encoder is gone.
async fn rebind(store: &dyn Store, now: i64) -> usize {
    let lost = store.lost_bonds(LEASE_MS, at(now)).await.unwrap();
    for one in &lost {
        assert!(store.rebind(one, at(now)).await.unwrap());
        assert!(!store.rebind(one, at(now)).await.unwrap(), "it is done once");
    }
    lost.len()
}

pub async fn a_devices_tasks_take_its_sessions_and_no_slot(store: &dyn Store) {
    join(store, "prober", &[], 0).await;
    join(store, "gpu", &[], 0).await;
    offer(store, "gpu", &["h264_test@hd=chip", "libx264=one"]).await;
    let job_id = job(store, "job", 0).await;
    assert!(ask(store, "gpu", 0, 1, 1).await.is_empty(), "a session for each rendition");
    assert_eq!(ask(store, "gpu", 0, 5, 1).await.len(), 2);
    assert_eq!(bond(store, &job_id).await.as_deref(), Some("h264_test@hd=chip"));
    assert!(ask(store, "gpu", 9, 1, 1).await.is_empty(), "bound to the device, whatever slots are free");
    assert_eq!(ask(store, "gpu", 0, 2, 1).await.len(), 1);
}

pub async fn a_job_takes_software_where_the_device_is_full(store: &dyn Store) {
    join(store, "prober", &[], 0).await;
    join(store, "gpu", &[], 0).await;
    offer(store, "gpu", &["h264_test@hd=chip", "libx264=one"]).await;
    let job_id = job(store, "job", 0).await;
    assert_eq!(ask(store, "gpu", 1, 0, 1).await.len(), 1);
    assert_eq!(bond(store, &job_id).await.as_deref(), Some("libx264=one"));
    assert!(ask(store, "gpu", 0, 4, 1).await.is_empty());
}

pub async fn a_job_whose_encoder_is_gone_is_made_anew(store: &dyn Store) {
    for runner in ["prober", "gpu", "plain"] {
        join(store, runner, &[], 0).await;
    }
    offer(store, "gpu", &["h264_test@hd=chip"]).await;
    offer(store, "plain", &["libx264=one"]).await;
    let job_id = job(store, "job", 0).await;
    let held = ask(store, "gpu", 0, 4, 1).await;
    complete(store, &held[0], 1).await;
    assert_eq!(rebind(store, 2).await, 0, "it is there");
    assert!(ask(store, "plain", 9, 0, 2).await.is_empty());

    offer(store, "gpu", &["libx264=two"]).await;
    let lost = store.lost_bonds(LEASE_MS, at(3)).await.unwrap();
    assert_eq!(lost.iter().map(|one| one.done_ms).collect::<Vec<_>>(), [1_000]);
    assert_eq!(rebind(store, 3).await, 1);
    let states = task_states(store, &job_id).await;
    assert_eq!(states[1..5], [TaskState::Ready; 4], "{states:?}");
    assert_eq!(accept(store, &held[1], 3).await, Acceptance::Stale, "what was still running counts no more");
    assert!(!store.garbage(9).await.unwrap().is_empty(), "what was made is removed");
    let anew = ask(store, "plain", 9, 0, 4).await;
    assert_eq!((anew.len(), bond(store, &job_id).await.as_deref()), (4, Some("one")));
    for claimed in &anew {
        complete(store, claimed, 5).await;
    }
    let assembly = ask(store, "plain", 9, 0, 6).await.remove(0);
    assert_eq!(complete(store, &assembly, 6).await, JobState::Publishing);
}

pub async fn a_task_on_which_devices_fail_is_softwares(store: &dyn Store) {
    for runner in ["prober", "a", "b", "plain"] {
        join(store, runner, &[], 0).await;
    }
    offer(store, "a", &["h264_test@hd=chip"]).await;
    offer(store, "b", &["h264_test@hd=chip"]).await;
    offer(store, "plain", &["libx264=one"]).await;
    let job_id = job(store, "job", 0).await;
    let first = ask(store, "a", 0, 2, 1).await.remove(0);
    fail(store, &first, FailureClass::Device, 2).await;
    let again = ask(store, "b", 0, 2, 2).await.remove(0);
    assert_eq!(again.task.id, first.task.id);
    let other = ask(store, "a", 0, 2, 2).await.remove(0);
    fail(store, &again, FailureClass::Device, 3).await;
    assert_eq!(bond(store, &job_id).await, None);
    assert_eq!(accept(store, &other, 3).await, Acceptance::Stale);
    assert!(ask(store, "a", 9, 9, 4).await.is_empty());
    assert_eq!(ask(store, "plain", 9, 0, 4).await.len(), 4);
}

/// Random fleets of machines with random encoders, which fail, lose their devices, fall silent and come back. Whatever
/// happens, all that counts of a job at any time was made with one encoder, and in the end it is whole.
pub async fn no_rendition_mixes_encoders(store: &dyn Store) {
    join(store, "prober", &[], 0).await;
    for runner in RUNNERS {
        join(store, runner, &[], 0).await;
    }
    let mut restarts = 0;
    for seed in 0..SEEDS {
        let mut world = World {
            store,
            rng: StdRng::seed_from_u64(seed),
            now: seed as i64 * 10_000_000,
            held: Vec::new(),
            bonds: BTreeMap::new(),
            seed,
            restarts: 0,
        };
        restarts += world.run().await;
    }
    assert!(restarts > SEEDS as usize / 2, "jobs started over {restarts} times: the fleets are too kind");
}

const SEEDS: u64 = 12;
const STEPS: usize = 60;
const RUNNERS: [&str; 4] = ["r0", "r1", "r2", "r3"];
const OFFERS: [&str; 4] = ["h264_test@hd=old chip", "h264_test@hd=new chip", "libx264=one", "libx264=two"];

struct World<'a> {
    store: &'a dyn Store,
    rng: StdRng,
    now: i64,
    held: Vec<ClaimedTask>,
    /// What each attempt was bound to when it was leased.
    bonds: BTreeMap<AttemptId, String>,
    seed: u64,
    restarts: usize,
}

impl World<'_> {
    async fn run(&mut self) -> usize {
        for runner in RUNNERS {
            self.equip(runner).await;
        }
        let job_id = job(self.store, &format!("mix-{}", self.seed), self.now).await;
        for _ in 0..STEPS {
            self.step(&job_id).await;
            self.check(&job_id).await;
        }
        self.finish(&job_id).await;
        self.check(&job_id).await;
        self.restarts
    }

    async fn step(&mut self, job_id: &JobId) {
        self.now += self.rng.random_range(0..400);
        let (now, runner) = (self.now, *RUNNERS.choose(&mut self.rng).expect("there are some"));
        match self.rng.random_range(0..100) {
            0..35 => self.claim(runner, job_id).await,
            35..60 => {
                let held: Vec<_> =
                    self.held.iter().filter(|held| held.attempt.runner_id.as_str() == runner).collect();
                self.store.beat(beat(runner, &held), at(now)).await.unwrap();
            }
            60..70 if !self.held.is_empty() => {
                let one = self.held.swap_remove(self.rng.random_range(0..self.held.len()));
                self.complete(&one).await;
            }
            70..80 if !self.held.is_empty() => {
                let one = self.held.swap_remove(self.rng.random_range(0..self.held.len()));
                let class = [FailureClass::Device, FailureClass::Returned, FailureClass::Transient];
                let class = *class.choose(&mut self.rng).expect("there are some");
                fail(self.store, &one, class, now).await;
            }
            80..88 => self.equip(runner).await,
            88..92 => drop(self.store.expire(at(now)).await.unwrap()),
            _ => self.restarts += rebind(self.store, now).await,
        }
    }

    /// A machine's encoders change: a driver, a device.
    async fn equip(&mut self, runner: &str) {
        let chip = self.rng.random_range(0..4);
        let software = self.rng.random_range(2..5);
        let offers = [OFFERS[..2].get(chip), OFFERS.get(software)].into_iter().flatten().copied();
        offer(self.store, runner, &offers.collect::<Vec<_>>()).await;
    }

    async fn claim(&mut self, runner: &str, job_id: &JobId) {
        let (slots, sessions) = (self.rng.random_range(0..2), self.rng.random_range(0..5));
        for claimed in ask(self.store, runner, slots, sessions, self.now).await {
            if matches!(claimed.task.kind, TaskKind::EncodeChunk { .. }) {
                let bond = bond(self.store, job_id).await.expect("a lease binds its job");
                self.bonds.insert(claimed.attempt.id.clone(), bond);
            }
            self.held.push(claimed);
        }
    }

    /// Hands a result in, if anybody still wants it.
    async fn complete(&mut self, claimed: &ClaimedTask) {
        let _ = self.store.add_uploads(&claimed.attempt.id, vec![upload(claimed)]).await;
        let accepted = self.store.accept(&claimed.lease(), result(claimed), at(self.now)).await.unwrap();
        if accepted == Acceptance::Accepted {
            self.store.seal(&claimed.attempt.id, None, at(self.now)).await.unwrap();
        }
    }

    /// A machine comes that has software, and stays.
    async fn finish(&mut self, job_id: &JobId) {
        offer(self.store, "r0", &["libx264=last"]).await;
        for _ in 0..40 {
            self.now += LEASE_MS;
            self.held.clear();
            self.store.beat(beat("r0", &[]), at(self.now)).await.unwrap();
            self.store.expire(at(self.now)).await.unwrap();
            self.restarts += rebind(self.store, self.now).await;
            for upload in self.store.garbage(99).await.unwrap() {
                self.store.forget_uploads(vec![(upload.attempt_id, upload.output_index)]).await.unwrap();
            }
            for claimed in ask(self.store, "r0", 9, 0, self.now).await {
                if matches!(claimed.task.kind, TaskKind::EncodeChunk { .. }) {
                    let bond = bond(self.store, job_id).await.expect("a lease binds its job");
                    self.bonds.insert(claimed.attempt.id.clone(), bond);
                }
                self.complete(&claimed).await;
            }
            if job_state(self.store, job_id).await != JobState::Running {
                break;
            }
        }
        assert_eq!(job_state(self.store, job_id).await, JobState::Publishing, "seed {}", self.seed);
    }

    /// All attempts that stand, of whatever state, were bound to the same.
    async fn check(&self, job_id: &JobId) {
        let standing = [AttemptState::Leased, AttemptState::Accepted, AttemptState::Sealed];
        let attempts = self.store.attempts(job_id).await.unwrap();
        let count = attempts.iter().filter(|attempt| standing.contains(&attempt.state));
        let bonds: BTreeSet<&String> = count.filter_map(|attempt| self.bonds.get(&attempt.id)).collect();
        assert!(bonds.len() <= 1, "seed {}: chunks of {bonds:?}", self.seed);
    }
}
