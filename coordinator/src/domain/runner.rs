//! Runners and what they offer.

use serde::{Deserialize, Serialize};

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

impl Capabilities {
    /// The encoder of that name, if it passed its trial here.
    pub fn encoder(&self, name: &str) -> Option<&Encoder> {
        self.encoders.iter().find(|encoder| encoder.name == name)
    }
}

/// An encoder that passed its trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// As profiles name it.
    pub name: String,
    /// Equal fingerprints make equal bytes.
    pub fingerprint: String,
    /// Library and version.
    pub version: String,
}
