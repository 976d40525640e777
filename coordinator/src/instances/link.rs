//! One instance: asks it for jobs, takes those that the fleet can start now, and keeps an order for each of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::habits::Habits;
use super::locked;
use super::order::{self, Order};
use super::records::{self, InstanceRecord, OrderRecord, ProductionRecord, Tally};
use super::want::{self, Want};
use crate::jobs::Jobs;
use crate::parts::Parts;
use crate::peertube::socket::Ear;
use crate::peertube::{AcceptedJob, AvailableJob, CallError, Runner};

/// Between two questions while there is more to have and room for it.
const EAGER: Duration = Duration::from_millis(2500);

/// Between two questions when nobody tells that there is something: the socket may be away.
const CALM: Duration = Duration::from_secs(30);

/// Accepting takes no longer: accepted jobs get no signs of life before its end.
const LONGEST_ROUND: Duration = Duration::from_secs(5);

/// An order that we gave back is not taken again before; it doubles.
const PUT_OFF: Duration = Duration::from_secs(60);

/// Longest time that an order is put off.
const MAX_PUT_OFF: Duration = Duration::from_secs(3600);

/// An instance and what we do for it.
pub struct Link {
    pub(super) parts: Arc<Parts>,
    pub(super) jobs: Jobs,
    pub(super) runner: Runner,
    pub(super) desk: Desk,
    pub(super) tenant: String,
    url: String,
    record: Mutex<InstanceRecord>,
    orders: Mutex<HashMap<String, Arc<Order>>>,
    put_off: Mutex<HashMap<String, (Instant, Duration)>>,
    /// Why it gave no jobs when it was last asked; none: it answered.
    away: Mutex<Option<String>>,
    /// There may be something to ask for.
    pub(super) news: Notify,
    /// Ends the link.
    pub(super) stop: CancellationToken,
}

impl Link {
    /// A link with what was kept of it.
    pub fn new(
        (parts, jobs): (Arc<Parts>, Jobs),
        runner: Runner,
        record: InstanceRecord,
        productions: Vec<ProductionRecord>,
    ) -> Self {
        Self {
            tenant: want::tenant(&record.url),
            url: record.url.clone(),
            desk: Desk::new(productions),
            record: Mutex::new(record),
            orders: Mutex::default(),
            put_off: Mutex::default(),
            away: Mutex::default(),
            news: Notify::new(),
            stop: CancellationToken::new(),
            parts,
            jobs,
            runner,
        }
    }

    /// URL of the instance.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As it is kept.
    pub fn record(&self) -> InstanceRecord {
        locked(&self.record).clone()
    }

    /// Why it gave no jobs when it was last asked, for people; none: it answered.
    pub fn away(&self) -> Option<String> {
        locked(&self.away).clone()
    }

    /// Open orders, by the instance's ids.
    pub fn orders(&self) -> Vec<Arc<Order>> {
        let mut orders: Vec<_> = locked(&self.orders).values().cloned().collect();
        orders.sort_by_key(|order| order.record.accepted_at);
        orders
    }

