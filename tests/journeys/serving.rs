//! One machine that works for two coordinators.

use std::fs;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, FileServer, Runner, Stage, Store};
use flotilla_tests::wait::wait_for;
use serde_json::Value;

use super::PATIENCE;

/// Both publish exactly, each sees a runner like any other, and one can be left while the other goes on.
#[test]
fn one_runner_serves_two_coordinators_at_the_same_time() {
    let stage = Stage::new();
    let north = stage.coordinator(Store::Embedded);
    let south = stage.second_coordinator("south");
    // Both have work when the machine comes.
    let jobs = [&north, &south].map(|coordinator| stage.submit(coordinator, FLOWER, "patient", 2));
    let runner = serving(&stage, &north, &south);
    for (coordinator, job) in [&north, &south].into_iter().zip(&jobs) {
        coordinator.wait_published(job, PATIENCE);
        let runners = coordinator.json(&["runners"]);
        assert_eq!(runners.as_array().map(Vec::len), Some(1), "{runners:#}");
        assert_eq!(runners[0]["slots"], 2, "{runners:#}");
        stage.assert_published_exactly(coordinator, job, FLOWER);
    }
    let [(first, north_end), (second, south_end)] = [&north, &south].map(|one| work(&runner, one.url()));
    assert!(first < south_end && second < north_end, "one after the other: {}", runner.log());
    let said = runner.tell(&["status"]);
    assert!(said.contains(&format!("for {} (share 1)", north.url())), "{said}");
    assert!(said.contains(&format!("for {} (share 2)", south.url())), "{said}");

    // One is left for good; the other goes on.
    runner.tell(&["leave", south.url()]);
    wait_for("one coordinator to be left", PATIENCE, || {
        south.json(&["runners"]).as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let source = FileServer::start(FLOWER.path());
    let job = north.submit(&source.url(), "corpus", 2, "published/again");
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
        command.args(["--log-format", "json", "--config"]).arg(&config);
    })
}

/// Lines of the runner's log in which its first task for a coordinator starts, and its last one is done.
fn work(runner: &Runner, url: &str) -> (usize, usize) {
    let (mut started, mut done) = (None, None);
    for (number, line) in runner.log().lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let is_for = |span: &Value| span["coordinator"] == url;
        if !line["spans"].as_array().is_some_and(|spans| spans.iter().any(is_for)) {
            continue;
        }
        match line["message"].as_str() {
            Some("task started") => started = started.or(Some(number)),
            Some("task done") => done = Some(number),
            _ => {}
        }
    }
    (started.expect("a task was started"), done.expect("a task was done"))
}
