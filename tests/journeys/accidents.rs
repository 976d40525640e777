//! Machines and processes that vanish in the middle of work. Whatever dies, the job completes and is exact, and no more
//! is done again than was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, Job, Runner, Stage, Store};
use flotilla_tests::wait::wait_for;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{PATIENCE, stores};

/// Longer than the leases of the journeys live.
const BEYOND_THE_LEASE: Duration = Duration::from_secs(15);

#[test]
fn a_runner_killed_in_mid_chunk_costs_only_its_chunk() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let mut doomed = stage.runner(&coordinator, "doomed", 1);
        let job = stage.submit(&coordinator, FLOWER, "patient", 2);
        wait_in_mid_chunk(&coordinator, &job);
        // The daemon alone: its engine child must notice by itself that nobody is left.
        doomed.process.kill();
        let chunk = chunk_of(&coordinator, &job, "doomed");
        let heir = stage.runner(&coordinator, "heir", 1);

        let published = coordinator.wait_published(&job, PATIENCE);
        let repeated: Vec<u64> = attempts(&published)
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(chunk, _)| chunk)
            .collect();
        assert_eq!(repeated, [chunk], "{published:#}");
        stage.assert_published_exactly(&coordinator, &job, FLOWER);
        wait_until_alone(&doomed);
        heir.drain(PATIENCE);
    }
}

#[test]
fn a_coordinator_killed_in_mid_job_goes_on_where_it_was() {
    for store in stores() {
        let stage = Stage::new();
        let mut coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "patient", 1);
        let job = stage.submit(&coordinator, FLOWER, "patient", 2);
        wait_for("the first finished chunk", PATIENCE, || {
            let job = coordinator.job(&job);
            chunks(&job).any(|task| task["state"] == "done").then_some(())
        });
        let before = coordinator.job(&job);
        coordinator.kill_and_restart();

        let published = coordinator.wait_published(&job, PATIENCE);
        let after = attempts(&published);
        for task in chunks(&before).filter(|task| task["state"] == "done") {
            let chunk = task["task"]["chunk_index"].as_u64().expect("a chunk has a position");
            assert_eq!(after[&chunk], task["attempts"], "chunk {chunk} was finished: {published:#}");
        }
        stage.assert_published_exactly(&coordinator, &job, FLOWER);
    }
}

#[test]
fn a_killed_engine_is_replaced_and_its_daemon_lives() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let mut runner = stage.runner(&coordinator, "sturdy", 1);
    let job = stage.submit(&coordinator, FLOWER, "patient", 2);
    wait_in_mid_chunk(&coordinator, &job);
    // Between two chunks there is no engine for a moment; whichever chunk it is that loses its own is made again.
    wait_for("an engine to kill", PATIENCE, || runner.kill_an_engine().then_some(()));

    let published = coordinator.wait_published(&job, PATIENCE);
    let again = attempts(&published).into_values().filter(|count| *count == 2).count();
    assert_eq!(again, 1, "{published:#}");
    assert!(runner.process.is_running());
    stage.assert_published_exactly(&coordinator, &job, FLOWER);
}

/// Frozen beyond its lease, then awake again: by then another has done the work, and nothing of the sleeper's counts.
#[test]
fn a_frozen_runner_publishes_nothing() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let sleeper = stage.runner(&coordinator, "sleeper", 1);
        let job = stage.submit(&coordinator, FLOWER, "patient", 2);
        wait_in_mid_chunk(&coordinator, &job);
        // The engine goes on: it is the daemon that cannot renew its lease.
        sleeper.process.signal(Signal::SIGSTOP);
        let chunk = chunk_of(&coordinator, &job, "sleeper");
        wait_for("the end of the sleeper's lease", BEYOND_THE_LEASE, || {
            let job = coordinator.job(&job);
            chunks(&job)
                .any(|task| task["task"]["chunk_index"] == chunk && task["state"] == "ready")
                .then_some(())
        });
        let _heir = stage.runner(&coordinator, "heir", 1);
        wait_for("the heir at work", PATIENCE, || {
            let job = coordinator.job(&job);
            chunks(&job).any(|task| task["runners"] == serde_json::json!(["sleeper", "heir"])).then_some(())
        });
        sleeper.process.signal(Signal::SIGCONT);

        let published = coordinator.wait_published(&job, PATIENCE);
        let task =
            chunks(&published).find(|task| task["task"]["chunk_index"] == chunk).expect("the chunk is there");
        // An idle runner may have tried a copy besides.
        let attempts = task["attempts"].as_u64().unwrap_or(0);
        assert!((2..=3).contains(&attempts), "one frozen attempt, one that counts: {task:#}");
        stage.assert_published_exactly(&coordinator, &job, FLOWER);
        let scratch = format!("scratch/{}/", job.id);
        wait_for("the removal of all scratch objects", PATIENCE, || {
            coordinator.bucket().keys(&scratch).is_empty().then_some(())
        });
    }
}

/// Waits until some chunk is being encoded and shows progress.
fn wait_in_mid_chunk(coordinator: &Coordinator, job: &Job) {
    wait_for("a chunk that is half done", PATIENCE, || {
        let job = coordinator.job(job);
        let done = job["progress"]["frames_done"].as_u64()?;
        let leased = chunks(&job).any(|task| task["state"] == "leased");
        (leased && done > 0).then_some(())
    });
}

/// The chunk that a runner works on.
fn chunk_of(coordinator: &Coordinator, job: &Job, runner: &str) -> u64 {
    let job = coordinator.job(job);
    let is_its = |task: &&Value| {
        let newest = task["runners"].as_array().and_then(|names| names.last());
        task["state"] == "leased" && newest.is_some_and(|name| name == runner)
    };
    let task = chunks(&job).find(is_its).unwrap_or_else(|| panic!("{runner} works on a chunk: {job:#}"));
    task["task"]["chunk_index"].as_u64().expect("a chunk has a position")
}

fn chunks(job: &Value) -> impl Iterator<Item = &Value> {
    let tasks = job["tasks"].as_array().into_iter().flatten();
    tasks.filter(|task| task["task"]["kind"] == "encode_chunk")
}

/// Attempts at each chunk.
fn attempts(job: &Value) -> BTreeMap<u64, u64> {
    let count = |task: &Value| Some((task["task"]["chunk_index"].as_u64()?, task["attempts"].as_u64()?));
    let attempts: BTreeMap<u64, u64> = chunks(job).filter_map(count).collect();
    assert!(attempts.len() >= 3, "a journey needs several chunks: {job:#}");
    attempts
}

fn wait_until_alone(killed: &Runner) {
    wait_for("the end of the engines of a killed runner", PATIENCE, || {
        flotilla_tests::fleet::session_members(killed.process.id()).is_empty().then_some(())
    });
}