    /// Works for the instance until the coordinator stops or the instance is left.
    pub async fn run(self: Arc<Self>, kept: Vec<OrderRecord>, mut heard: watch::Receiver<Ear>) {
        for record in kept {
            self.begin(record);
        }
        loop {
            let round = self.round().await;
            match &round {
                Ok(Round::Full) => {}
                Ok(Round::More | Round::Dry) => *locked(&self.away) = None,
                Err(error) => *locked(&self.away) = Some(error.to_string()),
            }
            let pause = match round {
                Ok(Round::Full) => match self.until_there_is_room().await {
                    true => continue,
                    false => return,
                },
                Ok(Round::More) => EAGER,
                Ok(Round::Dry) => CALM,
                Err(CallError::UnknownRunner) => return self.unknown().await,
                Err(error) => {
                    tracing::warn!(instance = self.url(), %error, "an instance gives no jobs; asking again later");
                    CALM
                }
            };
            let goes_on = tokio::select! {
                goes_on = self.parts.lifecycle.rest(&self.news, pause) => goes_on,
                // Without a listener only the pauses are left.
                Ok(()) = heard.changed() => true,
                () = self.stop.cancelled() => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Waits until the fleet could take something. False: the link is over.
    async fn until_there_is_room(&self) -> bool {
        let mut changes = self.jobs.changes();
        loop {
            tokio::select! {
                () = changes.changed() => {}
                () = self.news.notified() => {}
                () = tokio::time::sleep(CALM) => {}
                () = self.stop.cancelled() => return false,
                () = self.parts.lifecycle.stopping() => return false,
            }
            if self.free().await.has_room() {
                return true;
            }
            // A busy fleet changes all the time.
            tokio::time::sleep(EAGER / 5).await;
        }
    }

    /// Asks once, if there is room at all.
    async fn round(self: &Arc<Self>) -> Result<Round, CallError> {
        let mut free = self.free().await;
        if !free.has_room() {
            return Ok(Round::Full);
        }
        let offered = self.runner.request(&want::job_types(self.transcribes())).await?;
        let until = Instant::now() + LONGEST_ROUND;
        let mut left = false;
        let mut taken = Vec::new();
        let mut trouble = None;
        for job in offered {
            let Some(fits) = self.fits(&job, &mut free) else { continue };
            if !fits || Instant::now() > until {
                left = true;
                continue;
            }
            match self.runner.accept(&job.uuid).await {
                Ok(accepted) => taken.push(self.keep(accepted).await),
                Err(CallError::Taken { .. } | CallError::Gone { .. }) => {}
                Err(error) => {
                    trouble = Some(error);
                    break;
                }
            }
        }
        // All at once, so that they share jobs.
        taken.into_iter().for_each(|record| self.begin(record));
        match trouble {
            Some(error) => Err(error),
            None => Ok(if left { Round::More } else { Round::Dry }),
        }
    }

    /// Whether the fleet could start an offered job now; none: it is not for us.
    fn fits(&self, job: &AvailableJob, free: &mut Free) -> Option<bool> {
        let want = want::of(&job.payload);
        let is_captions = |want: &Want| matches!(want, Want::Captions { .. });
        let is_ours = !matches!(want, Want::Unknown(_)) && (!is_captions(&want) || self.transcribes());
        if !is_ours {
            return None;
        }
        let is_waiting =
            locked(&self.put_off).get(job.uuid.as_str()).is_some_and(|(until, _)| Instant::now() < *until);
        if is_waiting || locked(&self.orders).contains_key(job.uuid.as_str()) {
            return None;
        }
        if is_captions(&want) {
            // They are made one at a time, and not by the fleet.
            let is_busy = self.orders().iter().any(|order| is_captions(&order.want));
            let fits = free.orders > 0 && !is_busy && !free.captions;
            free.orders -= u32::from(fits);
            free.captions |= fits;
            return Some(fits);
        }
        let video = want::video_of(want.source()).to_owned();
        // Another rendition of a video that is being worked on already costs no slot.
        let is_new = matches!(want, Want::Single { .. }) || !free.videos.contains(&video);
        if free.orders == 0 || (is_new && free.slots == 0) {
            return Some(false);
        }
        free.orders -= 1;
        if is_new {
            free.slots -= 1;
            free.videos.push(video);
        }
        Some(true)
    }

    fn transcribes(&self) -> bool {
        !self.parts.config.transcription.command.is_empty()
    }

    async fn free(&self) -> Free {
        let (mut slots, mut busy) = (0_u32, 0_u32);
        for runner in self.parts.live_runners().await.unwrap_or_default() {
            slots += runner.capabilities.slots;
            busy += runner.live_attempts.min(runner.capabilities.slots);
        }
        let orders = locked(&self.orders);
        let open = u32::try_from(orders.len()).unwrap_or(u32::MAX);
        let most = locked(&self.record).terms.max_jobs;
        // Orders that have not reached the fleet yet will need a slot each.
        let coming = orders.values().filter(|order| order.progress() == 0).count();
        let free_slots = (slots - busy).saturating_sub(u32::try_from(coming).unwrap_or(u32::MAX));
        let videos = orders.values().map(|order| want::video_of(order.want.source()).to_owned()).collect();
        Free {
            orders: if slots == 0 { 0 } else { most.saturating_sub(open) },
            slots: free_slots,
            videos,
            captions: false,
        }
    }

    /// Keeps an accepted job, before anything else: killed from here on, we go on with it.
    async fn keep(&self, accepted: AcceptedJob) -> OrderRecord {
        let record = OrderRecord {
            instance: self.url().to_owned(),
            uuid: accepted.uuid.to_string(),
            job_token: accepted.token.reveal().to_owned(),
            kind: accepted.job_type.as_str().to_owned(),
            payload: accepted.payload_json,
            priority: i32::try_from(accepted.priority).unwrap_or(i32::MAX),
            accepted_at: self.parts.clock.now(),
            job: None,
            answering: false,
        };
        if let Err(error) = records::keep(self.parts.store.as_ref(), &record).await {
            tracing::error!(%error, job = %record.uuid, "an order cannot be kept; it would be lost with us");
        }
        record
    }

    fn begin(self: &Arc<Self>, record: OrderRecord) {
        tracing::info!(instance = self.url(), job = %record.uuid, kind = record.kind, "accepted");
        let order = match Order::new(record) {
            Ok(order) => Arc::new(order),
            Err(reason) => return tracing::error!(reason, "a kept order cannot be taken up"),
        };
        locked(&self.orders).insert(order.record.uuid.clone(), order.clone());
        self.parts.lifecycle.spawn(order::run(self.clone(), order));
    }

    /// An order is over, whatever its end. One whose end could not be told is kept for the next start.
    pub(super) async fn over(&self, order: &Order, is_told: bool) {
        if is_told {
            order::forget(self, order).await;
        }
        locked(&self.orders).remove(&order.record.uuid);
        self.news.notify_one();
    }

    /// Stops the fleet's work for an order that is not wanted any more, unless others want the same job.
    pub(super) async fn abandon(&self, order: &Order) {
        let Some(job) = order.job() else { return };
        let is_other = |other: &Arc<Order>| other.record.uuid != order.record.uuid;
        let is_shared =
            self.orders().iter().any(|other| is_other(other) && other.job().as_ref() == Some(&job));
        if !is_shared && let Err(error) = self.jobs.cancel(&job).await {
            tracing::debug!(%error, %job, "a job that is not wanted is over already");
        }
    }

    /// Not to be taken again soon: it would end the same way.
    pub(super) fn put_off(&self, order: &Order) {
        let mut put_off = locked(&self.put_off);
        put_off.retain(|_, (until, _)| Instant::now() < *until + MAX_PUT_OFF);
        let pause =
            put_off.get(&order.record.uuid).map_or(PUT_OFF, |(_, pause)| (*pause * 2).min(MAX_PUT_OFF));
        put_off.insert(order.record.uuid.clone(), (Instant::now() + pause, pause));
    }

    /// The instance has forgotten us: only its admin and ours can mend that.
    pub(super) async fn unknown(&self) {
        tracing::error!(
            instance = self.url(),
            "the instance does not know this runner any more; register again: flotilla peertube register"
        );
        let trouble = "the instance does not know this runner any more; register it again".to_owned();
        self.change(|record| record.trouble = Some(trouble)).await;
        self.stop.cancel();
        for order in self.orders() {
            order.stop.cancel();
        }
    }

    pub(super) async fn tally(&self, count: impl FnOnce(&mut Tally)) {
        self.change(|record| count(&mut record.tally)).await;
    }

    pub(super) async fn learn(&self, lesson: impl FnOnce(&mut Habits)) {
        self.change(|record| lesson(&mut record.habits)).await;
    }

    /// Changes the record, here and in the store.
    async fn change(&self, change: impl FnOnce(&mut InstanceRecord)) {
        let record = {
            let mut record = locked(&self.record);
            change(&mut record);
            record.clone()
        };
        if let Err(error) = records::keep(self.parts.store.as_ref(), &record).await {
            tracing::warn!(%error, instance = self.url(), "what was learned of an instance cannot be kept");
        }
    }
}

/// How asking went.
enum Round {
    /// There was no room for anything.
    Full,
    /// There is more than was taken.
    More,
    /// Nothing is left.
    Dry,
}

/// What could be taken now.
struct Free {
    orders: u32,
    slots: u32,
    videos: Vec<String>,
    /// Captions are taken in this round.
    captions: bool,
}

impl Free {
    /// A new video, or another job of one that is being worked on.
    fn has_room(&self) -> bool {
        self.orders > 0 && (self.slots > 0 || !self.videos.is_empty())
    }
}
