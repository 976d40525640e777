//! Hardware that encodes, and everything that goes wrong with it. The device is one of tests: software under another name,
//! with another stream header, so that chunks of both could not be joined. Whatever happens, what is published is exact and
//! was made by one encoder.

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, Device, FileServer, Job, Runner, Stage, Store};
use flotilla_tests::wait::wait_for;
use serde_json::Value;

use super::PATIENCE;

/// A fleet of one machine with a device.
struct Scene {
    stage: Stage,
    coordinator: Coordinator,
    device: Device,
    runner: Runner,
}

impl Scene {
    /// The device passes its trials unless `fault` says otherwise.
    fn new(sessions: u32, fault: &str) -> Self {
        let stage = Stage::new();
        let coordinator = stage.coordinator(Store::Embedded);
        let device = Device::new(stage.path(), "device", sessions);
        device.fault(fault);
        let runner = start(&stage, &coordinator, &[&device]);
        Self { stage, coordinator, device, runner }
    }

    /// The same, once the device is offered.
    fn offering(sessions: u32) -> Self {
        let scene = Self::new(sessions, "");
        wait_for("the device's offer", PATIENCE, || {
            (devices_offers(&scene.coordinator) == ["h264_test@hd"]).then_some(())
        });
        scene
    }

    /// Publishes the clip, and says by which encoder.
    fn publish(&self, chunk_seconds: u32) -> (Job, String) {
        let job = self.stage.submit(&self.coordinator, FLOWER, "hardware", chunk_seconds);
        self.coordinator.wait_published(&job, PATIENCE);
        self.stage.assert_published_exactly(&self.coordinator, &job, FLOWER);
        let report = self.coordinator.bucket().json(&format!("{}/report.json", job.prefix));
        let encoder = report["renditions"][0]["encoder"]["name"].as_str().expect("an encoder is named");
        (job, encoder.to_owned())
    }

    /// A fault in mid-work, after trials that were passed: software does it all, and the device is on probation.
    fn fails_over(self, fault: &str, chunk_seconds: u32, why: &str) {
        self.device.fault(fault);
        let (job, encoder) = self.publish(chunk_seconds);
        assert_eq!(encoder, "libx264", "{fault}");
        let probation = || self.runner.state("devices.json")["probations"]["test:device"].clone();
        let told = wait_for("a probation that is written down", PATIENCE, || {
            probation()["why"].as_str().map(str::to_owned)
        });
        assert!(told.contains(why), "{fault}: {told}");
        let runners = self.coordinator.json(&["runners"]);
        assert_eq!(runners[0]["strikes"], 0, "a device's failure is no machine's: {runners:#}");
        assert!(devices_offers(&self.coordinator).is_empty());
        self.assert_no_task_failed(&job);
        self.runner.drain(PATIENCE);
    }

    /// Attempts were lost, tasks were not.
    fn assert_no_task_failed(&self, job: &Job) {
        let job = self.coordinator.job(job);
        let tasks = job["tasks"].as_array().into_iter().flatten();
        assert!(tasks.clone().count() > 0 && tasks.clone().all(|task| task["state"] == "done"), "{job:#}");
    }
}

/// A machine with these devices, when it has tried them.
fn start(stage: &Stage, coordinator: &Coordinator, devices: &[&Device]) -> Runner {
    let plug = |command: &mut std::process::Command| Device::plug(devices.iter().copied(), command);
    let runner = Runner::start_with(coordinator, "gpu", 1, stage.path(), plug);
    wait_for("the end of all trials", PATIENCE, || runner.log().contains("devices were tried").then_some(()));
    runner
}

/// The offers of devices that the coordinator knows.
fn devices_offers(coordinator: &Coordinator) -> Vec<String> {
    let runners = coordinator.json(&["runners"]);
    let encoders = runners[0]["encoders"].as_array().into_iter().flatten();
    encoders.filter_map(Value::as_str).filter(|name| name.contains('@')).map(str::to_owned).collect()
}

/// One session for five chunks: none is ever asked for more.
#[test]
fn a_device_encodes_what_profiles_let_it_within_its_sessions() {
    let scene = Scene::offering(1);
    let (job, encoder) = scene.publish(1);
    assert_eq!(encoder, "h264_test");
    assert!(!scene.runner.log().contains("no session left"), "{}", scene.runner.log());
    scene.assert_no_task_failed(&job);
    scene.runner.drain(PATIENCE);
}

