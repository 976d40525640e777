//! Discovery: every kind of device is tried step by step, from its opening to the sessions that it carries, as far as it
//! goes.

use flotilla_engine::report::{DeviceAnswer, Proof};
use flotilla_engine::spec::{DeviceName, DeviceStep, DeviceTrial, SizeClass};
use futures::future::join_all;

use super::nodes::Nodes;
use super::{Bench, Finding, WhyNot, why_not};
use crate::hardware::reason::{Ending, Reason};

/// Codecs that are tried on each device.
const CODECS: [&str; 3] = ["h264", "hevc", "av1"];

/// Sessions that are tried at a time: more than processors can scale for.
pub const MOST_SESSIONS: u32 = 16;

/// A kind of device.
pub struct Kind {
    /// For people.
    pub name: &'static str,
    /// FFmpeg's name; empty: the encoder finds the device itself.
    pub device: &'static str,
    /// End of the names of its encoders.
    pub suffix: &'static str,
    /// The largest pictures that it is tried with.
    pub largest: SizeClass,
}

const UHD: SizeClass = SizeClass::Uhd;

/// Every kind that is tried.
pub const KINDS: [Kind; 7] = [
    Kind { name: "NVIDIA CUDA", device: "cuda", suffix: "nvenc", largest: UHD },
    Kind { name: "VAAPI", device: "vaapi", suffix: "vaapi", largest: UHD },
    Kind { name: "Intel QSV", device: "qsv", suffix: "qsv", largest: UHD },
    Kind { name: "AMD AMF", device: "", suffix: "amf", largest: UHD },
    Kind { name: "VideoToolbox", device: "videotoolbox", suffix: "videotoolbox", largest: UHD },
    Kind { name: "V4L2 M2M", device: "", suffix: "v4l2m2m", largest: UHD },
    Kind { name: "Vulkan", device: "vulkan", suffix: "vulkan", largest: UHD },
];

/// The device of tests.
const TEST: Kind = Kind { name: "Test", device: "test", suffix: "test", largest: SizeClass::Hd };

/// Tries all devices side by side. The trials of one device follow each other: they would take each other's sessions.
pub async fn discover(bench: &impl Bench, nodes: &Nodes) -> Vec<Finding> {
    let devices = KINDS.iter().chain([&TEST]).flat_map(|kind| {
        let place = |node| DeviceName { kind: kind.device.to_owned(), node };
        nodes.of(kind.device).into_iter().map(move |node| Trials { bench, kind, place: place(node) })
    });
    join_all(devices.map(Trials::run)).await.concat()
}

/// Tries one device again, as far as its encoders go.
pub async fn again(bench: &impl Bench, place: &DeviceName) -> Vec<Finding> {
    let kinds = KINDS.iter().chain([&TEST]);
    match kinds.into_iter().find(|kind| kind.device == place.kind) {
        Some(kind) => Trials { bench, kind, place: place.clone() }.run().await,
        None => Vec::new(),
    }
}

/// Sessions of an encoder that can be opened now beside those that are.
pub async fn free_sessions(bench: &impl Bench, place: &DeviceName, encoder: &str) -> u32 {
    let step = DeviceStep::Sessions { encoder: encoder.to_owned(), most: MOST_SESSIONS };
    let trial = DeviceTrial {
        device: place.kind.clone(),
        node: place.node.clone(),
        step,
        bit_depth: 8,
        size: SizeClass::Sd,
    };
    proof(&bench.attempt(trial).await).map_or(0, |proof| proof.sessions)
}

/// The trials of one device.
struct Trials<'a, B> {
    bench: &'a B,
    kind: &'a Kind,
    place: DeviceName,
}

