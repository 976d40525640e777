//! How the daemon and its attempts end.

use std::time::Duration;

use flotilla_engine::spec::{Assignment, Probe, Task};
use flotilla_proto::fleet::FailureClass;
use flotilla_runner::Error;
use flotilla_runner::attempt::child::{Child, Farewell};
use flotilla_runner::attempt::conversation::{Conversation, Said};
use flotilla_runner::transfer::{Inputs, Meter, http_client};

use crate::engine::{self, CHATTER, DONE, HANG, PLOD};
use crate::world::{World, until_gone};

#[tokio::test]
async fn draining_finishes_what_runs_and_takes_nothing_more() {
    let world = World::new(Vec::new()).await;
    let gate = world.gate();
    let daemon = world.start(&format!("while ! [ -e {} ]; do sleep 0.02; done\n{DONE}", gate.display()));
    world.lease("a", 1024);
    world.until_held(&["a"]).await;
    world.tokens.drain();
    let is_draining =
        |state: &mut crate::coordinator::State| state.syncs.last().is_some_and(|sync| sync.draining);
    world.coordinator.until("the drain is told", is_draining).await;
    assert_eq!(world.coordinator.with(|state| state.syncs.last().unwrap().free_slots), 0);
    std::fs::write(gate, "").unwrap();
    daemon.await.unwrap().unwrap();
    assert_eq!(world.coordinator.with(|state| (state.completes.len(), state.fails.len())), (1, 0));
}

#[tokio::test]
async fn stopping_gives_the_task_back_and_leaves_no_process() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    world.tokens.stop();
    let error = daemon.await.unwrap().unwrap_err();
    assert_eq!(error.exit_code(), 130);
    until_gone(pid).await;
    let fail = world.coordinator.with(|state| state.fails.remove(0));
    assert_eq!(fail.class(), FailureClass::Returned);
}

#[tokio::test]
async fn stopping_an_idle_runner_is_no_failure() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(DONE);
    world.until_held(&[]).await;
    world.tokens.stop();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_task_that_is_not_wanted_any_more_is_stopped_without_a_word() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    world.coordinator.with(|state| state.to_stop.push("a".into()));
    until_gone(pid).await;
    world.until_held(&[]).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    assert_eq!(world.coordinator.with(|state| (state.completes.len(), state.fails.len())), (0, 0));
}

#[tokio::test]
async fn a_runner_that_is_not_answered_stops_itself_and_comes_back_empty() {
    let world = World::new(Vec::new()).await;
    world.coordinator.with(|state| state.self_stop_ms = 1500);
    let daemon = world.start(HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    world.coordinator.with(|state| state.is_away = true);
    until_gone(pid).await;
    world.coordinator.with(|state| {
        state.is_away = false;
        state.syncs.clear();
    });
    let is_free = |state: &mut crate::coordinator::State| {
        state.syncs.last().is_some_and(|sync| sync.attempts.is_empty() && sync.free_slots == 1)
    };
    world.coordinator.until("the slot is offered again", is_free).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    assert_eq!(world.coordinator.with(|state| (state.completes.len(), state.fails.len())), (0, 0));
}

#[tokio::test]
async fn a_forgotten_runner_ends_and_says_why() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(HANG);
    world.lease("a", 1024);
    let pid = world.engine_pid().await;
    world.coordinator.with(|state| state.has_forgotten_the_runner = true);
    let error = daemon.await.unwrap().unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert!(error.to_string().contains("not known") && error.hint().contains("join"), "{error}");
    until_gone(pid).await;
}

#[tokio::test]
async fn a_machine_that_encodes_nothing_is_of_no_use() {
    let world = World::new(Vec::new()).await;
    let config = world.config(engine::broken(world.folder.path()), "good");
    let error = flotilla_runner::app::run(config, world.tokens.clone()).await.unwrap_err();
    assert!(matches!(error, Error::NothingToOffer), "{error}");
}

