//! Runners and what they offer.

use serde::{Deserialize, Serialize};

use super::choice;

/// A runner seen within so many milliseconds counts as live.
pub const LIVE_MS: i64 = 60_000;

/// What a machine can do, as its runner found by trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Version of the runner's software.
    pub version: String,
    /// Tasks at a time.
    pub slots: u32,
    /// Encoders whose trial succeeded.
    pub encoders: Vec<Encoder>,
    /// Logical processors.
    pub cpu_count: u32,
    /// Of the machine.
    pub memory_bytes: u64,
    /// System and processor, for people.
    pub machine: String,
}

/// By what benchmarks of runners are compared: all have it.
const BENCHMARK_ENCODER: &str = "libx264";

impl Capabilities {
    /// The encoder of that name, if it passed its trial here.
    pub fn encoder(&self, name: &str) -> Option<&Encoder> {
        self.encoders.iter().find(|encoder| encoder.name == name)
    }

    /// Whether this machine can do what a task needs, bound to what its job is bound to, if it is; see [`choice`].
    pub fn offers(&self, need: &str, bond: Option<&str>) -> bool {
        need == choice::JOIN || choice::way_of(self, need, bond, None).is_some()
    }

    /// Pixels per second of a slot, as the runner's benchmark found with the encoder that all are compared by.
    pub fn benchmark(&self) -> Option<f64> {
        let speed = self.encoder(BENCHMARK_ENCODER)?.pixels_per_second;
        (speed > 0).then_some(speed as f64)
    }
}

/// An encoder that passed its trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// As profiles name it.
    pub name: String,
    /// Equal fingerprints make equal bytes.
    pub fingerprint: String,
    /// Library and version.
    pub version: String,
    /// Output pixels that a slot encodes in a second with the encoder's usual preset while all slots work, as a benchmark
    /// found, transfers left out; 0: not known. Only its relation to another runner's counts.
    #[serde(default)]
    pub pixels_per_second: u64,
    /// Name of the device that it belongs to; empty: the processors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Renditions that the device encodes at a time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sessions: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
