//! The model as the test holds it: an address for runners, a clock, faults, and the record.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

use super::fault::{Fault, Route};
use super::job::{Job, State};
use super::upload::{Upload, job};
use super::version::Version;
use super::world::{Call, Video, VideoFile, World};
use super::{routes, world};

/// What handlers share.
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) news: broadcast::Sender<()>,
    pub(super) folder: TempDir,
    pub(super) ping_ms: AtomicU64,
    pub(super) names: AtomicU64,
    pub(super) registration_token: String,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody listening is no fault.
    pub(super) fn ring(&self) {
        let _ = self.news.send(());
    }
}

/// A PeerTube instance.
pub struct Model {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Model {
    /// Starts one of the newest version on a free port of this machine.
    ///
    /// # Panics
    /// When the machine gives no port or no folder.
    pub fn start() -> Self {
        Self::speaking(Version::default())
    }

    /// Starts one of a version.
    ///
    /// # Panics
    /// When the machine gives no port or no folder.
    pub fn speaking(version: Version) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Shared {
            world: Mutex::new(World { version, ..World::default() }),
            news: broadcast::channel(64).0,
            folder: TempDir::new().expect("a folder can be made"),
            ping_ms: AtomicU64::new(25_000),
            names: AtomicU64::new(0),
            registration_token: format!("ptrrt-{}", uuid::Uuid::new_v4()),
        };
        let shared = Arc::new(shared);
        let runtime = Some(routes::serve(listener, shared.clone()));
        Self { shared, address, runtime }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// By which runners register.
    pub fn registration_token(&self) -> &str {
        &self.shared.registration_token
    }

    /// Where results lie.
    pub fn folder(&self) -> &Path {
        self.shared.folder.path()
    }

    /// Goes away: connections break, new ones are refused.
    pub fn away(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test that is itself asynchronous may not block, but may wait for a thread.
            let ending = std::thread::spawn(|| runtime.shutdown_timeout(Duration::from_secs(5)));
            ending.join().expect("a runtime ends");
        }
    }

    /// Comes back under the same address, knowing what it knew.
    ///
    /// # Panics
    /// When its port has been taken meanwhile.
    pub fn back(&mut self) {
        if self.runtime.is_none() {
            let listener = TcpListener::bind(self.address).expect("its port is still free");
            self.runtime = Some(routes::serve(listener, self.shared.clone()));
        }
    }

    /// An upload: its jobs are made, parents first, and returned by their names.
    pub fn upload(&self, upload: &Upload, source: &Path, preview: Option<&Path>) -> Vec<String> {
        let video = uuid::Uuid::new_v4().to_string();
        let version = self.shared.lock().version;
        let jobs = upload.jobs(version, &format!("{}/api/v1/runners", self.url()), &video);
        self.add(&video, source, preview, upload.web_videos, jobs)
    }

    /// Keeps a file for studio jobs, under that name.
    pub fn task_file(&self, name: &str, path: &Path) {
        self.shared.lock().task_files.insert(name.to_owned(), path.to_owned());
    }

    /// A job of any kind; `SOURCE` in its payload becomes the URL of its source, `TASK_FILES` that of the files of studio
    /// jobs, `FILES` that of all files of its video. Its source is its picture as well.
    pub fn job(&self, kind: &str, payload: &Value, source: &Path) -> String {
        let (video, uuid) = (uuid::Uuid::new_v4().to_string(), uuid::Uuid::new_v4().to_string());
        let files = format!("{}/api/v1/runners/jobs/{uuid}/files/videos/{video}", self.url());
        let text = payload.to_string().replace("SOURCE", "FILES/max-quality");
        let text = text.replace("TASK_FILES", "FILES/studio/task-files").replace("FILES", &files);
        let payload = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
        let made = job(uuid.clone(), kind, payload, State::Pending, 100, &video, None);
        self.add(&video, source, Some(source), true, vec![made]);
        uuid
    }

    fn add(
        &self,
        video: &str,
        source: &Path,
        preview: Option<&Path>,
        keeps_web_videos: bool,
        jobs: Vec<Job>,
    ) -> Vec<String> {
        let path = source.to_owned();
        let (is_hls, is_original, has_video, has_audio) = (false, true, true, true);
        let file = VideoFile { path, resolution: 1, is_hls, is_original, has_video, has_audio };
        let preview = preview.map(Path::to_owned);
        let names = jobs.iter().map(|job| job.uuid.clone()).collect();
        let mut world = self.shared.lock();
        world.videos.insert(video.to_owned(), Video { files: vec![file], preview, keeps_web_videos });
        world.jobs.extend(jobs);
        drop(world);
        self.shared.ring();
        names
    }

    /// Lets time pass for the instance's timers.
    pub fn advance(&self, time: Duration) {
        let mut world = self.shared.lock();
        world.now_ms += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let is_any = world.watch();
        drop(world);
        if is_any {
            self.shared.ring();
        }
    }

    /// How often sockets are pinged from their next opening on.
    pub fn ping_every(&self, time: Duration) {
        self.shared.ping_ms.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The next call of a route is struck.
    pub fn fail_next(&self, route: Route, fault: Fault) {
        self.shared.lock().faults.push_back((route, fault));
    }

    /// The admin removes all runners.
    pub fn revoke_runners(&self) {
        self.shared.lock().runners.clear();
    }

    /// The admin gives a job up.
    pub fn cancel(&self, job: &str) {
        self.shared.lock().cancel(job);
    }

    /// The admin deletes a job.
    pub fn delete(&self, job: &str) {
        self.shared.lock().jobs.retain(|kept| kept.uuid != job);
    }

    /// The job's payload, changed.
    pub fn set_payload(&self, uuid: &str, payload: Value) {
        if let Some(job) = self.shared.lock().job(uuid) {
            job.payload = payload;
        }
    }

    /// Another runner gets a job, whoever has it now.
    pub fn steal(&self, uuid: &str) {
        let mut world = self.shared.lock();
        if let Some(job) = world.job(uuid) {
            world::reset(job, State::Pending);
        }
        world.accept(uuid, "another runner's");
    }

    /// Says that jobs are available.
    pub fn ring(&self) {
        self.shared.ring();
    }

    /// How many sockets are open.
    pub fn sockets(&self) -> usize {
        self.shared.news.receiver_count()
    }

    /// All jobs, in the order in which they were made.
    pub fn jobs(&self) -> Vec<Job> {
        self.shared.lock().jobs.clone()
    }

    /// One job. None: it was deleted.
    pub fn find(&self, uuid: &str) -> Option<Job> {
        self.shared.lock().job(uuid).cloned()
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// Types of jobs that runners have asked for.
    pub fn asked_types(&self) -> Vec<String> {
        self.shared.lock().asked_types.iter().cloned().collect()
    }

    /// What runners did that a real instance would refuse, or swallow and serve broken.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
