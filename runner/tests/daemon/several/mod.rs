//! One runner, two coordinators.

mod arriving;
mod joining;
mod sharing;
mod standing;

use std::num::NonZeroU32;

use flotilla_proto::fleet::SyncRequest;
use flotilla_runner::config::Config;
use flotilla_runner::{Error, app};
use tokio::task::JoinHandle;

use crate::coordinator::FakeCoordinator;
use crate::engine;
use crate::world::{World, join};

/// A daemon with two coordinators that it talks to. The first one is the world's.
struct Two {
    world: World,
    second: FakeCoordinator,
}

impl Two {
    async fn new() -> Self {
        let world = World::new(Vec::new()).await;
        let second = FakeCoordinator::start(world.store.part_url()).await;
        Self { world, second }
    }

    fn both(&self) -> [&FakeCoordinator; 2] {
        [&self.world.coordinator, &self.second]
    }

    fn config(&self, body: &str, slots: u32, shares: [u32; 2]) -> Config {
        let mut config = self.world.config(engine::script(self.world.folder.path(), body), "good");
        config.slots = NonZeroU32::new(slots);
        let with_share = |(coordinator, share)| join(coordinator, "good", Some(share));
        config.joins = self.both().into_iter().zip(shares).map(with_share).collect();
        config.joins_beside = true;
        config
    }

    /// Starts a daemon whose engine does `body`, and waits until it has talked to both.
    async fn start(&self, body: &str, slots: u32, shares: [u32; 2]) -> JoinHandle<Result<(), Error>> {
        let daemon = tokio::spawn(app::run(self.config(body, slots, shares), self.world.tokens.clone()));
        for coordinator in self.both() {
            coordinator.until("the daemon calls", |state| !state.syncs.is_empty()).await;
        }
        daemon
    }

    /// What an engine does that is done once there is a gate.
    fn gated(&self) -> String {
        self.gated_by("")
    }

    /// The same, with something more before it is done.
    fn gated_by(&self, more: &str) -> String {
        let gate = self.world.gate();
        format!("while ! [ -e {} ]; do sleep 0.02; done\n{more}{}", gate.display(), engine::DONE)
    }

    fn open_gate(&self) {
        std::fs::write(self.world.gate(), "").unwrap();
    }

    fn lease(&self, coordinator: &FakeCoordinator, attempt_id: &str) {
        let lease = self.world.task(attempt_id, 1024, Vec::new());
        coordinator.with(|state| state.to_start.push(lease));
    }

    async fn drained(self, daemon: JoinHandle<Result<(), Error>>) {
        self.world.tokens.drain();
        daemon.await.unwrap().unwrap();
    }
}

async fn until_last(coordinator: &FakeCoordinator, what: &str, is_wanted: impl Fn(&SyncRequest) -> bool) {
    coordinator.until(what, |state| state.syncs.last().is_some_and(&is_wanted)).await;
}

async fn until_done(coordinator: &FakeCoordinator, count: usize) {
    coordinator.until("tasks are done", |state| state.completes.len() >= count).await;
}
