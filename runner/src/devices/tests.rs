//! Discovery on a device that fails as it is told to. It is compiled into tests only.

use std::sync::Mutex;
use std::time::Duration;

use flotilla_engine::report::{DeviceAnswer, Proof};
use flotilla_engine::spec::DeviceStep;

use super::examine::KINDS;
use super::keep::Keeper;
use super::kept::{Kept, now_seconds};
use super::nodes::Nodes;
use super::*;
use crate::config::Engine;
use crate::hardware::Devices;
use crate::hardware::standing::Probation;
use crate::identity::StateDir;

/// What a good encoder of 8 bits is found to be.
pub(crate) fn finding(kind: &str, encoder: &str) -> Finding {
    Finding {
        device: kind.to_owned(),
        place: DeviceName { kind: kind.to_owned(), node: None },
        codec: encoder.split('_').next().map(str::to_owned),
        bit_depth: Some(8),
        decodes: false,
        encodes: true,
        encoder: Some(encoder.to_owned()),
        largest: Some(SizeClass::Uhd),
        encoded_per_second: 100,
        decoded_per_second: 0,
        software_decoded_per_second: 0,
        sessions: 8,
        header: "header".to_owned(),
        why_not: None,
    }
}

/// Opens and decodes; its encodes end as given, and every other kind of device is missing.
struct Faulty(Mutex<Ending>);

impl Faulty {
    fn new(fault: Ending) -> Self {
        Self(Mutex::new(fault))
    }
}

impl Bench for Faulty {
    async fn attempt(&self, trial: DeviceTrial) -> Ending {
        match (trial.device.as_str(), trial.step) {
            ("cuda", DeviceStep::Encode { .. } | DeviceStep::Sessions { .. }) => {
                self.0.lock().unwrap().clone()
            }
            ("cuda", _) => works(),
            _ => refused("no device"),
        }
    }
}

fn works() -> Ending {
    let proof =
        Proof { frames_per_second: 90, software_frames_per_second: 30, sessions: 3, ..Proof::default() };
    Ending::Answered(DeviceAnswer::Works(proof), String::new())
}

fn refused(log: &str) -> Ending {
    let answer = DeviceAnswer::Refused { code: -1, message: "the device".into() };
    Ending::Answered(answer, log.into())
}

async fn check(fault: Ending, reason: Reason) {
    let findings = discover(&Faulty::new(fault), &Nodes::default()).await;
    let of_cuda: Vec<_> = findings.iter().filter(|finding| finding.device == "NVIDIA CUDA").collect();
    assert_eq!(of_cuda.len(), 6, "each codec and depth was tried");
    for finding in of_cuda {
        assert!(finding.decodes && !finding.encodes, "{finding:?}");
        assert_eq!(finding.why_not.as_ref().map(|why| why.reason), Some(reason), "{finding:?}");
    }
    let offered = offers::equipment(&findings);
    assert!(offered.iter().all(|one| one.offers.is_empty()), "what failed its trial is not offered");
}

#[tokio::test]
async fn each_fault_is_told_as_what_it_is() {
    let limit = "OpenEncodeSessionEx failed: out of memory (10)";
    check(refused(limit), Reason::SessionLimit).await;
    check(refused("a word that nobody knows, of a device that is there"), Reason::NoEncoder).await;
    check(Ending::Hung, Reason::Hung).await;
    check(Ending::Died("a signal".into()), Reason::Crashed).await;
    check(refused("Cannot load libnvidia-encode.so.1"), Reason::LibraryMissing).await;
    let wrong = DeviceAnswer::Wrong { what: "7 of 8 pictures".into() };
    check(Ending::Answered(wrong, String::new()), Reason::WrongOutput).await;
}

#[tokio::test]
async fn each_kind_and_each_render_node_is_named() {
    let render = vec!["/dev/dri/renderD128".to_owned(), "/dev/dri/renderD129".to_owned()];
    let nodes = Nodes { render, cards: vec!["0".to_owned(), "1".to_owned()], test: vec![] };
    let findings = discover(&Faulty::new(Ending::Hung), &nodes).await;
    for kind in &KINDS {
        assert!(findings.iter().any(|finding| finding.device == kind.name), "{}", kind.name);
    }
    for node in nodes.render.iter().chain(&nodes.cards) {
        assert!(findings.iter().any(|finding| finding.place.node.as_ref() == Some(node)), "{node}");
    }
    assert!(findings.iter().all(|finding| finding.device != "Test"), "nobody asked for it");
}

#[tokio::test]
async fn what_passes_is_offered_with_the_sessions_that_were_found() {
    let findings = discover(&Faulty::new(works()), &Nodes::default()).await;
    let equipment = offers::equipment(&findings);
    let [cuda] = equipment.as_slice() else { panic!("{equipment:?}") };
    assert_eq!((cuda.name.as_str(), cuda.sessions), ("cuda", 3));
    assert_eq!(
        cuda.offers.iter().map(|offer| offer.name.as_str()).collect::<Vec<_>>(),
        ["h264_nvenc@hd", "h264_nvenc@uhd"]
    );
    assert_eq!(cuda.decodes, ["h264", "hevc", "av1"]);
}

/// A device whose probation is over is tried: while it fails it stays away, and longer each time.
#[tokio::test(start_paused = true)]
async fn a_device_comes_back_when_it_passes_its_trial() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    let engine = Engine { program: "engine".into(), arguments: vec![], memory_mib: 0 };
    let keeper = |fault| Keeper {
        devices: Devices::none(),
        bench: Faulty::new(fault),
        engine: engine.clone(),
        wanted: vec![],
        state: state.clone(),
    };
    let mut kept = Kept::tried(&Faulty::new(works()), &engine, now_seconds()).await;
    kept.probations =
        [("cuda".to_owned(), Probation { failures: 3, until: 0, why: "it hung".into() })].into();
    kept.store(&state).unwrap();
    let failures = || Kept::load(&state).unwrap().probations.get("cuda").map(|probation| probation.failures);

    let failing = keeper(Ending::Hung);
    let devices = failing.devices.clone();
    let keeping = tokio::spawn(failing.run());
    until(|| failures() == Some(4)).await;
    keeping.abort();
    assert!(devices.encoders().is_empty());

    kept.store(&state).unwrap();
    let passing = keeper(works());
    let devices = passing.devices.clone();
    let keeping = tokio::spawn(passing.run());
    until(|| failures().is_none()).await;
    keeping.abort();
    assert_eq!(devices.encoders().len(), 2);
}

/// What is known from earlier is offered without a trial; what its owner does not want is not offered.
#[tokio::test(start_paused = true)]
async fn what_holds_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    let engine = Engine { program: "engine".into(), arguments: vec![], memory_mib: 0 };
    Kept::tried(&Faulty::new(works()), &engine, now_seconds()).await.store(&state).unwrap();
    for (wanted, expected) in
        [(vec![], 2), (vec!["h264_nvenc".to_owned()], 2), (vec!["libx264".to_owned()], 0)]
    {
        let devices = Devices::none();
        let mut news = devices.news();
        let bench = Faulty::new(Ending::Hung);
        let (engine, state) = (engine.clone(), state.clone());
        let keeper = Keeper { devices: devices.clone(), bench, engine, wanted, state };
        let keeping = tokio::spawn(keeper.run());
        // Time is virtual: who has nothing to tell by then has nothing to tell.
        let told = tokio::time::timeout(Duration::from_secs(60), news.changed()).await.is_ok();
        keeping.abort();
        assert_eq!((devices.encoders().len(), told), (expected, expected > 0));
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
