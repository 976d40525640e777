//! Works for PeerTube instances: an unmodified PeerTube sees one runner, and the whole fleet does its work.
//!
//! ```text
//! instance <── request, accept, update, success ── link ── order ── desk ── a job of the fleet
//!     └─────── "available-jobs" (socket) ───────────┘                 └── source, fetched once
//! ```
//! Invariants: every accepted job gets signs of life until it is answered, given back, or found to be no longer ours; a
//! result is never sent twice; tokens go to the registered origin alone; what was accepted survives kill -9.

mod answer;
mod desk;
mod error;
mod fetch;
mod habits;
mod link;
mod order;
mod recipe;
mod records;
mod seekers;
mod send;
mod source;
mod sweep;
mod tidy;
mod transcription;
mod trouble;
mod view;
mod want;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use url::Url;

use self::link::Link;
use self::records::{InstanceRecord, OrderRecord, ProductionRecord};
use crate::config::{PeertubeInstance, Secret, Terms};
use crate::jobs::Jobs;
use crate::parts::Parts;
use crate::peertube::socket::{self, Ear};
use crate::peertube::{Instance, Patience, Waits};
use crate::store::StoreError;

pub use self::error::InstanceError;
pub use self::view::InstanceView;

/// Waits between two tries to register at an instance of the configuration that is away.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// All instances that this coordinator works for.
#[derive(Clone)]
pub struct Instances {
    parts: Arc<Parts>,
    jobs: Jobs,
    links: Arc<Mutex<BTreeMap<String, Arc<Link>>>>,
    /// Instances of the configuration at which we are not registered yet, as people see them.
    wanted: Arc<Mutex<BTreeMap<String, InstanceView>>>,
}

/// What registration takes.
#[derive(Clone, Debug)]
pub struct Registration {
    /// URL of the instance; what follows the host is left out.
    pub url: String,
    /// As the instance's admin page shows it: `ptrrt-…`.
    pub registration_token: Secret,
    /// Name of the runner there; unique on the instance.
    pub name: String,
    /// For its admins.
    pub description: Option<String>,
    /// How it is served.
    pub terms: Terms,
}

impl Instances {
    /// Nothing yet: see [`Instances::take_up`].
    pub fn new(parts: Arc<Parts>, jobs: Jobs) -> Self {
        Self { parts, jobs, links: Arc::default(), wanted: Arc::default() }
    }

    /// Goes on with all that was kept, and registers at the instances of the configuration that are new.
    pub async fn take_up(&self) -> Result<(), StoreError> {
        let store = self.parts.store.as_ref();
        let mut orders: Vec<OrderRecord> = records::all(store).await?;
        let mut productions: Vec<ProductionRecord> = records::all(store).await?;
        let configured = &self.parts.config.peertube;
        for mut record in records::all::<InstanceRecord>(store).await? {
            if let Some(wanted) = configured.iter().find(|wanted| named(&wanted.url) == record.url)
                && wanted.terms != record.terms
            {
                record.terms = wanted.terms.clone();
                records::keep(store, &record).await?;
            }
            let orders = orders.extract_if(.., |order| order.instance == record.url).collect();
            let made = productions.extract_if(.., |made| made.instance == record.url).collect();
            if let Err(error) = self.begin(record, orders, made) {
                tracing::error!(%error, "an instance is left out");
            }
        }
        for wanted in configured {
            let known = locked(&self.links).get(&named(&wanted.url)).cloned();
            // One that has forgotten us may know us again by the token that the configuration has now.
            if known.is_none_or(|link| link.record().trouble.is_some()) {
                let (this, wanted) = (self.clone(), wanted.clone());
                self.parts.lifecycle.spawn(async move { this.register_configured(wanted).await });
            }
        }
        self.parts.lifecycle.spawn(sweep::run(self.clone()));
        Ok(())
    }

    /// Registers as a runner at an instance and begins to work for it. At one that has forgotten us, with all that was learned
    /// of it and is held for it.
    pub async fn register(&self, wanted: Registration) -> Result<InstanceView, InstanceError> {
        let key = named(&wanted.url);
        let known = locked(&self.links).get(&key).cloned();
        if known.as_ref().is_some_and(|link| link.record().trouble.is_none()) {
            return Err(InstanceError::Known(key));
        }
        let refused = |error| InstanceError::Call { url: key.clone(), error };
        let instance =
            Instance::new(&key, &wanted.terms.storage_hosts, Patience::default()).map_err(refused)?;
        let description = wanted.description.as_deref();
        let registered = instance.register(&wanted.registration_token, &wanted.name, description).await;
        let registered = registered.map_err(refused)?;
        let mut record = InstanceRecord {
            url: key.clone(),
            name: wanted.name,
            runner_token: registered.runner_token.reveal().to_owned(),
            terms: wanted.terms,
            trouble: None,
            habits: Default::default(),
            tally: Default::default(),
        };
        let mut productions = Vec::new();
        if let Some(link) = known {
            // What is still open would write down the old registration once more.
            self.emptied(&link).await;
            let before = link.record();
            (record.habits, record.tally) = (before.habits, before.tally);
            productions = link.desk.productions();
        }
        records::keep(self.parts.store.as_ref(), &record).await?;
        self.begin(record, Vec::new(), productions)?;
        locked(&self.wanted).remove(&key);
        tracing::info!(instance = %key, "registered");
        self.view(&key)
    }

