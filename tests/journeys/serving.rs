//! One machine that works for two coordinators.

use std::fs;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, FileServer, Runner, Stage, Store};
use flotilla_tests::wait::wait_for;

use super::PATIENCE;

/// Both publish exactly, each sees a runner like any other, and one can be left while the other goes on.
#[test]
fn one_runner_serves_two_coordinators_at_the_same_time() {
    let stage = Stage::new();
    let north = stage.coordinator(Store::Embedded);
    let south = stage.second_coordinator("south");
    let runner = serving(&stage, &north, &south);
    let jobs = [&north, &south].map(|coordinator| stage.submit(coordinator, FLOWER, "patient", 1));
    // Both at the same time, while neither is done.
    wait_for("engines for both", PATIENCE, || {
        let is_at_work = |(coordinator, job)| {
            let job = Coordinator::job(coordinator, job);
            job["tasks"].as_array().is_some_and(|tasks| tasks.iter().any(|task| task["state"] == "leased"))
        };
        [(&north, &jobs[0]), (&south, &jobs[1])].into_iter().all(is_at_work).then_some(())
    });
    for (coordinator, job) in [&north, &south].into_iter().zip(&jobs) {
        let published = coordinator.wait_published(job, PATIENCE);
        let runners = coordinator.json(&["runners"]);
        assert_eq!(runners.as_array().map(Vec::len), Some(1), "{runners:#}");
        assert_eq!(runners[0]["slots"], 2, "{published:#}");
        stage.assert_published_exactly(coordinator, job, FLOWER);
    }
    let said = runner.tell(&["status"]);
    assert!(said.contains(&format!("for {} (share 1)", north.url())), "{said}");
    assert!(said.contains(&format!("for {} (share 2)", south.url())), "{said}");

    // One is left for good; the other goes on.
    runner.tell(&["leave", south.url()]);
    wait_for("one coordinator to be left", PATIENCE, || {
        south.json(&["runners"]).as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let source = FileServer::start(FLOWER.path());
    let job = north.submit(&source.url(), "patient", 2, "published/again");
    north.wait_published(&job, PATIENCE);
    runner.drain(PATIENCE);
}

/// A runner of both, with two slots.
fn serving(stage: &Stage, north: &Coordinator, south: &Coordinator) -> Runner {
    let tokens = stage.path().join("south.token");
    fs::write(&tokens, south.token()).expect("a file can be written");
    let config = stage.path().join("both.toml");
    let text = format!("[[coordinators]]\nurl = {:?}\ntoken_file = {tokens:?}\nshare = 2\n", south.url());
    fs::write(&config, text).expect("a file can be written");
    Runner::start_with(north, "ferry", 2, stage.path(), |command| {
        command.arg("--config").arg(&config);
    })
}
