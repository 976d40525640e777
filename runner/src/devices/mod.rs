//! Hardware devices, found by trial. They are shown by `doctor` and not offered to the coordinator: a rendition may not
//! be mixed from two encoders, and who chooses an encoder on a device for it is not decided yet.

pub mod reason;
pub mod table;

use flotilla_engine::spec::{DeviceStep, DeviceTrial};
use futures::future::join_all;
use serde::Serialize;

use self::reason::{Reason, classify};
use crate::attempt::device::{self, Ending};
use crate::config;

/// Codecs that are tried on each device.
const CODECS: [&str; 3] = ["h264", "hevc", "av1"];

/// A kind of device.
struct Kind {
    name: &'static str,
    /// FFmpeg's name; empty: the encoder finds the device itself.
    device: &'static str,
    /// End of the names of its encoders.
    suffix: &'static str,
}

const KINDS: [Kind; 7] = [
    Kind { name: "NVIDIA CUDA", device: "cuda", suffix: "nvenc" },
    Kind { name: "VAAPI", device: "vaapi", suffix: "vaapi" },
    Kind { name: "Intel QSV", device: "qsv", suffix: "qsv" },
    Kind { name: "AMD AMF", device: "", suffix: "amf" },
    Kind { name: "VideoToolbox", device: "videotoolbox", suffix: "videotoolbox" },
    Kind { name: "V4L2 M2M", device: "", suffix: "v4l2m2m" },
    Kind { name: "Vulkan", device: "vulkan", suffix: "vulkan" },
];

/// What a device does, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Kind of device.
    pub device: &'static str,
    /// Which of that kind; none: the only one, or FFmpeg's choice.
    pub node: Option<String>,
    /// None: the device itself does not open, so no codec was tried.
    pub codec: Option<&'static str>,
    /// Bits per sample; none as above.
    pub bit_depth: Option<u8>,
    /// A stream of this codec was decoded on it.
    pub decodes: bool,
    /// It encoded, and the pictures are right.
    pub encodes: bool,
    /// Why not: of the encode, where both do not work.
    pub why_not: Option<WhyNot>,
}

/// Why a device does not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub words: String,
    /// What helps.
    pub hint: &'static str,
}

/// Whatever trials are made on: engines, or in tests a device that fails as it is told to.
pub trait Bench {
    /// Makes one trial; always ends.
    fn attempt(&self, trial: DeviceTrial) -> impl Future<Output = Ending>;
}

/// Makes each trial in an engine child of its own.
pub struct Engines<'a> {
    /// How they are started.
    pub engine: &'a config::Engine,
}

impl Bench for Engines<'_> {
    async fn attempt(&self, trial: DeviceTrial) -> Ending {
        device::run(self.engine, trial).await
    }
}

/// Tries all kinds side by side; `render_nodes` are those of VAAPI. The trials of one device follow each other: they
/// would take each other's sessions.
pub async fn discover(bench: &impl Bench, render_nodes: &[String]) -> Vec<Finding> {
    let devices = KINDS.iter().flat_map(|kind| {
        let nodes = match kind.device {
            "vaapi" if !render_nodes.is_empty() => render_nodes.iter().cloned().map(Some).collect(),
            _ => vec![None],
        };
        nodes.into_iter().map(move |node| (kind, node))
    });
    join_all(devices.map(|(kind, node)| examine(bench, kind, node))).await.concat()
}

/// Paths of the render nodes of this machine, in order.
pub fn render_nodes() -> Vec<String> {
    let entries = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path().display().to_string());
    let mut nodes: Vec<_> = paths.filter(|path| path.contains("/renderD")).collect();
    nodes.sort();
    nodes
}

async fn examine(bench: &impl Bench, kind: &Kind, node: Option<String>) -> Vec<Finding> {
    let trial =
        |step, bit_depth| DeviceTrial { device: kind.device.to_owned(), node: node.clone(), step, bit_depth };
    if !kind.device.is_empty()
        && let Some(why_not) = why_not(&bench.attempt(trial(DeviceStep::Open, 8)).await)
    {
        let (codec, bit_depth) = (None, None);
        let (decodes, encodes) = (false, false);
        let why_not = Some(why_not);
        return vec![Finding { device: kind.name, node, codec, bit_depth, decodes, encodes, why_not }];
    }
    let mut findings = Vec::new();
    for codec in CODECS {
        for bit_depth in [8, 10] {
            let encoder = format!("{codec}_{}", kind.suffix);
            let encode = bench.attempt(trial(DeviceStep::Encode { encoder }, bit_depth)).await;
            let encode = why_not(&encode).map(|why_not| why_not.of_step(kind));
            let decode = match kind.device {
                // Their decoders belong to no device that FFmpeg opens.
                "" | "qsv" => None,
                _ => {
                    let step = DeviceStep::Decode { codec: codec.to_owned() };
                    let decode = bench.attempt(trial(step, bit_depth)).await;
                    Some(why_not(&decode).map(|why_not| why_not.of_step(kind)))
                }
            };
            findings.push(Finding {
                device: kind.name,
                node: node.clone(),
                codec: Some(codec),
                bit_depth: Some(bit_depth),
                decodes: decode == Some(None),
                encodes: encode.is_none(),
                why_not: encode.or(decode.flatten()),
            });
        }
    }
    findings
}

fn why_not(ending: &Ending) -> Option<WhyNot> {
    classify(ending).map(|(reason, words)| WhyNot { reason, words, hint: reason.hint() })
}

impl WhyNot {
    /// A device that has been opened is there: what it refuses in words that nobody knows, it cannot do.
    fn of_step(self, kind: &Kind) -> Self {
        match (self.reason, kind.device) {
            (Reason::NoDevice, opened) if !opened.is_empty() => {
                Self { reason: Reason::NoEncoder, hint: Reason::NoEncoder.hint(), ..self }
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests;
