//! A benchmark that the coordinator asks for. The engine here cannot measure anything: what real ones find is for the
//! journeys.

use flotilla_proto::fleet::benchmark_status::End;
use flotilla_proto::fleet::{BenchmarkOrder, SyncRequest};

use crate::engine::DONE;
use crate::world::World;

async fn until_last(world: &World, what: &str, is_wanted: impl Fn(&SyncRequest) -> bool) {
    world.coordinator.until(what, |state| state.syncs.last().is_some_and(&is_wanted)).await;
}

#[tokio::test]
async fn it_waits_for_what_is_held_takes_nothing_meanwhile_and_tells_its_end_until_it_is_heard() {
    let world = World::new(Vec::new()).await;
    let gate = world.gate();
    let daemon = world.start(&format!("while ! [ -e {} ]; do sleep 0.02; done\n{DONE}", gate.display()));
    world.lease("a", 1024);
    world.until_held(&["a"]).await;
    world.coordinator.with(|state| state.benchmark = Some(BenchmarkOrder { id: "one".into(), quick: true }));
    let waits = |sync: &SyncRequest| {
        let said = sync.benchmark.as_ref();
        let is_open = said.is_some_and(|said| said.id == "one" && said.end.is_none());
        is_open && sync.free_slots == 0 && sync.attempts.len() == 1 && sync.resting_reason.is_none()
    };
    until_last(&world, "the order is heeded", waits).await;
    std::fs::write(gate, "").unwrap();
    world.coordinator.until("the task is done", |state| state.completes.len() == 1).await;
    let is_over = |sync: &SyncRequest| {
        let end = sync.benchmark.as_ref().and_then(|said| said.end.as_ref());
        matches!(end, Some(End::Failure(reason)) if reason.contains("the clip")) && sync.free_slots == 1
    };
    until_last(&world, "the end is told", is_over).await;
    world.coordinator.with(|state| state.benchmark = None);
    until_last(&world, "it is told no more", |sync| sync.benchmark.is_none()).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_rest_puts_it_off_and_an_order_that_is_withdrawn_is_not_carried_out() {
    use flotilla_runner::identity::StateDir;
    use flotilla_runner::neighbour::{Pause, pause};
    let world = World::new(Vec::new()).await;
    let state = StateDir::open(&world.folder.path().join("state")).unwrap();
    pause::begin(&state, &Pause::default()).unwrap();
    let daemon = world.start(DONE);
    until_last(&world, "it rests", |sync| sync.resting_reason.is_some()).await;
    world.coordinator.with(|state| state.benchmark = Some(BenchmarkOrder { id: "one".into(), quick: true }));
    let is_named = |sync: &SyncRequest| sync.benchmark.is_some();
    until_last(&world, "the order is heeded", is_named).await;
    world.coordinator.with(|state| state.benchmark = None);
    until_last(&world, "it is dropped", |sync| sync.benchmark.is_none()).await;
    pause::end(&state).unwrap();
    let works = |sync: &SyncRequest| sync.resting_reason.is_none() && sync.free_slots == 1;
    until_last(&world, "it works", works).await;
    let has_ended = |sync: &SyncRequest| sync.benchmark.as_ref().is_some_and(|said| said.end.is_some());
    assert!(!world.coordinator.with(|state| state.syncs.iter().any(has_ended)));
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}
