//! An instance, a coordinator that is registered there, and a machine that works for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use flotilla_coordinator::Coordinator;
use flotilla_coordinator::clock::{Clock, SystemClock};
use flotilla_coordinator::config::{Config, PeertubeInstance, Transcription};
use flotilla_coordinator::domain::Timestamp;
use flotilla_coordinator::jobs::NewToken;
use flotilla_tests::peertube::{Fault, Job, Model, Route, State, Upload, Version};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::machine::{Machine, Orders};
use crate::time;

/// By the clock that is fast: fifteen minutes.
const AT_MOST: Duration = Duration::from_secs(900);

/// Between two looks at what is waited for, by the same clock.
const LOOK: Duration = Duration::from_millis(500);

/// The machine's clock, moved forward by hand.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::SeqCst))
    }
}

/// The stage of a test. Its runtime is paused: see [`time`].
pub struct Place {
    model: Arc<Mutex<Model>>,
    pub machine: Arc<Orders>,
    coordinator: Option<Coordinator>,
    folder: TempDir,
    config: Config,
    clock: Arc<MovedClock>,
    sources: AtomicU64,
    /// The clock and the machine.
    _running: [AbortOnDropHandle<()>; 2],
}

impl Place {
    pub async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// The first tries to register fail, for the instance is not well yet.
    pub async fn not_at_once(tries: u32) -> Self {
        Self::configured(Version::default(), |model, config| {
            (0..tries).for_each(|_| model.fail_next(Route::Register, Fault::Status(503)));
            config.peertube = vec![instance(model, json!({}))];
        })
        .await
    }

    /// Served on such terms.
    pub async fn with(terms: Value) -> Self {
        Self::configured(Version::default(), |model, config| config.peertube = vec![instance(model, terms)])
            .await
    }

    /// Of a version, with a command that hears, or without one.
    pub async fn of(version: Version, transcription: Transcription) -> Self {
        Self::configured(version, |model, config| {
            config.peertube = vec![instance(model, json!({}))];
            config.transcription = transcription;
        })
        .await
    }

    /// Registered by hand, on terms that no configuration may have.
    pub async fn by_hand(terms: Value) -> Self {
        let place = Self::configured(Version::default(), |_, _| {}).await;
        place.register(terms).await;
        place
    }

    /// Registers as an admin does.
    pub async fn register(&self, terms: Value) {
        let body = {
            let model = self.model().await;
            let (url, token) = (model.url(), model.registration_token());
            json!({ "url": url, "registration_token": token, "name": "by hand", "terms": terms })
        };
        let url = format!("{}/api/v1/peertube", self.coordinator().url());
        let request = reqwest::Client::new().post(url).bearer_auth(self.coordinator().admin_token());
        let answer = request.json(&body).send().await.expect("it answers");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
    }

    async fn configured(version: Version, change: impl FnOnce(&Model, &mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = Model::speaking(version);
        // The model's sockets live by the wall's clock, the coordinator's patience with them by the fast one.
        model.ping_every(Duration::from_millis(500));
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.data.dir = folder.path().join("data");
        (config.leases.lease_ms, config.leases.self_stop_ms, config.leases.hold_ms) = (8_000, 7_999, 2_000);
        change(&model, &mut config);
        let model = Arc::new(Mutex::new(model));
        let running = time::run(model.clone());
        let machine = Arc::new(Orders::default());
        let clock = Arc::new(MovedClock::default());
        let coordinator = start(&config, &clock, &machine).await;
        let token = coordinator.jobs().create_token(NewToken::default()).await.expect("a token").1;
        let working = tokio::spawn(Machine::join(machine.clone(), &token).await.run());
        let _running = [running, AbortOnDropHandle::new(working)];
        let (coordinator, sources) = (Some(coordinator), AtomicU64::new(0));
        Self { model, machine, coordinator, folder, config, clock, sources, _running }
    }

    /// Its configuration names other terms from the next start on.
    pub async fn reconfigure(&mut self, terms: Value) {
        let instance = instance(&*self.model().await, terms);
        self.config.peertube = vec![instance];
    }

    pub async fn start(&mut self) {
        self.coordinator = Some(start(&self.config, &self.clock, &self.machine).await);
    }

    /// The time of the coordinator's records.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// So much of it passes at once; timers notice nothing.
    pub fn pass(&self, time: Duration) {
        let milliseconds = i64::try_from(time.as_millis()).expect("it is short");
        self.clock.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Stops the coordinator as a signal does.
    pub async fn stop(&mut self) {
        self.coordinator.take().expect("it runs").stop().await;
        self.wait_released().await;
    }

    /// Stops the coordinator at once: nobody is told anything.
    pub async fn cut(&mut self) {
        drop(self.coordinator.take());
        self.wait_released().await;
    }

    /// Waits until the data folder is free: the store and the objects are held by locks of their own, and whoever still
    /// answers a request lets go of them last.
    async fn wait_released(&self) {
        self.wait("the end of the coordinator", async |place| {
            let is_free = |name| {
                let lock = std::fs::File::open(place.config.data.dir.join(name)).expect("the lock is there");
                lock.try_lock().is_ok()
            };
            (is_free("flotilla.sqlite.lock") && is_free("objects/lock")).then_some(())
        })
        .await;
    }

    pub fn coordinator(&self) -> &Coordinator {
        self.coordinator.as_ref().expect("it runs")
    }

    /// The instance; not to be held while waiting.
    pub async fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().await
    }

    /// A source that is like no other.
    pub fn source(&self) -> PathBuf {
        let number = self.sources.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("source-{number}"));
        std::fs::write(&path, format!("bytes of source {number} ").repeat(8_000)).expect("it can be written");
        path
    }

