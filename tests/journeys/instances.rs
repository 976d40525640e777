//! An instance whose server is not ours sees one runner; the fleet does its work, whatever dies meanwhile.

use std::time::Duration;

use flotilla_tests::clips::BUNNY;
use flotilla_tests::connector::{Connector, PROCESSING};
use flotilla_tests::fleet::{Coordinator, Stage, Store};
use flotilla_tests::ladder::assert_exact;
use flotilla_tests::wait::wait_for;
use serde_json::Value;

use super::PATIENCE;

/// Chunks of five seconds: six of the clip.
const CHUNKS: &str = "[planning]\nchunk_seconds = 5\n";

/// What the server makes of the clip: 480 and 240 lines.
const JOBS: usize = 2;

/// A runner is taken for gone after a lease, and the instance's heartbeat comes every fifteen seconds.
const LONGER: Duration = Duration::from_secs(300);

fn begin(stage: &Stage) -> (Coordinator, Connector) {
    let coordinator = stage.coordinator_with(Store::Embedded, CHUNKS);
    let instance = Connector::start(stage.path());
    let (url, token) = (instance.url(), instance.registration_token().to_owned());
    let view = coordinator.json(&["peertube", "register", &url, "--registration-token", &token]);
    assert_eq!((view["name"].as_str(), view["trouble"].as_str()), (Some("flotilla"), None), "{view:#}");
    assert!(!view.to_string().contains("ptrt-"), "no token is shown: {view}");
    (coordinator, instance)
}

fn only_instance(coordinator: &Coordinator) -> Value {
    coordinator.json(&["peertube", "status"])[0].clone()
}

fn wait_in_mid_work(coordinator: &Coordinator, instance: &Connector) -> Value {
    wait_for("a chunk that is being encoded for the instance", PATIENCE, || {
        let job = instance.jobs().into_iter().find(|job| job["state"] == PROCESSING)?;
        let order = only_instance(coordinator)["orders"].as_array()?.first()?.clone();
        let tasks = coordinator.json(&["job", order["job"].as_str()?]);
        let encodes = |task: &Value| task["task"]["kind"] == "encode_chunk" && task["state"] == "leased";
        tasks["tasks"].as_array()?.iter().any(encodes).then_some(job)
    })
}

#[test]
fn a_fleet_of_two_does_an_instances_work_though_one_is_killed() {
    let stage = Stage::new();
    let (coordinator, instance) = begin(&stage);
    instance.upload(&BUNNY.path());
    let mut doomed = stage.runner(&coordinator, "doomed", 1);
    let _heir = stage.runner(&coordinator, "heir", 1);
    wait_in_mid_work(&coordinator, &instance);
    doomed.process.kill();

    instance.wait_completed(JOBS, LONGER);
    assert_exact(&BUNNY.path(), &instance.published());
    let tally = only_instance(&coordinator)["tally"].clone();
    assert_eq!((&tally["answered"], &tally["failed"]), (&2.into(), &0.into()), "{tally}");
    let source_bytes = std::fs::metadata(BUNNY.path()).expect("the clip is there").len();
    assert_eq!(tally["fetched_bytes"], source_bytes, "the source came once: {tally}");
    let jobs = coordinator.json(&["jobs"]);
    assert!(jobs.as_array().is_some_and(|jobs| jobs.len() <= 2), "renditions share decodes: {jobs:#}");
}

#[test]
fn a_coordinator_killed_and_an_instance_away_lose_nothing() {
    let stage = Stage::new();
    let (mut coordinator, mut instance) = begin(&stage);
    instance.upload(&BUNNY.path());
    let _runner = stage.runner(&coordinator, "patient", 2);
    wait_in_mid_work(&coordinator, &instance);
    coordinator.kill_and_restart();
    instance.kill();
    // It stays away until all that can be done without it is done.
    let order = only_instance(&coordinator)["orders"][0].clone();
    let job = order["job"].as_str().expect("the order's job was kept").to_owned();
    wait_for("the fleet's end of it", PATIENCE, || {
        (coordinator.json(&["job", &job])["state"] == "published").then_some(())
    });
    instance.restart();

    instance.wait_completed(JOBS, LONGER);
    assert_exact(&BUNNY.path(), &instance.published());
}

#[test]
fn a_job_that_is_deleted_stops_its_work_in_the_fleet() {
    let stage = Stage::new();
    let (coordinator, instance) = begin(&stage);
    instance.upload(&BUNNY.path());
    let _runner = stage.runner(&coordinator, "patient", 1);
    let job = wait_in_mid_work(&coordinator, &instance);
    let order = only_instance(&coordinator)["orders"][0].clone();
    instance.delete(&job);
    let ours = order["job"].as_str().expect("it has a job").to_owned();
    wait_for("the end of the fleet's job", PATIENCE, || {
        let state = coordinator.json(&["job", &ours])["state"].clone();
        (state == "cancelled" || state == "published").then_some(())
    });
    wait_for("the end of the order", PATIENCE, || {
        let instance = only_instance(&coordinator);
        instance["orders"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
}

#[test]
fn a_runner_that_is_forgotten_says_so_and_can_come_again() {
    let stage = Stage::new();
    let (coordinator, instance) = begin(&stage);
    let _runner = stage.runner(&coordinator, "patient", 1);
    instance.forget_runners();
    instance.upload(&BUNNY.path());
    let trouble = wait_for("a word about it", PATIENCE, || {
        only_instance(&coordinator)["trouble"].as_str().map(str::to_owned)
    });
    assert!(trouble.contains("register"), "{trouble}");
    let (url, token) = (instance.url(), instance.registration_token().to_owned());
    coordinator.json(&["peertube", "register", &url, "--registration-token", &token]);
    instance.wait_completed(JOBS, LONGER);
    coordinator.json(&["peertube", "unregister", &url]);
    assert_eq!(coordinator.json(&["peertube", "list"]).as_array().map(Vec::len), Some(0));
}
