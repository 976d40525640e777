//! The event loop. Its clock is a number that jumps from event to event; the store is the real one and is told that time.

mod joins;
mod results;
mod runner;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use flotilla_coordinator::domain::choice::Room;
use flotilla_coordinator::domain::dispatch::Policy;
use flotilla_coordinator::domain::lease::LEASE_MS;
use flotilla_coordinator::domain::runner::LIVE_MS;
use flotilla_coordinator::domain::{AttemptId, JobId, JobState, TaskId, Timestamp, Token};
use flotilla_coordinator::store::sqlite::SqliteStore;
use flotilla_coordinator::store::{Claim, ClaimedTask, NewJob, Store, Submitted};
use flotilla_profiles::{Library, Profile};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use self::runner::SimulatedRunner;
use super::accident::Accident;
use super::costs::Costs;
use super::history::{History, JobHistory};
use super::job::{self, Work};
use super::scenario::Scenario;

/// As the coordinator looks for leases that have run out.
const EXPIRE_MS: i64 = 5_000;

/// Attempts that one answer starts at most, as in the coordinator's `Sync`.
const MAX_STARTS: u32 = 32;

/// Work that is not done after so long never will be.
const STUCK_MS: i64 = 30 * 24 * 3600 * 1000;

/// The simulation begins at a time of the store's that is not zero.
const EPOCH_MS: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Submit { job: usize },
    Accident { index: usize },
    Return { runner: usize },
    Finish { runner: usize, serial: u64 },
    Joined { join: usize },
    Publish { job: usize },
    Expire,
    Beat { runner: usize, session: u32 },
}

struct World<'a> {
    scenario: &'a Scenario,
    costs: &'a Costs,
    profile: Profile,
    store: SqliteStore,
    now_ms: i64,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    runners: Vec<SimulatedRunner>,
    jobs: Vec<JobHistory>,
    /// Of all tasks, with their job.
    works: HashMap<TaskId, (usize, Work)>,
    /// What the coordinator joins, or has joined.
    joins: Vec<ClaimedTask>,
    over: usize,
    rng: StdRng,
    serial: Arc<AtomicU64>,
    seals: u64,
    attempts: u64,
    done_ms: f64,
    /// Of slots, up to the moment from which is measured.
    busy_before_ms: f64,
    wasted_ms: f64,
}

/// Runs a scenario to its end.
///
/// # Errors
/// The store fails, or the fleet stands still before all is done.
pub async fn simulate(scenario: &Scenario, costs: &Costs) -> Result<History> {
    let folder = folder()?;
    let library =
        Library::load(None).map_err(|error| anyhow::anyhow!("the profiles do not load: {error}"))?;
    let profile = library.get("web").map_err(|error| anyhow::anyhow!("{error}"))?.clone();
    let mut world = World {
        scenario,
        costs,
        profile,
        store: SqliteStore::open(&folder.path().join("coordinator.db"))?,
        now_ms: 0,
        events: BinaryHeap::new(),
        runners: Vec::new(),
        jobs: Vec::new(),
        works: HashMap::new(),
        joins: Vec::new(),
        over: 0,
        rng: StdRng::seed_from_u64(scenario.seed),
        serial: Arc::default(),
        seals: 0,
        attempts: 0,
        done_ms: 0.0,
        busy_before_ms: 0.0,
        wasted_ms: 0.0,
    };
    world.begin().await?;
    while world.over < scenario.uploads.len() {
        world.step().await?;
    }
    Ok(world.history())
}

/// In memory where there is a folder for it: a simulation has no need of a disk's promises.
fn folder() -> Result<tempfile::TempDir> {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.context("no folder for the store")
}