impl<B: Bench> Trials<'_, B> {
    async fn run(self) -> Vec<Finding> {
        if !self.kind.device.is_empty()
            && let Some(why_not) = why_not(&self.attempt(DeviceStep::Open, 8, SizeClass::Sd).await)
        {
            return vec![Finding { why_not: Some(why_not), ..self.nothing() }];
        }
        let mut findings = Vec::new();
        // What the device of tests is asked for, and no more: tests wait for it.
        let is_test = self.kind.device == TEST.device;
        let codecs: &[&str] = if is_test { &CODECS[..1] } else { &CODECS };
        let depths: &[u8] = if is_test { &[8] } else { &[8, 10] };
        for codec in codecs {
            for &bit_depth in depths {
                findings.push(self.codec(codec, bit_depth).await);
            }
        }
        findings
    }

    async fn codec(&self, codec: &str, bit_depth: u8) -> Finding {
        let encoder = format!("{codec}_{}", self.kind.suffix);
        let mut finding = Finding {
            codec: Some(codec.to_owned()),
            bit_depth: Some(bit_depth),
            encoder: Some(encoder.clone()),
            ..self.nothing()
        };
        let why_not_encode = self.encode(&encoder, bit_depth, &mut finding).await;
        if finding.encodes && bit_depth == 8 {
            finding.sessions = free_sessions(self.bench, &self.place, &encoder).await;
        }
        let why_not_decode = self.decode(codec, bit_depth, &mut finding).await;
        finding.why_not = why_not_encode.or(why_not_decode);
        finding
    }

    /// From the smallest pictures to the largest; why the smallest cannot be encoded.
    async fn encode(&self, encoder: &str, bit_depth: u8, finding: &mut Finding) -> Option<WhyNot> {
        for size in [SizeClass::Sd, SizeClass::Hd, SizeClass::Uhd] {
            if size > self.kind.largest {
                break;
            }
            let ending =
                self.attempt(DeviceStep::Encode { encoder: encoder.to_owned() }, bit_depth, size).await;
            let Some(proof) = proof(&ending) else {
                let refusal = why_not(&ending).map(|why_not| why_not.of_step(self.kind));
                return refusal.filter(|_| size == SizeClass::Sd);
            };
            (finding.encodes, finding.largest) = (true, Some(size));
            match size {
                SizeClass::Sd => finding.header = proof.header,
                SizeClass::Hd => finding.encoded_per_second = proof.frames_per_second,
                SizeClass::Uhd => {}
            }
        }
        None
    }

    async fn decode(&self, codec: &str, bit_depth: u8, finding: &mut Finding) -> Option<WhyNot> {
        if matches!(self.kind.device, "" | "qsv" | "test") {
            // Their decoders belong to no device that FFmpeg opens.
            return None;
        }
        let step = || DeviceStep::Decode { codec: codec.to_owned() };
        let ending = self.attempt(step(), bit_depth, SizeClass::Sd).await;
        if let Some(why_not) = why_not(&ending) {
            return Some(why_not.of_step(self.kind));
        }
        finding.decodes = true;
        if let Some(proof) = proof(&self.attempt(step(), bit_depth, SizeClass::Hd).await) {
            finding.decoded_per_second = proof.frames_per_second;
            finding.software_decoded_per_second = proof.software_frames_per_second;
        }
        None
    }

    async fn attempt(&self, step: DeviceStep, bit_depth: u8, size: SizeClass) -> Ending {
        let DeviceName { kind, node } = self.place.clone();
        self.bench.attempt(DeviceTrial { device: kind, node, step, bit_depth, size }).await
    }

    fn nothing(&self) -> Finding {
        Finding {
            device: self.kind.name.to_owned(),
            place: self.place.clone(),
            codec: None,
            bit_depth: None,
            decodes: false,
            encodes: false,
            encoder: None,
            largest: None,
            encoded_per_second: 0,
            decoded_per_second: 0,
            software_decoded_per_second: 0,
            sessions: 0,
            header: String::new(),
            why_not: None,
        }
    }
}

/// What a trial showed that went well in every respect.
fn proof(ending: &Ending) -> Option<Proof> {
    match ending {
        Ending::Answered(DeviceAnswer::Works(proof), _) if why_not(ending).is_none() => Some(proof.clone()),
        _ => None,
    }
}

impl WhyNot {
    /// A device that has been opened is there: what it refuses in words that nobody knows, it cannot do.
    fn of_step(self, kind: &Kind) -> Self {
        match (self.reason, kind.device) {
            (Reason::NoDevice, opened) if !opened.is_empty() => {
                Self { reason: Reason::NoEncoder, hint: Reason::NoEncoder.hint().to_owned(), ..self }
            }
            _ => self,
        }
    }
}
