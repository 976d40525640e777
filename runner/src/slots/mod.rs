//! The slots of this machine and the attempts in them. A slot is one engine child; admission never gives out
//! more than there are, and an attempt that was leased beyond that waits here, named and renewed, for the
//! next free one.
//!
//! A slot is free as soon as its engine has ended: while the last bytes of a result go up and the coordinator takes it,
//! the next task computes. Once more attempts are settling than there are slots, slots stay empty for them: a slow network
//! must not pile results up in memory.

pub mod benchmark;
pub mod capability;
pub mod machine;
pub mod trials;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use flotilla_proto::fleet::{AttemptStatus, Lease, LeaseRef};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::attempt::share::Share;
use crate::attempt::{Attempt, Context, Stop};
use crate::hardware::Devices;

/// The slots; clones share them.
#[derive(Clone, Debug)]
pub struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    count: u32,
    context: Context,
    free: Arc<Semaphore>,
    held: Mutex<BTreeMap<String, Held>>,
    released: Notify,
    tracker: TaskTracker,
}

#[derive(Debug)]
struct Held {
    lease: LeaseRef,
    /// A device's task takes no slot: the device has sessions of its own.
    on_device: bool,
    progress: Arc<AtomicU64>,
    stop: watch::Sender<Option<Stop>>,
    /// Its engine has ended; its slot is another's.
    settling: bool,
}

impl Slots {
    /// `count` empty slots.
    pub fn new(count: u32, context: Context) -> Self {
        let free = Arc::new(Semaphore::new(count as usize));
        let (held, released, tracker) = (Mutex::default(), Notify::new(), TaskTracker::new());
        Self { shared: Arc::new(Shared { count, context, free, held, released, tracker }) }
    }

    /// Tasks that could start now, beside those of devices.
    pub fn free_count(&self) -> u32 {
        let held = self.held();
        let in_slots = held.values().filter(|held| !held.on_device).count();
        let settling = held.values().filter(|held| held.settling).count();
        let beyond = settling.saturating_sub(self.shared.count as usize);
        let busy = in_slots - settling + beyond;
        self.shared.count.saturating_sub(u32::try_from(busy).unwrap_or(u32::MAX))
    }

    /// The hardware that tasks may have.
    pub fn devices(&self) -> &Devices {
        &self.shared.context.devices
    }

    /// Attempts that are held, in whatever phase.
    pub fn held_count(&self) -> u32 {
        u32::try_from(self.held().len()).unwrap_or(u32::MAX)
    }

    /// True when no attempt is held, in whatever phase.
    pub fn are_empty(&self) -> bool {
        self.held().is_empty()
    }

    /// What is being worked on, for the heartbeat.
    pub fn statuses(&self) -> Vec<AttemptStatus> {
        let status = |held: &Held| AttemptStatus {
            lease: Some(held.lease.clone()),
            progress: held.progress.load(Ordering::Relaxed),
        };
        self.held().values().map(status).collect()
    }

    /// Starts an attempt; one that is held already goes on undisturbed, since a lease may be told twice.
    pub fn start(&self, lease: Lease) {
        let Some(reference) = lease.lease.clone() else {
            return tracing::warn!(job.id = lease.job_id, "a lease without a reference cannot be answered");
        };
        let id = reference.attempt_id.clone();
        let (stop, stopped) = watch::channel(None);
        let progress = Arc::new(AtomicU64::new(0));
        // Taken before anybody can hear of the attempt: what is told to be free never counts its sessions.
        let share = {
            let mut held = self.held();
            if held.contains_key(&id) {
                return;
            }
            let share = Share::of(&lease, &self.shared.context.devices);
            let on_device = !matches!(share, Share::None);
            let progress = progress.clone();
            held.insert(id.clone(), Held { lease: reference, on_device, progress, stop, settling: false });
            share
        };
        let span =
            tracing::info_span!("attempt", attempt.id = id, task.id = lease.task_id, job.id = lease.job_id);
        let context = self.shared.context.clone();
        let attempt = Attempt { context, lease, progress, stop: stopped, share };
        let release = Release { slots: self.clone(), attempt_id: id };
        self.shared.tracker.spawn(self.clone().occupy(attempt, release).instrument(span));
    }

    /// Stops one attempt; one that is not held is stopped already.
    pub fn stop(&self, attempt_id: &str, reason: Stop) {
        if let Some(held) = self.held().get(attempt_id) {
            held.tell(reason);
        }
    }

    /// Stops all attempts.
    pub fn stop_all(&self, reason: Stop) {
        self.held().values().for_each(|held| held.tell(reason));
    }

    /// Returns when an attempt has ended since the last time.
    pub async fn released(&self) {
        self.shared.released.notified().await;
    }

    /// Returns when every attempt has ended.
    pub async fn emptied(&self) {
        self.shared.tracker.close();
        self.shared.tracker.wait().await;
    }

    async fn occupy(self, attempt: Attempt, release: Release) {
        if !matches!(attempt.share, Share::None) {
            tracing::info!(device = attempt.share.device(), "task of a device started");
            return attempt.run(()).await;
        }
        let permit = tokio::select! {
            permit = self.shared.free.clone().acquire_owned() => permit.expect("the slots are never closed"),
            // Settles at once, because it is stopped.
            _ = attempt.stopped() => return attempt.run(()).await,
        };
        tracing::info!("task started");
        attempt.run(Slot { slots: self, attempt_id: release.attempt_id.clone(), _permit: permit }).await;
        drop(release);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.shared.held.lock().expect("no thread panics while it holds this lock")
    }
}

impl Held {
    /// The first reason counts, but a lease that is lost must not be spoken for any more.
    fn tell(&self, reason: Stop) {
        self.stop.send_if_modified(|told| {
            let is_news = told.is_none() || (*told == Some(Stop::Returned) && reason != Stop::Returned);
            if is_news {
                *told = Some(reason);
            }
            is_news
        });
    }
}

/// What an engine runs in. Its attempt is only settling once it is dropped.
struct Slot {
    slots: Slots,
    attempt_id: String,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(held) = self.slots.held().get_mut(&self.attempt_id) {
            held.settling = true;
        }
        self.slots.shared.released.notify_one();
    }
}

/// Forgets the attempt however it ended, a panic included.
struct Release {
    slots: Slots,
    attempt_id: String,
}

impl Drop for Release {
    fn drop(&mut self) {
        self.slots.held().remove(&self.attempt_id);
        self.slots.shared.released.notify_one();
    }
}
