//! Tasks from lease to result.

use axum::http::StatusCode;
use flotilla_proto::fleet::{FailureClass, SyncRequest, task_result};
use sha2::{Digest, Sha256};

use crate::engine::DONE;
use crate::world::World;

/// Reads the whole source of 3,000,000 bytes in one read and puts it out in one piece.
const COPY: &str = r#"
printf '\020\000\000\000\020\000\000\000\000\000\000\000\000\000\000\000\000\000\055\306\300'
head -c 5 > /dev/null
copy=$(dirname $0)/copy
head -c 3000000 > $copy
printf '\021\000\055\306\304\000\000\000\000'
cat $copy
word 023 "$done_word"
"#;

fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test]
async fn a_source_is_read_in_ranges_and_the_output_put_in_parts() {
    let world = World::new(noise(3_000_000)).await;
    world.store.with(|store| {
        store.read_refusals = vec![StatusCode::SERVICE_UNAVAILABLE];
        // The first URL is taken for expired: a fresh one is asked for.
        store.upload_refusals = vec![StatusCode::SERVICE_UNAVAILABLE, StatusCode::FORBIDDEN];
    });
    let daemon = world.start(COPY);
    world.lease("a", 1 << 20);
    world.coordinator.until("the task is complete", |state| state.completes.len() == 1).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();

    let complete = world.coordinator.with(|state| state.completes.remove(0));
    let source = noise(3_000_000);
    let stored: Vec<u8> = world.store.with(|store| store.parts.values().flatten().copied().collect());
    let lengths: Vec<_> = world.store.with(|store| store.parts.values().map(|part| part.len()).collect());
    assert!(stored == source, "what is stored is not what was read");
    assert_eq!(lengths, [1 << 20, 1 << 20, 3_000_000 - (2 << 20)]);
    let output = &complete.outputs[0];
    assert_eq!(
        (output.size_bytes, output.sha256.as_slice()),
        (3_000_000, Sha256::digest(&source).as_slice())
    );
    assert_eq!(output.etags, ["\"0-1\"", "\"0-2\"", "\"0-3\""]);
    assert!(matches!(complete.result.unwrap().kind, Some(task_result::Kind::ExtractText(_))));
    let usage = complete.usage.unwrap();
    assert_eq!((usage.bytes_downloaded, usage.bytes_uploaded), (3_000_000, 3_000_000));
    assert!(usage.cpu_ms <= usage.ran_ms + 50, "{usage:?}");
    assert!(world.coordinator.with(|state| !state.grants.is_empty()));
}

#[tokio::test]
async fn an_empty_output_is_one_empty_part() {
    let world = World::new(Vec::new()).await;
    let daemon = world.start(DONE);
    world.lease("a", 1 << 20);
    world.coordinator.until("the task is complete", |state| state.completes.len() == 1).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    let output = world.coordinator.with(|state| state.completes[0].outputs[0].clone());
    assert_eq!((output.size_bytes, output.etags.len()), (0, 1));
    assert_eq!(world.store.with(|store| store.parts[&(0, 1)].len()), 0);
}