impl World<'_> {
    fn now(&self) -> Timestamp {
        Timestamp(EPOCH_MS + self.now_ms)
    }

    fn at(&mut self, time_ms: i64, event: Event) {
        // Events of one moment come in the order in which they were made.
        let order = self.serial.fetch_add(1, Ordering::Relaxed);
        self.events.push(Reverse((time_ms.max(self.now_ms), order, event)));
    }

    async fn begin(&mut self) -> Result<()> {
        for (index, machine) in self.scenario.fleet.iter().enumerate() {
            let runner = SimulatedRunner::join(&self.store, index, *machine, self.now()).await?;
            self.runners.push(runner);
            // Not all at once, as in life.
            self.at(index as i64 * 37 % self.scenario.beat_ms, Event::Beat { runner: index, session: 0 });
        }
        for (job, upload) in self.scenario.uploads.iter().enumerate() {
            self.at(upload.arrival_ms, Event::Submit { job });
        }
        for (index, accident) in self.scenario.accidents.iter().enumerate() {
            let (Accident::Slowed { at_ms, .. } | Accident::Killed { at_ms, .. }) = *accident;
            self.at(at_ms, Event::Accident { index });
        }
        self.at(EXPIRE_MS, Event::Expire);
        Ok(())
    }

    async fn step(&mut self) -> Result<()> {
        let Reverse((time_ms, _, event)) = self.events.pop().context("nothing will happen any more")?;
        ensure!(
            time_ms < STUCK_MS,
            "{} of {} jobs are not over",
            self.jobs.len() - self.over,
            self.jobs.len()
        );
        self.now_ms = time_ms;
        match event {
            Event::Submit { job } => self.submit(job).await?,
            Event::Accident { index } => self.meet(self.scenario.accidents[index]),
            Event::Return { runner } => self.come_back(runner).await?,
            Event::Finish { runner, serial } => self.finish(runner, serial).await?,
            Event::Joined { join } => self.joined(join).await?,
            Event::Publish { job } => self.publish(job).await?,
            Event::Expire => self.expire().await?,
            Event::Beat { runner, session } => self.beat(runner, session).await?,
        }
        Ok(())
    }

    async fn submit(&mut self, job: usize) -> Result<()> {
        let upload = self.scenario.uploads[job];
        if upload.arrival_ms == self.scenario.from_ms {
            let now_ms = self.now_ms;
            self.busy_before_ms = self.runners.iter().map(|runner| runner.busy_ms(now_ms)).sum();
        }
        let probe: TaskId = self.id("task")?;
        let new = NewJob {
            id: job_id(job)?,
            source: format!("video-{job}.mp4"),
            source_object: format!("s3://fleet/sources/video-{job}/source").parse()?,
            source_bytes: upload.source_bytes(),
            source_is_ours: true,
            profile: self.profile.name.clone(),
            profile_json: "{}".to_owned(),
            destination: format!("s3://media/video-{job}").parse()?,
            chunk_seconds: None,
            progressive_publish: false,
            priority: 0,
            idempotency_key: None,
            extras: Default::default(),
            tenant: "default".to_owned(),
        };
        self.works.insert(probe.clone(), (job, job::probe_of(&upload, self.costs)));
        let submitted = self.store.submit(new, probe, self.now()).await?;
        ensure!(submitted == Submitted::Created, "job {job} was not created: {submitted:?}");
        self.jobs.push(JobHistory {
            arrival_ms: upload.arrival_ms,
            planned_ms: None,
            encoded_ms: None,
            sound_ms: None,
            published_ms: None,
            seconds: upload.shape.seconds,
            chunks: 0,
            least: None,
        });
        self.dispatch().await
    }

    /// Everybody who has a free slot asks for work, in any order.
    async fn dispatch(&mut self) -> Result<()> {
        let mut order: Vec<usize> = (0..self.runners.len()).collect();
        order.retain(|&runner| self.runners[runner].free_slots() > 0);
        order.shuffle(&mut self.rng);
        for runner in order {
            self.ask(runner).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, index: usize) -> Result<()> {
        let runner = &self.runners[index];
        let limit = runner.free_slots().min(MAX_STARTS);
        if limit == 0 {
            return Ok(());
        }
        let serial = Arc::clone(&self.serial);
        let ids = move || {
            let number = serial.fetch_add(1, Ordering::Relaxed);
            let id: AttemptId = format!("attempt-{number:012}").parse().expect("a legal id");
            (id, Token::new(format!("secret-{number}")))
        };
        let claim = Claim {
            runner_id: runner.id.clone(),
            session_id: runner.session_id(),
            room: Room::of_slots(limit),
            lease_ms: LEASE_MS,
            live_ms: LIVE_MS,
            policy: Policy::default(),
            ids: Box::new(ids),
        };
        for claimed in self.store.claim(claim, self.now()).await? {
            let (_, work) = self.works[&claimed.task.id];
            let serial = self.runners[index].start(claimed, work, self.now_ms);
            self.attempts += 1;
            self.plan_finish(index, serial);
        }
        Ok(())
    }

    fn plan_finish(&mut self, runner: usize, serial: u64) {
        if let Some(ends_ms) = self.runners[runner].ends_ms(serial) {
            self.at(ends_ms, Event::Finish { runner, serial });
        }
    }

    async fn expire(&mut self) -> Result<()> {
        if !self.store.expire(self.now()).await?.is_empty() {
            self.count_failed().await?;
            self.dispatch().await?;
        }
        self.at(self.now_ms + EXPIRE_MS, Event::Expire);
        Ok(())
    }

    async fn beat(&mut self, index: usize, session: u32) -> Result<()> {
        if !self.runners[index].is_session(session) {
            return Ok(());
        }
        let beat = self.runners[index].beat(self.now_ms, LEASE_MS);
        let outcome = self.store.beat(beat, self.now()).await?;
        for attempt_id in &outcome.stop {
            self.wasted_ms += self.runners[index].drop_attempt(attempt_id, self.now_ms);
        }
        if outcome.lost.is_empty() {
            self.ask(index).await?;
        } else {
            self.count_failed().await?;
            self.dispatch().await?;
        }
        self.at(self.now_ms + self.scenario.beat_ms, Event::Beat { runner: index, session });
        Ok(())
    }

    fn meet(&mut self, accident: Accident) {
        match accident {
            Accident::Slowed { runner, share, .. } => {
                for serial in self.runners[runner].slow_down(share, self.now_ms) {
                    self.plan_finish(runner, serial);
                }
            }
            Accident::Killed { runner, away_ms, .. } => {
                self.wasted_ms += self.runners[runner].die(self.now_ms);
                if let Some(away_ms) = away_ms {
                    self.at(self.now_ms + away_ms, Event::Return { runner });
                }
            }
        }
    }

    async fn come_back(&mut self, runner: usize) -> Result<()> {
        let session = self.runners[runner].come_back(self.now_ms);
        self.beat(runner, session).await
    }

    /// Jobs that were given up are over.
    async fn count_failed(&mut self) -> Result<()> {
        let failed = self.store.jobs(Some(JobState::Failed), u32::MAX).await?.len();
        self.over = self.jobs.iter().filter(|job| job.published_ms.is_some()).count() + failed;
        Ok(())
    }

    fn id<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &self,
        word: &str,
    ) -> Result<T> {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{word}-{number:012}").parse()?)
    }
}

fn job_id(job: usize) -> Result<JobId> {
    Ok(format!("job-{job:06}").parse()?)
}