    /// Leaves an instance: its open jobs are given back, and the instance forgets the runner.
    pub async fn unregister(&self, url: &str) -> Result<(), InstanceError> {
        let key = named(url);
        let link =
            locked(&self.links).get(&key).cloned().ok_or_else(|| InstanceError::Unknown(key.clone()))?;
        self.emptied(&link).await;
        // An instance that is gone, or has forgotten us, keeps nobody from leaving it.
        if let Err(error) = link.runner.unregister().await {
            tracing::warn!(instance = %key, %error, "the instance was not told that its runner leaves");
        }
        for production in link.desk.productions() {
            tidy::close(&link, &production).await?;
        }
        let store = self.parts.store.as_ref();
        // Of an instance that was away: it could not be told, and will not be any more.
        for order in records::all::<OrderRecord>(store).await?.iter().filter(|order| order.instance == key) {
            records::forget(store, order).await?;
        }
        records::forget(store, &link.record()).await?;
        locked(&self.links).remove(&key);
        Ok(())
    }

    /// Stops all work for an instance, and waits for its end.
    async fn emptied(&self, link: &Link) {
        link.stop.cancel();
        let mut changes = self.parts.wake.subscribe();
        for order in link.orders() {
            order.stop.cancel();
        }
        while !link.orders().is_empty() {
            tokio::select! {
                () = changes.changed() => {}
                () = link.news.notified() => {}
            }
        }
    }

    /// All instances, by URL.
    pub fn list(&self) -> Vec<InstanceView> {
        let mut views = locked(&self.wanted).clone();
        views.extend(locked(&self.links).iter().map(|(url, link)| (url.clone(), view::of(link))));
        views.into_values().collect()
    }

    fn view(&self, key: &str) -> Result<InstanceView, InstanceError> {
        let link = locked(&self.links).get(key).cloned();
        link.map(|link| view::of(&link)).ok_or_else(|| InstanceError::Unknown(key.to_owned()))
    }

    fn begin(
        &self,
        record: InstanceRecord,
        orders: Vec<OrderRecord>,
        productions: Vec<ProductionRecord>,
    ) -> Result<(), InstanceError> {
        let refused = |error| InstanceError::Call { url: record.url.clone(), error };
        let instance = Instance::new(&record.url, &record.terms.storage_hosts, Patience::default());
        let runner = instance.map_err(refused)?.runner(Secret::new(record.runner_token.clone()));
        let is_well = record.trouble.is_none();
        let (key, weight) = (record.url.clone(), record.terms.weight);
        let link = Arc::new(Link::new((self.parts.clone(), self.jobs.clone()), runner, record, productions));
        self.parts.shares.set(&link.tenant, weight);
        locked(&self.links).insert(key, link.clone());
        if is_well {
            let lifecycle = &self.parts.lifecycle;
            let (ear, heard) = watch::channel(Ear::default());
            let listener = link.clone();
            lifecycle.spawn(async move {
                let listening = socket::listen(&listener.runner, socket::waits(), ear);
                tokio::select! {
                    () = listening => {}
                    () = listener.stop.cancelled() => {}
                    () = listener.parts.lifecycle.stopping() => {}
                }
            });
            lifecycle.spawn(link.clone().run(orders, heard));
        }
        self.parts.lifecycle.spawn(tidy::run(link));
        Ok(())
    }

    async fn register_configured(&self, wanted: PeertubeInstance) {
        let mut view = view::unregistered(&wanted);
        let mut show = |trouble: &str| {
            view.trouble = Some(format!("not registered yet: {trouble}"));
            locked(&self.wanted).insert(view.url.clone(), view.clone());
        };
        let registration_token = match wanted.token() {
            Ok(token) => token,
            Err(reason) => {
                show(&reason);
                return tracing::error!(instance = wanted.url, reason, "cannot register");
            }
        };
        let PeertubeInstance { url, name, terms, .. } = wanted;
        let shown = url.clone();
        let registration = Registration { url, registration_token, name, description: None, terms };
        let mut waits = Waits::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            match self.register(registration.clone()).await {
                Ok(_) => return,
                // By hand, meanwhile.
                Err(InstanceError::Known(_)) => return,
                Err(InstanceError::Call { error, .. }) if error.is_transient() => {
                    show(&error.to_string());
                    tracing::warn!(instance = shown, %error, "cannot register yet; trying again");
                }
                Err(error) => {
                    let hint = error.hint();
                    show(&format!("{error}; {hint}"));
                    return tracing::error!(instance = shown, %error, hint, "cannot register");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(waits.next_wait()) => {}
                () = self.parts.lifecycle.stopping() => return,
            }
        }
    }
}

/// An instance's URL as records name it: without what follows the host.
pub fn named(url: &str) -> String {
    let origin = Url::parse(url).ok().filter(Url::has_host).map(|url| url.origin().ascii_serialization());
    origin.unwrap_or_else(|| url.trim_end_matches('/').to_owned())
}

/// The value behind a lock, whatever became of who held it before.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
