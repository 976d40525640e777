//! One coordinator's part in the slots: what it is offered, and its attempts, which are nobody else's.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flotilla_proto::fleet::task_spec::Kind;
use flotilla_proto::fleet::{AttemptStatus, Lease};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::Slots;
use super::held::{Held, Phase};
use super::quiet::Benchmark;
use super::sharing::Member;
use crate::attempt::share::Share;
use crate::attempt::{Attempt, Context, Stop};
use crate::hardware::Devices;

/// What one coordinator has of the slots.
#[derive(Debug)]
pub struct Allotment {
    slots: Slots,
    member: Member,
    context: Context,
    released: Arc<Notify>,
    tracker: TaskTracker,
}

impl Allotment {
    /// Nothing is held yet.
    pub(super) fn new(slots: Slots, member: Member, context: Context) -> Self {
        Self { slots, member, context, released: Arc::default(), tracker: TaskTracker::new() }
    }

    /// Tasks that it may start now, beside those of devices.
    pub fn offer(&self) -> u32 {
        self.slots.ledger().offer(self.member)
    }

    /// Joins that it may start now beside the slots. They are not shared out: one that comes when others have taken their
    /// places waits for a slot.
    pub fn free_joins(&self) -> u32 {
        self.slots.ledger().free_joins()
    }

    /// Other coordinators have a part too.
    pub fn is_shared(&self) -> bool {
        self.slots.ledger().sharing.is_shared()
    }

    /// It had work for what it was offered last.
    pub fn is_hungry(&self) -> bool {
        self.slots.ledger().sharing.is_hungry(self.member)
    }

    /// It has no work, or must not be given any: slots are not kept free for it.
    pub fn set_idle(&self) {
        let is_news = self.slots.ledger().sharing.set_hungry(self.member, false);
        if is_news {
            self.slots.tell();
        }
    }

    /// Tells of changes that may change what is offered.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.slots.shared.news.subscribe()
    }

    /// The hardware that tasks may have. Its sessions are not shared out: each coordinator is offered all that are free,
    /// and a task that comes when others have taken them goes back at no cost.
    pub fn devices(&self) -> &Devices {
        &self.context.devices
    }

    /// True when none of its attempts is held, in whatever phase.
    pub fn are_empty(&self) -> bool {
        self.slots.ledger().of(self.member).is_empty()
    }

    /// What is being worked on, for the heartbeat.
    pub fn statuses(&self) -> Vec<AttemptStatus> {
        self.slots.ledger().of(self.member).values().map(Held::status).collect()
    }

    /// Starts an attempt; one that is held already goes on undisturbed, since a lease may be told twice.
    pub fn start(&self, lease: Lease) {
        let Some(reference) = lease.lease.clone() else {
            return tracing::warn!(job.id = lease.job_id, "a lease without a reference cannot be answered");
        };
        let id = reference.attempt_id.clone();
        let (stop, stopped) = watch::channel(None);
        let (begin, begins) = oneshot::channel();
        let progress = Arc::new(AtomicU64::new(0));
        // Taken before anybody can hear of the attempt: what is told to be free never counts its sessions.
        let share = {
            let mut ledger = self.slots.ledger();
            if ledger.of(self.member).contains_key(&id) {
                return;
            }
            let share = Share::of(&lease, &self.context.devices);
            let phase = match share {
                Share::None if is_join(&lease) && ledger.free_joins() > 0 => {
                    begin.send(()).expect("who is to hear it is below");
                    Phase::Joining
                }
                Share::None => ledger.wait(begin),
                Share::Held(_) | Share::Refused => Phase::OnDevice,
            };
            let held = Held { lease: reference, phase, progress: progress.clone(), stop };
            ledger.take(self.member, id.clone(), held);
            share
        };
        self.slots.tell();
        let span =
            tracing::info_span!("attempt", attempt.id = id, task.id = lease.task_id, job.id = lease.job_id);
        let attempt = Attempt { context: self.context.clone(), lease, progress, stop: stopped, share };
        let (slots, member, released) = (self.slots.clone(), self.member, self.released.clone());
        let place = Arc::new(Place { slots, member, released, attempt_id: id });
        self.tracker.spawn(occupy(attempt, begins, Release(place)).instrument(span));
    }

    /// Stops one attempt; one that is not held is stopped already.
    pub fn stop(&self, attempt_id: &str, reason: Stop) {
        if let Some(held) = self.slots.ledger().of(self.member).get(attempt_id) {
            held.tell(reason);
        }
    }

    /// Stops all its attempts.
    pub fn stop_all(&self, reason: Stop) {
        self.slots.ledger().of(self.member).values().for_each(|held| held.tell(reason));
    }

    /// Returns when one of its attempts has ended since the last time.
    pub async fn released(&self) {
        self.released.notified().await;
    }

    /// Returns when every attempt of its has ended.
    pub async fn emptied(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Says how far its benchmark is.
    pub fn set_benchmark(&self, benchmark: Benchmark) {
        let is_news = self.slots.ledger().quiet.set(self.member, benchmark);
        if is_news {
            self.slots.tell();
        }
    }

    /// Begins its benchmark if nothing is held, whosesoever it is, and nobody else's is at work.
    pub fn begin_benchmark(&self) -> bool {
        let mut ledger = self.slots.ledger();
        let is_empty = ledger.all().next().is_none();
        ledger.quiet.begin(self.member, is_empty)
    }

    /// Somebody wants a benchmark: no tasks are taken.
    pub fn is_quiet(&self) -> bool {
        self.slots.ledger().quiet.is_wanted()
    }

    /// Somebody's benchmark is at work: no task may run.
    pub fn is_measured(&self) -> bool {
        self.slots.ledger().quiet.is_at_work()
    }
}

impl Drop for Allotment {
    /// Nothing is kept for one that has left.
    fn drop(&mut self) {
        self.set_benchmark(Benchmark::None);
        self.set_idle();
    }
}

fn is_join(lease: &Lease) -> bool {
    matches!(lease.task.as_ref().and_then(|task| task.kind.as_ref()), Some(Kind::Assemble(_)))
}

async fn occupy(attempt: Attempt, begins: oneshot::Receiver<()>, release: Release) {
    if !matches!(attempt.share, Share::None) {
        tracing::info!(device = attempt.share.device(), "task of a device started");
        return attempt.run(()).await;
    }
    tokio::select! {
        begins = begins => begins.expect("who is held is told when it may begin"),
        // Settles at once, because it is stopped.
        _ = attempt.stopped() => return attempt.run(()).await,
    };
    tracing::info!("task started");
    attempt.run(Slot(release.0.clone())).await;
    drop(release);
}

/// Where an attempt stands.
struct Place {
    slots: Slots,
    member: Member,
    released: Arc<Notify>,
    attempt_id: String,
}

/// What an engine runs in. Its attempt is only settling once it is dropped.
struct Slot(Arc<Place>);

impl Drop for Slot {
    fn drop(&mut self) {
        let Place { slots, member, released, attempt_id } = &*self.0;
        slots.change(|ledger| ledger.settle(*member, attempt_id));
        released.notify_one();
    }
}

/// Forgets the attempt however it ended, a panic included.
struct Release(Arc<Place>);

impl Drop for Release {
    fn drop(&mut self) {
        let Place { slots, member, released, attempt_id } = &*self.0;
        slots.change(|ledger| ledger.forget(*member, attempt_id));
        released.notify_one();
    }
}
