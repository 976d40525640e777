//! The life of one accepted job of an instance: a heartbeat from the first moment, work in the fleet, an answer, or a word
//! why there is none.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::locked;
use super::records::{self, OrderRecord};
use super::send::patiently;
use super::trouble::Trouble;
use super::want::{self, Want};
use super::work;
use crate::domain::JobId;
use crate::peertube::{CallError, JobToken, JobType, JobUuid, Payload};

/// Between two signs of life; an instance takes a job back after two minutes without.
const BEAT: Duration = Duration::from_secs(15);

/// An accepted job.
pub struct Order {
    /// As it is kept.
    pub record: OrderRecord,
    /// What the instance wants.
    pub want: Want,
    /// The instance's id of it.
    pub uuid: JobUuid,
    /// What the instance gave for it.
    pub token: JobToken,
    /// What has changed of it since: the fleet's job.
    job: Mutex<Option<JobId>>,
    /// Per cent.
    progress: AtomicU8,
    /// The answer is being sent: signs of life decide nothing any more.
    answering: AtomicBool,
    /// Ends it: the instance is being left.
    pub stop: CancellationToken,
}

impl Order {
    /// An order, new or taken up again; or why it cannot be.
    pub fn new(record: OrderRecord) -> Result<Self, &'static str> {
        let payload = Payload::read(&JobType::from(record.kind.clone()), &record.payload);
        Ok(Self {
            want: want::of(&payload),
            uuid: JobUuid::try_from(record.uuid.clone())?,
            token: JobToken::new(record.job_token.clone()),
            job: Mutex::new(record.job.clone()),
            progress: AtomicU8::new(0),
            answering: record.answering.into(),
            stop: CancellationToken::new(),
            record,
        })
    }

    /// How far it is, per cent.
    pub fn progress(&self) -> u8 {
        self.progress.load(Ordering::Relaxed)
    }

    /// The fleet's job that makes it, once there is one.
    pub fn job(&self) -> Option<JobId> {
        locked(&self.job).clone()
    }

    /// Notes the fleet's job, in the store too.
    pub async fn note_job(&self, link: &Link, job: &JobId) -> Result<(), Trouble> {
        *locked(&self.job) = Some(job.clone());
        self.keep(link).await
    }

    /// Notes that the answer goes out, in the store first: after a crash nobody sends it twice without a look.
    pub async fn note_answering(&self, link: &Link) -> Result<(), Trouble> {
        self.answering.store(true, Ordering::Relaxed);
        self.keep(link).await
    }

    async fn keep(&self, link: &Link) -> Result<(), Trouble> {
        let answering = self.answering.load(Ordering::Relaxed);
        let record = OrderRecord { job: self.job(), answering, ..self.record.clone() };
        Ok(records::keep(link.parts.store.as_ref(), &record).await?)
    }

    /// Notes how far one of its stages is, which takes it from one share to another, per cent.
    pub fn note_progress(&self, (from, to): (u64, u64), done: u64, total: u64) {
        let share = (to - from) * done.min(total) / total.max(1);
        let percent = u8::try_from((from + share).min(99)).unwrap_or(99);
        self.progress.fetch_max(percent, Ordering::Relaxed);
    }
}

/// Works on an order until it is over, and tells the instance.
pub async fn run(link: Arc<Link>, order: Arc<Order>) {
    let end = tokio::select! {
        end = work(&link, &order) => end,
        trouble = beat(&link, &order) => Err(trouble),
        () = order.stop.cancelled() => Err(Trouble::Stopped),
        () = link.parts.lifecycle.stopping() => Err(Trouble::Stopped),
    };
    let (uuid, kind) = (&order.record.uuid, &order.record.kind);
    match &end {
        Ok(()) => tracing::info!(instance = link.url(), job = %uuid, kind, "answered"),
        Err(trouble) => {
            tracing::warn!(instance = link.url(), job = %uuid, kind, reason = %trouble, "not answered")
        }
    }
    let is_told = settle(&link, &order, end).await;
    link.over(&order, is_told).await;
}

/// Works. A file that is not there looks as if the job were no longer ours: a sign of life tells them apart.
async fn work(link: &Link, order: &Order) -> Result<(), Trouble> {
    let end = work::work(link, order).await;
    let what = match end {
        Err(Trouble::Gone) if !order.answering.load(Ordering::Relaxed) => "the source".to_owned(),
        Err(Trouble::NotFound(what)) => what,
        end => return end,
    };
    patiently(|| link.runner.update(&order.uuid, &order.token, order.progress())).await?;
    Err(Trouble::Ours(format!("the instance does not find {what} of this job")))
}

/// Signs of life. Returns when the instance wants no more of it.
async fn beat(link: &Link, order: &Order) -> Trouble {
    loop {
        let told = link.runner.update(&order.uuid, &order.token, order.progress()).await;
        match told {
            // Once the answer is under way, only its own reply tells how it went.
            Err(CallError::Gone { .. }) if order.answering.load(Ordering::Relaxed) => {}
            Err(error @ (CallError::Gone { .. } | CallError::UnknownRunner)) => return error.into(),
            Err(error) => tracing::debug!(%error, instance = link.url(), "an instance does not hear us"),
            Ok(()) => {}
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Tells the instance how it ended, where that is ours to tell. An instance that is away is waited for: it does not notice
/// by itself that nobody draws a storyboard. False: the order is to be taken up again at the next start.
async fn settle(link: &Link, order: &Order, end: Result<(), Trouble>) -> bool {
    let (uuid, token) = (&order.uuid, &order.token);
    let told = match end {
        Ok(()) => {
            link.tally(|tally| tally.answered += 1).await;
            return true;
        }
        Err(Trouble::Gone | Trouble::NotFound(_) | Trouble::Unregistered) => {
            link.abandon(order).await;
            link.tally(|tally| tally.lost += 1).await;
            return true;
        }
        Err(Trouble::Stopped) => {
            link.tally(|tally| tally.aborted += 1).await;
            link.runner.abort(uuid, token, &Trouble::Stopped.to_string()).await
        }
        Err(Trouble::Source(reason)) => {
            link.tally(|tally| tally.failed += 1).await;
            until_stopped(link, order, || link.runner.error(uuid, token, &reason)).await
        }
        Err(Trouble::Ours(reason)) => {
            link.put_off(order);
            link.tally(|tally| tally.aborted += 1).await;
            until_stopped(link, order, || link.runner.abort(uuid, token, &reason)).await
        }
    };
    let Err(error) = told else { return true };
    tracing::warn!(%error, instance = link.url(), job = %uuid, "an instance was not told of an end");
    !error.is_transient()
}

/// Tells an end patiently; once we are to stop, it is told at the next start.
async fn until_stopped<F>(link: &Link, order: &Order, tell: impl Fn() -> F) -> Result<(), CallError>
where
    F: Future<Output = Result<(), CallError>>,
{
    let stopped = || CallError::Unreachable { reason: "the coordinator stops".to_owned() };
    tokio::select! {
        told = patiently(tell) => told,
        () = order.stop.cancelled() => Err(stopped()),
        () = link.parts.lifecycle.stopping() => Err(stopped()),
    }
}

/// Forgets what was kept of an order.
pub async fn forget(link: &Link, order: &Order) {
    if let Err(error) = records::forget(link.parts.store.as_ref(), &order.record).await {
        tracing::warn!(%error, job = %order.record.uuid, "an order that is over cannot be forgotten");
    }
}
