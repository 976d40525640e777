//! A simulated runner: slots in which work goes on at its speed.

use anyhow::{Result, ensure};
use flotilla_coordinator::domain::outcome::Usage;
use flotilla_coordinator::domain::runner::{Capabilities, Encoder};
use flotilla_coordinator::domain::{AttemptId, LeaseRef, RunnerId, TaskId, Timestamp};
use flotilla_coordinator::store::{
    Beat, ClaimedTask, JoinOutcome, NewRunner, Store, TaskRecord, TokenRecord,
};

use super::super::fleet::Machine;
use super::super::job::Work;

/// As in the coordinator: an attempt's start may be on its way for so long.
const START_GRACE_MS: i64 = 10_000;

/// What a benchmark tells of a slot of speed 1; only the relation of runners counts.
const BENCHMARK_PIXELS_PER_SECOND: f64 = 30e6;

/// A runner and what it is doing.
pub struct SimulatedRunner {
    /// As the store knows it.
    pub id: RunnerId,
    machine: Machine,
    /// Share of its speed that an accident has left.
    share: f64,
    session: u32,
    alive: bool,
    attempts: Vec<Running>,
    next_serial: u64,
    busy_ms: f64,
}

/// An attempt in a slot.
pub struct Running {
    /// Its right.
    pub lease: LeaseRef,
    /// Its task.
    pub task: TaskRecord,
    /// What it takes.
    pub work: Work,
    serial: u64,
    started_ms: i64,
    /// Share of the work that was left at a time.
    left: f64,
    since_ms: i64,
    speed: f64,
}

impl Running {
    /// Share of the work that is left.
    fn left_at(&self, now_ms: i64) -> f64 {
        let takes_ms = self.work.takes_ms(self.speed).max(1.0);
        (self.left - (now_ms - self.since_ms) as f64 / takes_ms).max(0.0)
    }

    /// As its runner would state it.
    pub fn usage(&self, now_ms: i64) -> Usage {
        let ran_ms = u64::try_from(now_ms - self.started_ms).unwrap_or(0);
        Usage { cpu_ms: (self.work.cpu_ms / self.speed) as u64, ran_ms, ..Usage::default() }
    }
}

impl SimulatedRunner {
    /// Lets one in.
    pub async fn join(store: &dyn Store, index: usize, machine: Machine, now: Timestamp) -> Result<Self> {
        let (digest, id) = (format!("digest-{index}"), format!("runner-{index:04}").parse::<RunnerId>()?);
        let token = TokenRecord {
            id: format!("token-{index}"),
            digest: digest.clone(),
            note: String::new(),
            created_at: now,
            expires_at: now.plus_ms(1),
            uses_left: 1,
        };
        store.create_token(token).await?;
        let runner =
            NewRunner { id: id.clone(), name: String::new(), secret_digest: format!("secret-{index}") };
        ensure!(store.join(&digest, runner, now).await? == JoinOutcome::Joined, "runner {index} cannot join");
        let encoder = |name: &str| Encoder {
            name: name.to_owned(),
            fingerprint: format!("{name} of all"),
            version: "1".to_owned(),
            pixels_per_second: (machine.benchmark * BENCHMARK_PIXELS_PER_SECOND) as u64,
            ..Encoder::default()
        };
        let capabilities = Capabilities {
            version: "simulated".to_owned(),
            slots: machine.slots,
            encoders: vec![encoder("libx264"), encoder("aac")],
            cpu_count: machine.slots,
            ..Capabilities::default()
        };
        store.set_capabilities(&id, capabilities, now).await?;
        let runner = Self {
            id,
            machine,
            share: 1.0,
            session: 0,
            alive: true,
            attempts: Vec::new(),
            next_serial: 0,
            busy_ms: 0.0,
        };
        store.beat(runner.beat(0, 0), now).await?;
        Ok(runner)
    }

    /// Slots in which nothing runs.
    pub fn free_slots(&self) -> u32 {
        let held = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        if self.alive { self.machine.slots.saturating_sub(held) } else { 0 }
    }