    pub async fn upload(&self, upload: &Upload) -> Vec<String> {
        let (source, picture) = (self.source(), self.source());
        self.model().await.upload(upload, &source, Some(&picture))
    }

    pub async fn job(&self, kind: &str, payload: &Value) -> String {
        let source = self.source();
        self.model().await.job(kind, payload, &source)
    }

    /// A file of studio jobs, known by that name.
    pub async fn task_file(&self, name: &str) {
        let path = self.source();
        self.model().await.task_file(name, &path);
    }

    /// What the coordinator says of the instance; null before it is registered.
    pub async fn view(&self) -> Value {
        let url = format!("{}/api/v1/peertube", self.coordinator().url());
        let asked = reqwest::Client::new().get(url).bearer_auth(self.coordinator().admin_token()).send();
        let list: Value = asked.await.expect("it answers").json().await.expect("it answers with JSON");
        list[0].clone()
    }

    /// Looks until there is something.
    pub async fn wait<T>(&self, what: &str, look: impl AsyncFn(&Self) -> Option<T>) -> T {
        let looked = async {
            loop {
                if let Some(found) = look(self).await {
                    return found;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(AT_MOST, looked).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not happen: {}", self.story().await),
        }
    }

    pub async fn wait_state(&self, uuid: &str, state: State) -> Job {
        self.wait(&format!("{state:?} of {uuid}"), async |place| {
            place.model().await.find(uuid).filter(|job| job.state == state)
        })
        .await
    }

    /// Waits until every job is completed, each by one answer, and nothing was done that may not be.
    pub async fn wait_all(&self) {
        self.wait("the completion of all jobs", async |place| {
            let jobs = place.model().await.jobs();
            jobs.iter().all(|job| job.state == State::Completed && job.answers == 1).then_some(())
        })
        .await;
        self.check().await;
    }

    pub async fn check(&self) {
        let violations = self.model().await.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Waits until the coordinator works on no job of the instance.
    pub async fn wait_no_orders(&self) {
        self.wait("the end of all orders", async |place| {
            place.view().await["orders"].as_array()?.is_empty().then_some(())
        })
        .await;
    }

    /// Statuses of the calls of a route, of one job or of all.
    pub async fn statuses(&self, route: Route, job: Option<&str>) -> Vec<u16> {
        let calls = self.model().await.calls();
        let is_it = |call: &&flotilla_tests::peertube::Call| {
            call.route == route && job.is_none_or(|job| call.job.as_deref() == Some(job))
        };
        calls.iter().filter(is_it).map(|call| call.status).collect()
    }

    /// The fleet's job of an order.
    pub async fn fleets_job(&self, uuid: &str) -> String {
        self.wait(&format!("a job of the fleet for {uuid}"), async |place| {
            let view = place.view().await;
            let order = view["orders"].as_array()?.iter().find(|order| order["uuid"] == uuid)?;
            order["job"].as_str().map(str::to_owned)
        })
        .await
    }

    async fn story(&self) -> String {
        let model = self.model().await;
        let jobs: Vec<_> = model
            .jobs()
            .iter()
            .map(|job| {
                format!(
                    "{} {} {:?} answers {} stalls {} failures {} {:?}",
                    job.uuid, job.kind, job.state, job.answers, job.stalls, job.failures, job.error
                )
            })
            .collect();
        let calls: Vec<_> = model
            .calls()
            .iter()
            .rev()
            .take(30)
            .map(|call| format!("{:?} {:?} {} at {}", call.route, call.job, call.status, call.at_ms))
            .collect();
        let violations = model.violations();
        drop(model);
        let view = match &self.coordinator {
            Some(_) => self.view().await,
            None => Value::Null,
        };
        format!("{jobs:#?}\n{calls:#?}\n{violations:#?}\n{view:#}")
    }
}

fn instance(model: &Model, terms: Value) -> PeertubeInstance {
    let (url, token) = (model.url(), model.registration_token());
    let instance = json!({ "url": url, "registration_token": token, "terms": terms });
    serde_json::from_value(instance).expect("it reads as in a file")
}

/// Starts the coordinator, and tells the machine where it is.
async fn start(config: &Config, clock: &Arc<MovedClock>, machine: &Orders) -> Coordinator {
    let coordinator =
        Coordinator::start_with_clock(config.clone(), clock.clone()).await.expect("the coordinator starts");
    *machine.url.lock().unwrap() = coordinator.url();
    coordinator
}
