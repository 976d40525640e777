//! A daemon with all that it talks to.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use flotilla_proto::fleet::{
    AssembleSpec, ExtractTextSpec, InputGrant, Lease, LeaseRef, OutputGrant, TaskSpec, task_spec,
};
use flotilla_runner::config::{Config, Engine, Join};
use flotilla_runner::neighbour::Settings;
use flotilla_runner::{Error, Tokens, app};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::coordinator::FakeCoordinator;
use crate::engine;
use crate::store::FakeStore;

pub struct World {
    pub folder: TempDir,
    pub coordinator: FakeCoordinator,
    pub store: FakeStore,
    pub tokens: Tokens,
}

impl World {
    pub async fn new(source: Vec<u8>) -> Self {
        let store = FakeStore::start(source).await;
        let coordinator = FakeCoordinator::start(store.part_url()).await;
        Self { folder: tempfile::tempdir().unwrap(), coordinator, store, tokens: Tokens::default() }
    }

    pub fn config(&self, engine: Engine, token: &str) -> Config {
        Config {
            state_dir: self.folder.path().join("state"),
            joins: vec![join(&self.coordinator, token, None)],
            joins_beside: false,
            encoders: Vec::new(),
            slots: NonZeroU32::new(1),
            allow_plaintext: false,
            engine,
            neighbour: Settings::default(),
        }
    }

    /// Starts a daemon with one slot, whose engine does `body` with every task.
    pub fn start(&self, body: &str) -> JoinHandle<Result<(), Error>> {
        let config = self.config(engine::script(self.folder.path(), body), "good");
        tokio::spawn(app::run(config, self.tokens.clone()))
    }

    /// Leases a task with the source as input and one output, of which two parts' URLs are known.
    pub fn lease(&self, attempt_id: &str, part_size_bytes: u64) {
        self.lease_with_digest(attempt_id, part_size_bytes, Vec::new());
    }

    /// The same, with the digest of the source on record.
    pub fn lease_with_digest(&self, attempt_id: &str, part_size_bytes: u64, sha256: Vec<u8>) {
        let lease = self.task(attempt_id, part_size_bytes, sha256);
        self.coordinator.with(|state| state.to_start.push(lease));
    }

    /// Leases a join, as above.
    pub fn lease_join(&self, attempt_id: &str) {
        let kind = task_spec::Kind::Assemble(AssembleSpec::default());
        let join = Lease { task: Some(TaskSpec { kind: Some(kind) }), ..self.task(attempt_id, 1024, vec![]) };
        self.coordinator.with(|state| state.to_start.push(join));
    }

    /// What a lease says, of a task that takes a slot.
    pub fn task(&self, attempt_id: &str, part_size_bytes: u64, sha256: Vec<u8>) -> Lease {
        let size_bytes = self.store.with(|contents| contents.source.len() as u64);
        let part_urls = (1..=2).map(|part| format!("{}/0/{part}", self.store.part_url())).collect();
        Lease {
            lease: Some(LeaseRef { attempt_id: attempt_id.into(), token: "t".into(), epoch: 1 }),
            job_id: "j".into(),
            task_id: "t".into(),
            task: Some(TaskSpec { kind: Some(task_spec::Kind::ExtractText(ExtractTextSpec::default())) }),
            inputs: vec![InputGrant { url: self.store.source_url(), size_bytes, sha256 }],
            outputs: vec![OutputGrant { part_size_bytes, part_urls }],
        }
    }

    /// Waits until the heartbeat names just these attempts.
    pub async fn until_held(&self, attempt_ids: &[&str]) {
        let is_held = |request: &flotilla_proto::fleet::SyncRequest| {
            let ids = request.attempts.iter().filter_map(|attempt| attempt.lease.as_ref());
            ids.map(|lease| lease.attempt_id.as_str()).eq(attempt_ids.iter().copied())
        };
        let what = format!("{attempt_ids:?} are held");
        self.coordinator.until(&what, |state| state.syncs.last().is_some_and(is_held)).await;
    }

    /// Waits until the engine has noted its process and returns the id.
    pub async fn engine_pid(&self) -> i32 {
        let path = self.folder.path().join("pid");
        eventually("the engine notes its process", || {
            std::fs::read_to_string(&path).ok()?.trim().parse().ok()
        })
        .await
    }

    pub fn gate(&self) -> PathBuf {
        self.folder.path().join("gate")
    }
}

/// How to join a coordinator.
pub fn join(coordinator: &FakeCoordinator, token: &str, share: Option<u32>) -> Join {
    let share = share.and_then(NonZeroU32::new);
    let (url, token) = (coordinator.url.clone(), Some(token.into()));
    Join { url, token, name: "box".into(), share, allow_plaintext: false }
}

/// Waits until there is an answer; for what nobody tells us of.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search)
        .await
        .unwrap_or_else(|_| panic!("in vain waited until {what}"))
}

/// Waits until a process is gone.
pub async fn until_gone(pid: i32) {
    let path = format!("/proc/{pid}/stat");
    let is_gone = || match std::fs::read_to_string(&path) {
        Ok(stat) => stat.contains(") Z ").then_some(()),
        Err(_) => Some(()),
    };
    eventually("the engine is gone", is_gone).await;
}