    /// It lives, and has not restarted since.
    pub fn is_session(&self, session: u32) -> bool {
        self.alive && self.session == session
    }

    /// For the store.
    pub fn session_id(&self) -> String {
        format!("session-{}", self.session)
    }

    /// What it says of itself.
    pub fn beat(&self, now_ms: i64, lease_ms: i64) -> Beat {
        let progress = |running: &Running| {
            let done = (1.0 - running.left_at(now_ms)) * running.task.size as f64;
            (running.lease.clone(), done as u64)
        };
        Beat {
            runner_id: self.id.clone(),
            session_id: self.session_id(),
            attempts: self.attempts.iter().map(progress).collect(),
            draining: false,
            lease_ms,
            grace_ms: START_GRACE_MS,
        }
    }

    /// Starts an attempt. Answers its serial number.
    pub fn start(&mut self, claimed: ClaimedTask, work: Work, now_ms: i64) -> u64 {
        let serial = self.new_serial();
        self.attempts.push(Running {
            lease: claimed.lease(),
            task: claimed.task,
            work,
            serial,
            started_ms: now_ms,
            left: 1.0,
            since_ms: now_ms,
            speed: self.machine.speed * self.share,
        });
        serial
    }

    /// When an attempt will end.
    pub fn ends_ms(&self, serial: u64) -> Option<i64> {
        let running = self.attempts.iter().find(|running| running.serial == serial)?;
        let left_ms = running.left * running.work.takes_ms(running.speed);
        Some(running.since_ms + left_ms.ceil().max(1.0) as i64)
    }

    /// Takes out an attempt that has come to its end.
    pub fn take(&mut self, serial: u64, now_ms: i64) -> Option<Running> {
        let at = self.attempts.iter().position(|running| running.serial == serial)?;
        let running = self.attempts.swap_remove(at);
        self.busy_ms += (now_ms - running.started_ms) as f64;
        Some(running)
    }

    /// The leases under which it works at a task.
    pub fn leases_of(&self, task_id: &TaskId) -> Vec<LeaseRef> {
        let of_task = self.attempts.iter().filter(|running| running.task.id == *task_id);
        of_task.map(|running| running.lease.clone()).collect()
    }

    /// Stops an attempt. Answers the work that went into it.
    pub fn drop_attempt(&mut self, attempt_id: &AttemptId, now_ms: i64) -> f64 {
        let serial = self.attempts.iter().find(|running| running.lease.attempt_id == *attempt_id);
        let running = serial.map(|running| running.serial).and_then(|serial| self.take(serial, now_ms));
        running.map_or(0.0, |running| running.work.cpu_ms * (1.0 - running.left_at(now_ms)))
    }

    /// Goes on at a share of its speed. Answers the serial numbers under which its attempts go on.
    pub fn slow_down(&mut self, share: f64, now_ms: i64) -> Vec<u64> {
        self.share = share;
        let speed = self.machine.speed * share;
        let first = self.next_serial;
        for (running, serial) in self.attempts.iter_mut().zip(first..) {
            (running.left, running.since_ms) = (running.left_at(now_ms), now_ms);
            (running.speed, running.serial) = (speed, serial);
        }
        self.next_serial += self.attempts.len() as u64;
        (first..self.next_serial).collect()
    }

    /// Vanishes. Answers the work that is lost.
    pub fn die(&mut self, now_ms: i64) -> f64 {
        self.alive = false;
        let ids: Vec<AttemptId> =
            self.attempts.iter().map(|running| running.lease.attempt_id.clone()).collect();
        ids.iter().map(|id| self.drop_attempt(id, now_ms)).sum()
    }

    /// Starts anew with nothing in its hands. Answers its session.
    pub fn come_back(&mut self, _now_ms: i64) -> u32 {
        (self.alive, self.session) = (true, self.session + 1);
        self.session
    }

    /// Time of its slots that was taken, up to now.
    pub fn busy_ms(&self, now_ms: i64) -> f64 {
        let running: i64 = self.attempts.iter().map(|running| now_ms - running.started_ms).sum();
        self.busy_ms + running as f64
    }

    fn new_serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial - 1
    }
}
