//! What happens to one coordinator does not happen to the other; what happens to the machine happens to both.

use flotilla_proto::fleet::benchmark_status::End;
use flotilla_proto::fleet::{BenchmarkOrder, FailureClass, SyncRequest};
use flotilla_runner::identity::StateDir;
use flotilla_runner::neighbour::{Pause, pause};

use crate::engine::{DONE, HANG};
use crate::world::until_gone;

use super::{Two, until_done, until_last};

#[tokio::test]
async fn both_are_served_by_one_slot() {
    let two = Two::new().await;
    let daemon = two.start(&two.gated(), 1, [1, 1]).await;
    for coordinator in two.both() {
        two.lease(coordinator, "a");
        until_last(coordinator, "it is held", |sync| sync.attempts.len() == 1).await;
    }
    two.open_gate();
    for coordinator in two.both() {
        until_done(coordinator, 1).await;
    }
    two.drained(daemon).await;
}

#[tokio::test]
async fn one_that_stays_away_loses_its_tasks_and_the_other_keeps_its_own() {
    let two = Two::new().await;
    two.second.with(|state| state.self_stop_ms = 1500);
    let daemon = two.start(&two.gated(), 2, [1, 1]).await;
    for coordinator in two.both() {
        two.lease(coordinator, "a");
        until_last(coordinator, "it is held", |sync| sync.attempts.len() == 1).await;
    }
    let is_full = |sync: &SyncRequest| sync.free_slots == 0;
    until_last(&two.world.coordinator, "the slots are full", is_full).await;
    two.second.with(|state| state.is_away = true);
    // Its slot is the other's.
    until_last(&two.world.coordinator, "a slot comes free", |sync| {
        sync.free_slots == 1 && sync.attempts.len() == 1
    })
    .await;
    two.second.with(|state| {
        state.is_away = false;
        state.syncs.clear();
    });
    until_last(&two.second, "it is called again", |sync| sync.attempts.is_empty() && sync.free_slots == 1)
        .await;
    two.open_gate();
    until_done(&two.world.coordinator, 1).await;
    two.lease(&two.second, "b");
    until_done(&two.second, 1).await;
    two.drained(daemon).await;
}

#[tokio::test]
async fn one_that_does_not_know_the_runner_any_more_is_left_until_none_knows_it() {
    let two = Two::new().await;
    let daemon = two.start(&two.gated(), 2, [1, 1]).await;
    two.lease(&two.world.coordinator, "a");
    two.world.until_held(&["a"]).await;
    two.second.with(|state| {
        state.has_forgotten_the_runner = true;
        // Ends the call that hangs.
        state.to_stop.push("none".into());
    });
    two.second.until("the runner is refused", |state| state.refusal_count > 0).await;
    two.open_gate();
    until_done(&two.world.coordinator, 1).await;
    two.world.coordinator.with(|state| state.has_forgotten_the_runner = true);
    let error = daemon.await.unwrap().unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().contains(&two.world.coordinator.url), "{error}");
}

#[tokio::test]
async fn draining_ends_the_work_for_both() {
    let two = Two::new().await;
    let daemon = two.start(&two.gated(), 2, [1, 1]).await;
    for coordinator in two.both() {
        two.lease(coordinator, "a");
        until_last(coordinator, "it is held", |sync| sync.attempts.len() == 1).await;
    }
    two.world.tokens.drain();
    for coordinator in two.both() {
        until_last(coordinator, "the drain is told", |sync| sync.draining && sync.free_slots == 0).await;
    }
    two.open_gate();
    daemon.await.unwrap().unwrap();
    for coordinator in two.both() {
        assert_eq!(coordinator.with(|state| (state.completes.len(), state.fails.len())), (1, 0));
    }
}

#[tokio::test]
async fn stopping_gives_back_what_is_held_for_either() {
    let two = Two::new().await;
    let daemon = two.start(HANG, 1, [1, 1]).await;
    two.lease(&two.second, "a");
    let pid = two.world.engine_pid().await;
    two.world.tokens.stop();
    assert_eq!(daemon.await.unwrap().unwrap_err().exit_code(), 130);
    until_gone(pid).await;
    assert_eq!(two.second.with(|state| state.fails.remove(0)).class(), FailureClass::Returned);
}

#[tokio::test]
async fn a_pause_holds_for_both() {
    let two = Two::new().await;
    let state = StateDir::open(&two.world.folder.path().join("state")).unwrap();
    let daemon = two.start(DONE, 1, [1, 1]).await;
    pause::begin(&state, &Pause::default()).unwrap();
    for coordinator in two.both() {
        let rests = |sync: &SyncRequest| sync.resting_reason.is_some() && sync.free_slots == 0;
        until_last(coordinator, "it rests", rests).await;
    }
    pause::end(&state).unwrap();
    for coordinator in two.both() {
        let works = |sync: &SyncRequest| sync.resting_reason.is_none() && sync.free_slots == 1;
        until_last(coordinator, "it works", works).await;
    }
    two.drained(daemon).await;
}

#[tokio::test]
async fn a_benchmark_waits_for_the_tasks_of_both_and_nobody_is_offered_anything_meanwhile() {
    let two = Two::new().await;
    let engines = two.world.folder.path().join("engines");
    let note = |word: &str| format!("echo {word} >> {}\n", engines.display());
    let daemon = two.start(&[note("begins"), two.gated_by(&note("ends"))].concat(), 2, [1, 1]).await;
    two.lease(&two.second, "a");
    until_last(&two.second, "it is held", |sync| sync.attempts.len() == 1).await;
    let order = BenchmarkOrder { id: "one".into(), quick: true };
    two.world.coordinator.with(|state| state.benchmark = Some(order));
    let waits = |sync: &SyncRequest| {
        sync.benchmark.as_ref().is_some_and(|said| said.end.is_none()) && sync.free_slots == 0
    };
    until_last(&two.world.coordinator, "the order is heeded", waits).await;
    until_last(&two.second, "it is offered nothing", |sync| sync.free_slots == 0).await;
    two.open_gate();
    until_done(&two.second, 1).await;
    let is_over = |sync: &SyncRequest| {
        let end = sync.benchmark.as_ref().and_then(|said| said.end.as_ref());
        matches!(end, Some(End::Failure(reason)) if reason.contains("the clip")) && sync.free_slots == 2
    };
    until_last(&two.world.coordinator, "the end is told", is_over).await;
    until_last(&two.second, "it is offered slots again", |sync| sync.free_slots == 2).await;
    // The task's engine, and then that of the benchmark.
    let noted = std::fs::read_to_string(engines).unwrap();
    assert_eq!(noted.lines().collect::<Vec<_>>(), ["begins", "ends", "begins", "ends"]);
    two.drained(daemon).await;
}
