//! Owners who want their machines back for a while.

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, Job, Stage, Store};
use flotilla_tests::wait::wait_for;
use serde_json::{Value, json};

use super::PATIENCE;

/// One pauses in mid-chunk, and another takes it over; then that one finishes its chunk and rests, and the first comes
/// back for the others.
#[test]
fn a_paused_runner_s_tasks_go_to_another_until_it_comes_back() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let polite = stage.runner(&coordinator, "polite", 1);
    let job = stage.submit(&coordinator, FLOWER, "patient", 2);
    wait_for("a chunk that is half done", PATIENCE, || {
        let job = coordinator.job(&job);
        let is_leased = chunks(&job).any(|task| task["state"] == "leased");
        (is_leased && job["progress"]["frames_done"].as_u64()? > 0).then_some(())
    });

    assert_eq!(polite.tell(&["pause"]), "paused; running tasks are given back");
    wait_for("a runner that rests", PATIENCE, || (rest(&coordinator, "polite") == "paused").then_some(()));
    wait_for("the end of its engines", PATIENCE, || polite.engines().is_empty().then_some(()));
    wait_for("its own word", PATIENCE, || (polite.tell(&["status"]) == "resting: paused").then_some(()));
    wait_for("the reason why", PATIENCE, || {
        let why = coordinator.json(&["why", &job.id]);
        why.to_string().contains("polite rests (paused)").then_some(())
    });

    let heir = stage.runner(&coordinator, "heir", 1);
    wait_for("the heir at the chunk that was given back", PATIENCE, || {
        took_over(&coordinator, &job).next().map(drop)
    });
    assert_eq!(heir.tell(&["pause", "--finish"]), "paused; running tasks are finished");
    wait_for("a second runner that rests", PATIENCE, || {
        (rest(&coordinator, "heir") == "paused").then_some(())
    });
    assert_eq!(polite.tell(&["resume"]), "resumed");

    let published = coordinator.wait_published(&job, PATIENCE);
    let by_heir: Vec<u64> = took_over(&coordinator, &job).collect();
    assert_eq!(by_heir.len(), 1, "it finished one chunk and took no other: {published:#}");
    assert!(chunks(&published).any(|task| task["runners"] == json!(["polite"])), "{published:#}");
    stage.assert_published_exactly(&coordinator, &job, FLOWER);
    polite.drain(PATIENCE);
    heir.drain(PATIENCE);
}

/// A pause is the owner's word: a restart does not end it.
#[test]
fn a_pause_survives_a_restart_and_needs_no_coordinator() {
    let stage = Stage::new();
    let mut coordinator = stage.coordinator(Store::Embedded);
    let runner = stage.runner(&coordinator, "polite", 1);
    wait_for("a runner that waits", PATIENCE, || {
        (runner.tell(&["status"]) == "waiting for tasks").then_some(())
    });
    coordinator.kill();
    runner.tell(&["pause", "--for", "2h"]);
    wait_for("its rest", PATIENCE, || {
        runner.tell(&["status"]).starts_with("resting: paused until ").then_some(())
    });
    runner.drain(PATIENCE);

    coordinator.restart();
    let again = stage.runner(&coordinator, "polite", 1);
    wait_for("a rest from the start", PATIENCE, || {
        rest(&coordinator, "polite").starts_with("paused until ").then_some(())
    });
    again.tell(&["resume"]);
    wait_for("the end of the rest", PATIENCE, || rest(&coordinator, "polite").is_empty().then_some(()));
    again.drain(PATIENCE);
}

/// Why a runner rests, as the coordinator knows it; nothing when it does not.
fn rest(coordinator: &Coordinator, name: &str) -> String {
    let runners = coordinator.json(&["runners"]);
    let mut runners = runners.as_array().into_iter().flatten();
    let runner = runners.find(|runner| runner["name"] == name && runner["live"] == true);
    let reason = runner.map(|runner| runner["resting_reason"].as_str().unwrap_or_default());
    reason.unwrap_or("it has not been heard of").to_owned()
}

/// The chunks that the second runner made after the first.
fn took_over(coordinator: &Coordinator, job: &Job) -> impl Iterator<Item = u64> + use<> {
    let job = coordinator.job(job);
    let is_taken = |task: &&Value| task["runners"] == json!(["polite", "heir"]);
    let taken: Vec<u64> =
        chunks(&job).filter(is_taken).filter_map(|task| task["task"]["chunk_index"].as_u64()).collect();
    taken.into_iter()
}

fn chunks(job: &Value) -> impl Iterator<Item = &Value> {
    let tasks = job["tasks"].as_array().into_iter().flatten();
    tasks.filter(|task| task["task"]["kind"] == "encode_chunk")
}
