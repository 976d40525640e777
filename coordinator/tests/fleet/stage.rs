//! A coordinator with a folder, a clock and a storage of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use flotilla_coordinator::clock::{Clock, SystemClock};
use flotilla_coordinator::config::Config;
use flotilla_coordinator::domain::{JobId, Timestamp};
use flotilla_coordinator::jobs::{JobView, Jobs, NewToken, ProfileChoice, SourceRef, Submission};
use flotilla_coordinator::objects::Storage;
use flotilla_coordinator::{Coordinator, StartError};

use crate::runner::HandPlayed;

/// Everything that is waited for comes long before that.
const AT_MOST: Duration = Duration::from_secs(30);

/// Life of a lease: longer than any test pauses, short enough that its end is noticed soon.
pub const LEASE_MS: u32 = 8_000;

/// The work bucket.
pub const BUCKET: &str = "flotilla";

/// The machine's clock, moved forward by hand.
#[derive(Debug, Default)]
pub struct MovedClock(AtomicI64);

impl MovedClock {
    /// So many milliseconds pass at once.
    pub fn pass_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::SeqCst))
    }
}

/// A running coordinator.
pub struct Stage {
    pub coordinator: Coordinator,
    pub clock: Arc<MovedClock>,
    pub folder: tempfile::TempDir,
}

impl Stage {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(MovedClock::default());
        let coordinator = start(folder.path(), &clock).await.expect("the coordinator starts");
        Self { coordinator, clock, folder }
    }

    /// Stops the coordinator, lets something happen to its folder, and starts it again.
    pub async fn restart(self, meanwhile: impl AsyncFnOnce(&Path)) -> Self {
        let Self { coordinator, clock, folder } = self;
        coordinator.stop().await;
        meanwhile(folder.path()).await;
        let coordinator = start(folder.path(), &clock).await.expect("the coordinator starts again");
        Self { coordinator, clock, folder }
    }

    pub fn jobs(&self) -> &Jobs {
        self.coordinator.jobs()
    }

    pub fn storage(&self) -> &Storage {
        self.coordinator.jobs().storage()
    }

    /// A join token.
    pub async fn token(&self) -> String {
        self.jobs().create_token(NewToken::default()).await.expect("a token").1
    }

    /// A runner that has joined and offers what the profile `web` wants, with this fingerprint.
    pub async fn runner(&self, name: &str, fingerprint: &str) -> HandPlayed {
        HandPlayed::join(self.coordinator.url(), &self.token().await, name, fingerprint)
            .await
            .expect("it may join")
    }

    /// Submits a job, cut into chunks of four seconds; its source is no media, since nobody decodes it.
    pub async fn submit(&self, name: &str) -> JobId {
        self.jobs().submit(self.submission(name)).await.expect("the job is taken")
    }

    pub fn submission(&self, name: &str) -> Submission {
        let path = self.folder.path().join(format!("{name}.mp4"));
        std::fs::write(&path, "bytes of a video").expect("a file can be written");
        Submission {
            source: SourceRef::File(path),
            profile: ProfileChoice::Named("web".into()),
            destination: format!("s3://{BUCKET}/published/{name}").parse().expect("a destination"),
            chunk_seconds: Some(4),
            priority: 100,
            progressive_publish: false,
            tenant: "default".into(),
            idempotency_key: None,
            picture: None,
            sound: None,
            edits: Vec::new(),
            inserts: Vec::new(),
        }
    }

    pub async fn view(&self, job_id: &JobId) -> JobView {
        self.jobs().view(job_id).await.expect("the job is known")
    }

    /// Waits until a job looks as it should.
    pub async fn wait_job(&self, job_id: &JobId, what: &str, is_so: impl Fn(&JobView) -> bool) -> JobView {
        let mut changes = self.jobs().changes();
        let looked = async {
            loop {
                let view = self.view(job_id).await;
                if is_so(&view) {
                    return view;
                }
                changes.changed().await;
            }
        };
        match tokio::time::timeout(AT_MOST, looked).await {
            Ok(view) => view,
            Err(_) => panic!("{what} did not happen: {:#?}", self.view(job_id).await),
        }
    }

    /// Keys and unfinished uploads below a prefix.
    pub async fn stored(&self, prefix: &str) -> Vec<String> {
        let objects = self.storage().list(BUCKET, prefix).await.expect("objects can be listed");
        let uploads = self.storage().list_uploads(BUCKET, prefix).await.expect("uploads can be listed");
        let objects = objects.into_iter().map(|object| object.key);
        objects.chain(uploads.into_iter().map(|upload| format!("upload of {}", upload.key))).collect()
    }

    /// Waits until nothing is left below a prefix.
    pub async fn wait_empty(&self, prefix: &str) {
        let emptied = async { while !self.stored(prefix).await.is_empty() {} };
        if tokio::time::timeout(AT_MOST, emptied).await.is_err() {
            panic!("left below {prefix}: {:#?}", self.stored(prefix).await);
        }
    }
}

/// Starts a coordinator on a folder, at any free port.
pub async fn start(folder: &Path, clock: &Arc<MovedClock>) -> Result<Coordinator, StartError> {
    Coordinator::start_with_clock(config(folder), clock.clone()).await
}

pub fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.data.dir = folder.join("data");
    (config.leases.lease_ms, config.leases.self_stop_ms, config.leases.hold_ms) =
        (LEASE_MS, LEASE_MS - 1, 2_000);
    config
}

/// An answer that comes in time.
pub async fn soon<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_MOST, answer).await.expect("it answers in time")
}
