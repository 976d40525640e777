//! What this machine can encode: found out by trial, never by listing.

use flotilla_proto::fleet;
use futures::future::join_all;

use super::benchmark::Benchmark;
use super::machine::Machine;
use super::trials::Trials;
use crate::attempt::trial::{self, Passed};
use crate::config;
use crate::identity::StateDir;

/// Encoders that profiles may name.
pub const CANDIDATES: [&str; 5] = ["libx264", "libsvtav1", "rav1e", "aac", "libopus"];

/// Encoders of devices that profiles may let take their place.
pub const DEVICE_CANDIDATES: &[&str] = &[
    "h264_nvenc",
    "h264_qsv",
    "h264_vaapi",
    // The device of tests.
    #[cfg(debug_assertions)]
    "h264_test",
];

/// The result of one trial.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trial {
    /// Name as profiles use it.
    pub encoder: String,
    /// What it showed, or why it does not work.
    pub result: Result<Passed, String>,
}

/// Tries the candidates of these names, or all, at the same time, each in a child of its own.
pub async fn try_all(engine: &config::Engine, wanted: &[String]) -> Vec<Trial> {
    let one = async |encoder: &str| Trial {
        encoder: encoder.to_owned(),
        result: trial::run(engine, encoder).await,
    };
    join_all(candidates(wanted).into_iter().map(one)).await
}

/// The candidates among these names; all of them when none is named.
fn candidates(wanted: &[String]) -> Vec<&'static str> {
    let is_wanted = |name: &&str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    CANDIDATES.into_iter().filter(is_wanted).collect()
}

/// The results of trials, from the last start where nothing has changed since: `key` is [`Trials::key`]'s.
pub async fn known_or_tried(
    state: &StateDir,
    key: &str,
    engine: &config::Engine,
    wanted: &[String],
) -> Vec<Trial> {
    let candidates = candidates(wanted);
    if let Some(known) = Trials::load(state, key) {
        let of = |name: &&str| known.iter().find(|trial| trial.encoder == *name).cloned();
        if let Some(trials) = candidates.iter().map(of).collect() {
            return trials;
        }
    }
    let trials = try_all(engine, wanted).await;
    // A failure may be a machine short of memory for a moment: it is tried again at the next start.
    if trials.iter().all(|trial| trial.result.is_ok())
        && let Err(error) = (Trials { key: key.to_owned(), trials: trials.clone() }).store(state)
    {
        tracing::warn!(%error, "the results of the trials cannot be kept");
    }
    trials
}

/// What the coordinator is told, with the speeds of the last benchmark that still holds.
pub fn capabilities(
    machine: &Machine,
    slot_count: u32,
    trials: &[Trial],
    benchmark: Option<&Benchmark>,
) -> fleet::Capabilities {
    let speed = |encoder: &str| benchmark.map_or(0, |benchmark| benchmark.speed(encoder, slot_count));
    let encoder = |trial: &Trial| {
        let Passed { fingerprint, version } = trial.result.clone().ok()?;
        let pixels_per_second = speed(&trial.encoder);
        let name = trial.encoder.clone();
        Some(fleet::Encoder { name, fingerprint, version, pixels_per_second, ..Default::default() })
    };
    fleet::Capabilities {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slots: slot_count,
        encoders: trials.iter().filter_map(encoder).collect(),
        cpu_count: machine.cpu_count,
        memory_bytes: machine.memory_bytes,
        machine: machine.description.clone(),
    }
}