#[tokio::test]
async fn a_wrong_token_is_told_and_nothing_is_stored() {
    let world = World::new(Vec::new()).await;
    let config = world.config(engine::script(world.folder.path(), DONE), "bad");
    let error = flotilla_runner::membership::join(config.clone()).await.unwrap_err();
    assert!(error.exit_code() == 6 && error.to_string().contains("token is not valid"), "{error}");
    assert!(!config.state_dir.join("identity.json").exists());
}

#[tokio::test]
async fn who_joined_can_leave() {
    let world = World::new(Vec::new()).await;
    let config = world.config(engine::script(world.folder.path(), DONE), "good");
    flotilla_runner::membership::join(config.clone()).await.unwrap();
    assert!(flotilla_runner::membership::join(config.clone()).await.is_err(), "joined twice");
    flotilla_runner::membership::leave(config.clone(), None).await.unwrap();
    assert!(world.coordinator.with(|state| state.syncs.last().unwrap().leaving));
    assert!(!config.state_dir.join("identity.json").exists());
}

/// An engine that does `body`, under limits of a fraction of a second: what is said of it, and it is gone.
async fn watched(body: &str) -> Said {
    let world = World::new(Vec::new()).await;
    let mut child = Child::start(&engine::script(world.folder.path(), body)).unwrap();
    let inputs = Inputs::new(&http_client().unwrap(), &std::sync::Arc::new(Meter::default()), &[]);
    let mut conversation = Conversation::new(inputs, Vec::new(), Default::default(), false)
        .with_silence_limit(Duration::from_millis(400))
        .with_stall_limit(Duration::from_millis(600));
    let assignment = Assignment {
        task: Task::Probe(Probe { max_pixels: 0, ..Probe::default() }),
        input_sizes: Vec::new(),
    };
    let said = conversation.hold(&mut child, assignment).await;
    let pid = world.engine_pid().await;
    child.end(Farewell::after(&said)).await;
    until_gone(pid).await;
    said
}

#[tokio::test]
async fn an_engine_that_hangs_is_noticed_and_killed() {
    let said = watched(HANG).await;
    assert!(matches!(said, Said::Hung), "{said:?}");
}

#[tokio::test]
async fn an_engine_that_talks_and_gets_no_further_is_noticed_and_killed() {
    let said = watched(CHATTER).await;
    assert!(matches!(said, Said::Stalled), "{said:?}");
}

#[tokio::test]
async fn an_engine_that_gets_further_slowly_is_let_be() {
    let said = watched(PLOD).await;
    assert!(matches!(said, Said::Done(_)), "{said:?}");
}

#[tokio::test]
async fn the_memory_of_an_engine_is_measured() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(&format!("{DONE}; cat > /dev/null"));
    world.lease("a", 1024);
    world.coordinator.until("the result is offered", |state| !state.completes.is_empty()).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    let usage = world.coordinator.with(|state| state.completes[0].usage).unwrap();
    assert!(usage.peak_memory_bytes > 64 << 10, "a shell takes {} bytes", usage.peak_memory_bytes);
}

#[tokio::test]
async fn an_engine_that_runs_out_of_memory_is_told_with_its_limit() {
    let world = World::new(Vec::new()).await;
    let body = "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$";
    let mut config = world.config(engine::script(world.folder.path(), body), "good");
    config.engine.memory_mib = 1 << 20;
    let daemon = tokio::spawn(flotilla_runner::app::run(config, world.tokens.clone()));
    world.lease("a", 1024);
    world.coordinator.until("the failure is told", |state| !state.fails.is_empty()).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    let fail = world.coordinator.with(|state| state.fails.remove(0));
    assert_eq!(fail.class(), FailureClass::Runner);
    assert!(
        fail.message.contains("1048576 MiB") && fail.message.contains("work.engine_memory_mib"),
        "{fail:?}"
    );
}
