//! The life of one accepted job of an instance: a heartbeat from the first moment, work in the fleet, an answer, or a word
//! why there is none.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::desk::{self, Made, Piece};
use super::fetch;
use super::habits::{Form, Rung};
use super::link::Link;
use super::records::{self, OrderRecord};
use super::trouble::Trouble;
use super::want::{self, Want};
use crate::domain::plan::Rendition;
use crate::domain::{JobId, Plan};
use crate::peertube::{Answer, CallError, JobToken, JobType, JobUuid, Payload, Window};
use crate::publish::delivery::{self, Delivery};

/// Between two signs of life; an instance takes a job back after two minutes without.
const BEAT: Duration = Duration::from_secs(15);

/// How long an instance that is away is told of an end, again and again.
const TELL_FOR: Duration = Duration::from_secs(180);

/// Pause between two tries to tell it.
const TELL_PAUSE: Duration = Duration::from_secs(3);

/// Shares of the whole that fetching and encoding take, per cent; sending takes the rest.
const FETCHED: u64 = 10;
const ENCODED: u64 = 95;

/// An accepted job.
pub struct Order {
    /// As it is kept.
    pub record: OrderRecord,
    /// What the instance wants.
    pub want: Want,
    uuid: JobUuid,
    token: JobToken,
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
        self.job.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the fleet's job, in the store too.
    async fn note_job(&self, link: &Link, job: &JobId) -> Result<(), Trouble> {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job.clone());
        self.keep(link).await
    }

    /// Notes that the answer goes out, in the store first: after a crash nobody sends it twice without a look.
    async fn note_answering(&self, link: &Link) -> Result<(), Trouble> {
        self.answering.store(true, Ordering::Relaxed);
        self.keep(link).await
    }

    async fn keep(&self, link: &Link) -> Result<(), Trouble> {
        let answering = self.answering.load(Ordering::Relaxed);
        let record = OrderRecord { job: self.job(), answering, ..self.record.clone() };
        Ok(records::keep(link.parts.store.as_ref(), &record).await?)
    }

    fn note_progress(&self, (from, to): (u64, u64), done: u64, total: u64) {
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
    settle(&link, &order, end).await;
    link.over(&order).await;
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

async fn work(link: &Arc<Link>, order: &Order) -> Result<(), Trouble> {
    if order.record.answering && !is_still_ours(link, order).await? {
        // Killed after the answer had arrived.
        return Ok(());
    }
    let Want::Piece { source, piece } = &order.want else {
        return Err(Trouble::Ours("this type of job is not done here".into()));
    };
    let made = find_job(link, order, source, *piece).await?;
    let (plan, delivery) = delivered(link, order, &made, *piece).await?;
    let file = fetch::identity_of(&link.parts, &delivery.at, delivery.size_bytes).await?;
    link.desk.note_sent(&link.parts, &made.production, file).await?;
    let side = shown_side(&plan, *piece);
    let storage = &link.parts.storage;
    let answer = || match piece.form {
        Form::Progressive => Ok(answer::web_video(storage, &delivery, side)),
        Form::Muxed | Form::Separate => answer::hls(storage, &delivery, side),
    };
    send(link, order, answer).await?;
    link.tally(|tally| tally.sent_bytes += delivery.size_bytes).await;
    Ok(())
}

/// The fleet's job for a piece: an earlier one, or a new one on a source that may have to be fetched first.
async fn find_job(link: &Arc<Link>, order: &Order, source: &str, piece: Piece) -> Result<Made, Trouble> {
    let (parts, desk) = (&link.parts, &link.desk);
    let identity = fetch::identify(&link.runner, &order.token, source).await?;
    let _seeker = desk.seek(identity.clone(), piece);
    let door = desk.door(&identity);
    let _inside = door.lock().await;
    let instance = link.record();
    let production = match desk.production_of(&identity) {
        Some(production) => production,
        None => {
            let id = desk::new_production();
            let at = parts.bucket.handed_source(&id);
            let progress = |done, total| order.note_progress((0, FETCHED), done, total);
            let of = (&order.token, &instance.terms);
            let size_bytes = fetch::fetch(parts, &link.runner, of, source, &at, &progress).await?;
            link.tally(|tally| tally.fetched_bytes += size_bytes).await;
            link.learn(super::habits::Habits::begin_video).await;
            let top = piece.rung.unwrap_or(Rung { short_side: 0, fps: 0 });
            desk.open(parts, &instance, (identity, at, id), top).await?
        }
    };
    let (top, short_side) = (production.top.short_side, piece.rung.map_or(0, |rung| rung.short_side));
    let client = desk::Client { instance: &instance, tenant: &link.tenant, priority: order.record.priority };
    let made = desk.job_for((parts, &link.jobs), &client, production, piece).await?;
    link.learn(|habits| habits.note(top, short_side, piece.form)).await;
    order.note_job(link, &made.job).await?;
    Ok(made)
}

/// Waits until the fleet has made a piece.
async fn delivered(
    link: &Link,
    order: &Order,
    made: &Made,
    piece: Piece,
) -> Result<(Plan, Delivery), Trouble> {
    let mut changes = link.jobs.changes();
    loop {
        let job = link.jobs.record(&made.job).await?;
        if let Some(failure) = job.failure.clone() {
            return Err(failure.into());
        }
        if job.state == crate::domain::JobState::Cancelled {
            return Err(Trouble::Ours("the fleet's job was called off".into()));
        }
        if let Some(plan) = link.parts.store.plan(&made.job).await? {
            let tasks = link.parts.store.tasks(&made.job).await?;
            let name = piece.rung.map(|rung| rendition(&plan, rung)).transpose()?;
            let name = name.map(|rendition| rendition.name.as_str());
            let found = delivery::find(&job, &plan, &tasks, name, shape(piece))
                .map_err(|error| Trouble::Ours(error.to_string()))?;
            if let Some(delivery) = found {
                return Ok((plan, delivery));
            }
            let progress = link.jobs.view(&made.job).await?.progress;
            order.note_progress((FETCHED, ENCODED), progress.frames_done, progress.frames_total);
        }
        tokio::select! {
            () = changes.changed() => {}
            // Progress within tasks changes nothing that is announced.
            () = tokio::time::sleep(BEAT / 3) => {}
        }
    }
}

fn shape(piece: Piece) -> delivery::Form {
    match (piece.form, piece.rung) {
        (_, None) => delivery::Form::AudioOnly,
        (Form::Progressive, _) => delivery::Form::Progressive,
        (Form::Muxed, _) => delivery::Form::Muxed,
        (Form::Separate, _) => delivery::Form::VideoOnly,
    }
}

/// The rendition of a plan that was asked for so.
fn rendition(plan: &Plan, rung: Rung) -> Result<&Rendition, Trouble> {
    let missing = || Trouble::Ours(format!("the plan has no {}p at {}", rung.short_side, rung.fps));
    let video = plan.video.as_ref().ok_or_else(|| Trouble::Source("the source holds no video".into()))?;
    let of_size = video.renditions.iter().filter(|one| one.width.min(one.height) == rung.short_side);
    let rate =
        |one: &Rendition| video.grids.get(one.grid_index as usize).map_or(0, |grid| grid.frame_rate.round());
    of_size.min_by_key(|one| rate(one).abs_diff(i64::from(rung.fps))).ok_or_else(missing)
}

/// For the file's name: what an instance takes for the resolution.
fn shown_side(plan: &Plan, piece: Piece) -> u32 {
    let Some(rung) = piece.rung else { return 0 };
    rendition(plan, rung).map_or(rung.short_side, |one| one.width.min(one.height))
}

/// Sends the answer, again when it broke off on the way, never when it has arrived.
async fn send(
    link: &Link,
    order: &Order,
    answer: impl Fn() -> Result<Answer, Trouble>,
) -> Result<(), Trouble> {
    order.note_answering(link).await?;
    let until = Instant::now() + TELL_FOR;
    loop {
        let error = match link.runner.success(&order.uuid, &order.token, answer()?).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let may_pass = error.is_transient() || matches!(error, CallError::MayHaveArrived { .. });
        if !may_pass || Instant::now() > until {
            return Err(error.into());
        }
        tracing::warn!(%error, instance = link.url(), job = %order.uuid, "a result did not get through");
        tokio::time::sleep(TELL_PAUSE).await;
        if !is_still_ours(link, order).await? {
            // It had arrived.
            return Ok(());
        }
    }
}

/// Whether an instance still waits for our answer: only then it lets us read the source. An answer that arrived, and a job
/// that was taken from us, look the same from here; nothing is left to do in both.
async fn is_still_ours(link: &Link, order: &Order) -> Result<bool, Trouble> {
    let until = Instant::now() + TELL_FOR;
    let first_byte = Window { start: 0, end: Some(1) };
    loop {
        match link.runner.download(order.want.source(), &order.token, first_byte).await {
            Ok(_) => return Ok(true),
            Err(CallError::Gone { .. }) => return Ok(false),
            Err(error) if error.is_transient() && Instant::now() < until => {
                tokio::time::sleep(TELL_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells the instance how it ended, where that is ours to tell.
async fn settle(link: &Link, order: &Order, end: Result<(), Trouble>) {
    let (uuid, token) = (&order.uuid, &order.token);
    let told = match end {
        Ok(()) => return link.tally(|tally| tally.answered += 1).await,
        Err(Trouble::Gone | Trouble::Unregistered) => {
            link.abandon(order).await;
            return link.tally(|tally| tally.lost += 1).await;
        }
        Err(Trouble::Source(reason)) => {
            link.tally(|tally| tally.failed += 1).await;
            link.runner.error(uuid, token, &reason).await
        }
        Err(trouble @ (Trouble::Ours(_) | Trouble::Stopped)) => {
            if !matches!(trouble, Trouble::Stopped) {
                link.put_off(order);
            }
            link.tally(|tally| tally.aborted += 1).await;
            link.runner.abort(uuid, token, &trouble.to_string()).await
        }
    };
    if let Err(error) = told {
        // It will notice by itself: nobody gives signs of life any more.
        tracing::warn!(%error, instance = link.url(), job = %uuid, "an instance was not told of an end");
    }
}

/// Forgets what was kept of an order.
pub async fn forget(link: &Link, order: &Order) {
    if let Err(error) = records::forget(link.parts.store.as_ref(), &order.record).await {
        tracing::warn!(%error, job = %order.record.uuid, "an order that is over cannot be forgotten");
    }
}
