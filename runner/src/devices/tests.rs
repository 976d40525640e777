//! Discovery on a device that fails as it is told to. It is compiled into tests only.

use flotilla_engine::report::DeviceAnswer;

use super::*;

/// Opens and decodes; its encodes end as given, and every other kind of device is missing.
struct Faulty(Ending);

impl Bench for Faulty {
    async fn attempt(&self, trial: DeviceTrial) -> Ending {
        match (trial.device.as_str(), trial.step) {
            ("cuda", DeviceStep::Encode { .. }) => self.0.clone(),
            ("cuda", _) => Ending::Answered(DeviceAnswer::Works, String::new()),
            _ => refused("no device"),
        }
    }
}

fn refused(log: &str) -> Ending {
    let answer = DeviceAnswer::Refused { code: -1, message: "the device".into() };
    Ending::Answered(answer, log.into())
}

async fn check(fault: Ending, reason: Reason) {
    let findings = discover(&Faulty(fault), &[]).await;
    let of_cuda: Vec<_> = findings.iter().filter(|finding| finding.device == "NVIDIA CUDA").collect();
    assert_eq!(of_cuda.len(), 6, "each codec and depth was tried");
    for finding in of_cuda {
        assert!(finding.decodes && !finding.encodes, "{finding:?}");
        assert_eq!(finding.why_not.as_ref().map(|why| why.reason), Some(reason), "{finding:?}");
    }
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
    let nodes = ["/dev/dri/renderD128".to_owned(), "/dev/dri/renderD129".to_owned()];
    let findings = discover(&Faulty(Ending::Hung), &nodes).await;
    for kind in &KINDS {
        assert!(findings.iter().any(|finding| finding.device == kind.name), "{}", kind.name);
    }
    for node in &nodes {
        assert!(findings.iter().any(|finding| finding.node.as_ref() == Some(node)), "{node}");
    }
}