#[tokio::test]
async fn leases_beyond_the_slots_wait_and_are_named_meanwhile() {
    let world = World::new(Vec::new()).await;
    let gate = world.gate();
    let daemon = world.start(&format!("while ! [ -e {} ]; do sleep 0.02; done\n{DONE}", gate.display()));
    world.lease("a", 1024);
    world.lease("b", 1024);
    world.until_held(&["a", "b"]).await;
    assert_eq!(world.coordinator.with(|state| state.syncs.last().unwrap().free_slots), 0);
    std::fs::write(gate, "").unwrap();
    world.coordinator.until("both are complete", |state| state.completes.len() == 2).await;
    world.until_held(&[]).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_join_does_not_wait_for_the_slot_that_a_long_task_has() {
    let world = World::new(Vec::new()).await;
    let gate = world.gate();
    let wait = format!("while ! [ -e {} ]; do sleep 0.02; done", gate.display());
    let daemon = world.start(&format!("case $assignment in *assemble*) ;; *) {wait};; esac\n{DONE}"));
    world.lease("long", 1024);
    world.until_held(&["long"]).await;
    let room = |sync: &SyncRequest| (sync.free_slots, sync.free_joins);
    assert_eq!(world.coordinator.with(|state| state.syncs.last().map(room)), Some((0, 2)));
    world.lease_join("join");
    world.coordinator.until("the join is complete", |state| state.completes.len() == 1).await;
    world.until_held(&["long"]).await;
    std::fs::write(gate, "").unwrap();
    world.coordinator.until("both are complete", |state| state.completes.len() == 2).await;
    let joined = world.coordinator.with(|state| state.completes[0].result.clone().unwrap());
    assert!(matches!(joined.kind, Some(task_result::Kind::Assemble(_))));
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slot_is_free_while_the_result_goes_up_but_results_do_not_pile_up() {
    let world = World::new(Vec::new()).await;
    world.store.with(|store| store.uploads_hang = true);
    let daemon = world.start(DONE);
    for (attempt, held, free_slots) in [("a", vec!["a"], 1), ("b", vec!["a", "b"], 0)] {
        world.lease(attempt, 1024);
        world.until_held(&held).await;
        let freed = move |state: &mut crate::coordinator::State| {
            state
                .syncs
                .last()
                .is_some_and(|sync| sync.attempts.len() == held.len() && sync.free_slots == free_slots)
        };
        world.coordinator.until("the engine has ended", freed).await;
    }
    assert_eq!(world.coordinator.with(|state| state.completes.len()), 0);
    world.store.with(|store| store.uploads_hang = false);
    world.coordinator.until("both are complete", |state| state.completes.len() == 2).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
}

#[tokio::test]
async fn capabilities_are_told_once_and_trials_are_kept_for_the_next_start() {
    let world = World::new(Vec::new()).await;
    for _ in 0..2 {
        let tokens = flotilla_runner::Tokens::default();
        let engine = crate::engine::script(world.folder.path(), DONE);
        let daemon = tokio::spawn(flotilla_runner::app::run(world.config(engine, "good"), tokens.clone()));
        world.coordinator.until("the daemon calls", |state| !state.syncs.is_empty()).await;
        tokens.drain();
        daemon.await.unwrap().unwrap();
        let syncs = world.coordinator.with(|state| std::mem::take(&mut state.syncs));
        let capabilities = syncs[0].capabilities.clone().unwrap();
        assert_eq!((capabilities.slots, capabilities.encoders.len()), (1, 5));
        assert_eq!(capabilities.encoders[0].fingerprint, "f");
    }
    assert!(world.folder.path().join("state/trials.json").exists());
}

/// The task's end when the source's digest is on record as that of `recorded`.
async fn with_digest(body: &str, recorded: &[u8]) -> Result<(), (FailureClass, String)> {
    let world = World::new(noise(3_000_000)).await;
    let daemon = world.start(body);
    world.lease_with_digest("a", 4 << 20, Sha256::digest(recorded).to_vec());
    let is_over = |state: &mut crate::coordinator::State| state.completes.len() + state.fails.len() == 1;
    world.coordinator.until("the task is over", is_over).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    world.coordinator.with(|state| match state.fails.pop() {
        Some(fail) => Err((fail.class(), fail.message)),
        None => Ok(()),
    })
}

#[tokio::test]
async fn an_input_is_only_taken_for_what_its_digest_says() {
    assert_eq!(with_digest(COPY, &noise(3_000_000)).await, Ok(()));
    let (class, message) = with_digest(COPY, b"something else").await.unwrap_err();
    assert_eq!(class, FailureClass::Verify);
    assert!(message.contains("input 0 is not what was stored"), "{message}");
    let (class, message) = with_digest(DONE, &noise(3_000_000)).await.unwrap_err();
    assert_eq!(class, FailureClass::Verify);
    assert!(message.contains("input 0 was not read from end to end"), "{message}");
}

async fn check_failure(body: &str, class: FailureClass, words: &str, refusals: usize) {
    let world = World::new(noise(3_000_000)).await;
    world.store.with(|store| store.read_refusals = vec![StatusCode::SERVICE_UNAVAILABLE; refusals]);
    let daemon = world.start(body);
    world.lease("a", 1 << 20);
    world.coordinator.until("the task fails", |state| state.fails.len() == 1).await;
    world.until_held(&[]).await;
    world.tokens.drain();
    daemon.await.unwrap().unwrap();
    let fail = world.coordinator.with(|state| state.fails.remove(0));
    assert_eq!(fail.class(), class, "{}", fail.message);
    assert!(fail.message.contains(words), "{}", fail.message);
}

#[tokio::test]
async fn an_engine_that_dies_is_a_crash() {
    check_failure("kill -SEGV $$", FailureClass::Crash, "killed by SIGSEGV", 0).await;
}

#[tokio::test]
async fn an_engine_that_leaves_without_a_word_is_a_crash() {
    check_failure("exit 4", FailureClass::Crash, "exit code 4", 0).await;
}

#[tokio::test]
async fn an_engine_that_babbles_is_a_crash() {
    check_failure("printf 'what is this'", FailureClass::Crash, "pipe protocol", 0).await;
}

#[tokio::test]
async fn what_the_engine_says_went_wrong_is_passed_on() {
    let body = r#"word 024 '{"class":"source","message":"not a video"}'"#;
    check_failure(body, FailureClass::Source, "not a video", 0).await;
}

#[tokio::test]
async fn a_store_that_stays_away_is_a_passing_failure() {
    // The engine misjudges the read that failed; the daemon knows better.
    let body = r#"
        printf '\020\000\000\000\020\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\011'
        head -c 5 > /dev/null
        word 024 '{"class":"source","message":"not a video"}'
    "#;
    check_failure(body, FailureClass::Transient, "503", 5).await;
}