/// Another program takes the sessions after they were counted: that costs nothing, and is nobody's fault.
#[test]
fn sessions_that_others_took_are_no_failure() {
    let scene = Scene::offering(1);
    let taken = scene.device.occupy(0);
    let (job, encoder) = scene.publish(2);
    assert_eq!(encoder, "libx264");
    assert!(scene.runner.log().contains("no session left"), "{}", scene.runner.log());
    assert!(scene.runner.state("devices.json")["probations"].as_object().is_some_and(|all| all.is_empty()));
    scene.assert_no_task_failed(&job);
    drop(taken);
    scene.runner.drain(PATIENCE);
}

#[test]
fn a_device_that_fails_in_mid_chunk_is_replaced_by_software() {
    Scene::offering(4).fails_over("fail 40", 2, "failed at frame 40");
}

#[test]
fn a_driver_that_takes_the_engine_down_is_no_poisoned_source() {
    Scene::offering(4).fails_over("crash 40", 2, "died over the device");
}

#[test]
fn a_device_that_hangs_is_given_up() {
    Scene::offering(4).fails_over("hang 40", 2, "hung over the device");
}

/// Nothing says that it is wrong but a look at it.
#[test]
fn a_wrong_picture_is_not_published() {
    Scene::offering(4).fails_over("wrong 40", 4, "picture is wrong");
}

#[test]
fn a_driver_that_vanishes_is_done_without() {
    Scene::offering(4).fails_over("gone", 2, "does not open");
}

/// The machine with the device is switched off; another, which has none, makes all of it anew.
#[test]
fn a_machine_that_vanishes_with_its_device_takes_no_job_along() {
    let mut scene = Scene::offering(3);
    // The last chunk is shorter than that, and is made; the others hang for as long as it takes to pull the plug.
    scene.device.fault("hang 40");
    let job = scene.stage.submit(&scene.coordinator, FLOWER, "hardware", 2);
    wait_for("a chunk that the device has made", PATIENCE, || {
        let job = scene.coordinator.job(&job);
        let mut tasks = job["tasks"].as_array().into_iter().flatten();
        tasks.any(|task| task["task"]["kind"] == "encode_chunk" && task["state"] == "done").then_some(())
    });
    scene.runner.process.kill();
    let _heir = scene.stage.runner(&scene.coordinator, "heir", 1);
    scene.coordinator.wait_published(&job, PATIENCE);
    scene.stage.assert_published_exactly(&scene.coordinator, &job, FLOWER);
}

/// Two alike share a job; when one fails, the other makes the rest.
#[test]
fn two_devices_of_a_machine_work_side_by_side() {
    let stage = Stage::new();
    let coordinator = stage.coordinator(Store::Embedded);
    let devices = ["left", "right"].map(|name| Device::new(stage.path(), name, 1));
    let runner = start(&stage, &coordinator, &[&devices[0], &devices[1]]);
    wait_for("both offers", PATIENCE, || (devices_offers(&coordinator).len() == 2).then_some(()));
    let source = FileServer::start(FLOWER.path());
    let publish = |prefix| {
        let job = coordinator.submit(&source.url(), "hardware", 1, prefix);
        coordinator.wait_published(&job, PATIENCE);
        stage.assert_published_exactly(&coordinator, &job, FLOWER);
        let report = coordinator.bucket().json(&format!("{}/report.json", job.prefix));
        assert_eq!(report["renditions"][0]["encoder"]["name"], "h264_test");
    };
    publish("both");
    for device in ["test:left", "test:right"] {
        assert!(runner.log().contains(device), "{device} did nothing: {}", runner.log());
    }
    devices[0].fault("fail 10");
    publish("one");
    let probations = runner.state("devices.json")["probations"].clone();
    let names: Vec<_> = probations.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["test:left"]);
    runner.drain(PATIENCE);
}

/// What fails its trial is never offered, so that nothing has to fall back.
#[test]
fn a_device_that_fails_its_trials_is_not_offered() {
    for (fault, reason) in [("wrong 0", "wrong_output"), ("fail 3", "no_encoder"), ("gone", "no_device")] {
        let scene = Scene::new(4, fault);
        assert!(devices_offers(&scene.coordinator).is_empty(), "{fault}");
        let findings = scene.runner.state("devices.json")["findings"].clone();
        let mut of_tests = findings.as_array().into_iter().flatten().filter(|one| one["device"] == "Test");
        let found = of_tests.next().expect("it was tried");
        assert_eq!(found["why_not"]["reason"], reason, "{fault}: {found:#}");
        assert_eq!(scene.publish(2).1, "libx264");
        scene.runner.drain(PATIENCE);
    }
}
