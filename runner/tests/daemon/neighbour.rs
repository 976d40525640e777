//! A runner that gets out of its owner's way.

use std::sync::Arc;

use flotilla_proto::fleet::{FailureClass, SyncRequest};
use flotilla_runner::identity::StateDir;
use flotilla_runner::neighbour::{Pause, pause};
use flotilla_runner::transfer::{Grant, Inputs, Meter, Output, Pace, PartGrants, Throttle, http_client};
use futures::future::BoxFuture;

use crate::engine::{DONE, HANG};
use crate::store::FakeStore;
use crate::world::{World, until_gone};

fn state(world: &World) -> StateDir {
    StateDir::open(&world.folder.path().join("state")).unwrap()
}

async fn until_last(world: &World, what: &str, is_wanted: impl Fn(&SyncRequest) -> bool) {
    world.coordinator.until(what, |state| state.syncs.last().is_some_and(&is_wanted)).await;
}

#[tokio::test]
async fn a_pause_gives_tasks_back_at_once_and_takes_none_until_it_ends() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    pause::begin(&state(&world), &Pause::default()).unwrap();
    until_gone(pid).await;
    let rests = |sync: &SyncRequest| {
        sync.resting_reason.as_deref() == Some("paused") && sync.free_slots == 0 && sync.attempts.is_empty()
    };
    until_last(&world, "the rest is told", rests).await;
    assert_eq!(world.coordinator.with(|state| state.fails.remove(0)).class(), FailureClass::Returned);

    // A lease that was on its way goes back too.
    world.lease("b", 1024);
    world.coordinator.until("the late lease is given back", |state| !state.fails.is_empty()).await;
    assert_eq!(world.coordinator.with(|state| state.fails.remove(0)).class(), FailureClass::Returned);

    pause::end(&state(&world)).unwrap();
    let works = |sync: &SyncRequest| sync.resting_reason.is_none() && sync.free_slots == 1;
    until_last(&world, "the end of the rest is told", works).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pause_may_let_tasks_end_first() {
    let world = World::new(Vec::new()).await;
    let gate = world.gate();
    let daemon = world.start(&format!("while ! [ -e {} ]; do sleep 0.02; done\n{DONE}", gate.display()));
    world.lease("a", 1024);
    world.until_held(&["a"]).await;
    pause::begin(&state(&world), &Pause { until_s: None, finish: true }).unwrap();
    let rests = |sync: &SyncRequest| sync.resting_reason.is_some() && sync.attempts.len() == 1;
    until_last(&world, "the rest is told", rests).await;
    std::fs::write(gate, "").unwrap();
    world.coordinator.until("the task is done", |state| state.completes.len() == 1).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    assert!(world.coordinator.with(|state| state.fails.is_empty()));
}

/// For parts whose URLs are known.
struct NoGrants;

impl PartGrants for NoGrants {
    fn grant(&self, _: u32, _: u32, _: u32) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async { Err("none".to_owned()) })
    }
}

#[tokio::test]
async fn limited_bytes_arrive_whole_and_uploads_still_state_their_length() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|index| (index % 251) as u8).collect();
    let store = FakeStore::start(bytes.clone()).await;
    let throttle = || Some(Arc::new(Throttle::new(1 << 20)));
    let meter = Arc::new(Meter::new(Pace { down: throttle(), up: throttle() }));
    let http = http_client().unwrap();

    let grant = Grant { url: store.source_url(), size_bytes: bytes.len() as u64, sha256: None };
    let mut inputs = Inputs::new(&http, &meter, &[grant]);
    assert_eq!(inputs.read(0, 0, 100_000).await.unwrap(), bytes);

    let grants: Arc<dyn PartGrants> = Arc::new(NoGrants);
    let urls = (1..=2).map(|part| format!("{}/0/{part}", store.part_url())).collect();
    let mut output = Output::new(&http, &meter, &grants, 0, 60_000, urls);
    output.push(bytes.clone().into()).await.unwrap();
    assert_eq!(output.finish().await.unwrap().size_bytes, 100_000);
    let (sent, mut lengths) = store.with(|contents| (contents.parts.clone(), contents.lengths.clone()));
    assert_eq!(sent.values().flatten().copied().collect::<Vec<u8>>(), bytes);
    lengths.sort();
    assert_eq!(lengths, [Some("40000".to_owned()), Some("60000".to_owned())]);
}
