//! Hardware devices: found by trial, offered while they work, withdrawn when they do not. A listing proves nothing; what is
//! offered has encoded, on this machine, with the settings that real work uses, and its pictures were looked at.
//!
//! ```text
//!  discover --> offers --> hardware: offered <--> on probation (tried again, later and later)
//!     ^  kept (devices.json)  |
//!     +------- drivers -------+-- sessions for attempts
//! ```

pub mod drivers;
pub mod examine;
pub mod keep;
pub mod kept;
pub mod nodes;
pub mod offers;
pub mod table;

use flotilla_engine::spec::{DeviceName, DeviceTrial, SizeClass};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::examine::discover;
use crate::attempt::device;
use crate::config;
use crate::hardware::reason::{Ending, Reason, classify};

/// What a device does, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of device, for people.
    pub device: String,
    /// The same for programs.
    pub place: DeviceName,
    /// None: the device itself does not open, so no codec was tried.
    pub codec: Option<String>,
    /// Bits per sample; none as above.
    pub bit_depth: Option<u8>,
    /// A stream of this codec was decoded on it, exactly as software does.
    pub decodes: bool,
    /// It encoded, and the pictures are right.
    pub encodes: bool,
    /// FFmpeg's name of its encoder.
    pub encoder: Option<String>,
    /// The largest pictures that it encoded.
    pub largest: Option<SizeClass>,
    /// Frames of 1920x1088 that it encoded in a second; 0: not measured.
    pub encoded_per_second: u32,
    /// The same for decoding.
    pub decoded_per_second: u32,
    /// What one thread of software decoded beside it.
    pub software_decoded_per_second: u32,
    /// Encodes that could run at a time; 0: not tried.
    pub sessions: u32,
    /// Digest of the encoder's stream header.
    pub header: String,
    /// Why not: of the encode, where both do not work.
    pub why_not: Option<WhyNot>,
}

/// Why a device does not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyNot {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub words: String,
    /// What helps.
    pub hint: String,
}

impl Finding {
    /// Its owner lets its encoder be used; no names: any.
    pub fn is_wanted(&self, names: &[String]) -> bool {
        names.is_empty() || self.encoder.as_ref().is_some_and(|encoder| names.contains(encoder))
    }
}

/// Whatever trials are made on: engines, or in tests a device that fails as it is told to.
pub trait Bench: Sync {
    /// Makes one trial; always ends.
    fn attempt(&self, trial: DeviceTrial) -> impl Future<Output = Ending> + Send;
}

/// Makes each trial in an engine child of its own; clones share them.
#[derive(Clone, Debug)]
pub struct Engines {
    engine: config::Engine,
    running: TaskTracker,
}

impl Engines {
    /// Engines that are started like that.
    pub fn new(engine: &config::Engine) -> Self {
        Self { engine: engine.clone(), running: TaskTracker::new() }
    }

    /// Returns when no engine runs any more. Those of trials that nobody waits for are being ended.
    pub async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

impl Bench for Engines {
    async fn attempt(&self, trial: DeviceTrial) -> Ending {
        let given_up = CancellationToken::new();
        let (engine, stop) = (self.engine.clone(), given_up.clone());
        let _guard = given_up.drop_guard();
        let trial = async move { device::run(&engine, trial, stop.cancelled()).await };
        self.running.spawn(trial).await.unwrap_or_else(|error| Ending::Died(error.to_string()))
    }
}

fn why_not(ending: &Ending) -> Option<WhyNot> {
    classify(ending).map(|(reason, words)| WhyNot { reason, words, hint: reason.hint().to_owned() })
}

#[cfg(test)]
pub(crate) mod tests;
