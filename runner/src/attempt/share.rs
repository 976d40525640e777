//! An attempt's share of a device: the sessions that it holds, and whom it blames when the engine fails.

use std::collections::BTreeMap;

use flotilla_engine::encode::hardware::is_hardware;
use flotilla_engine::report::{Class, DeviceAnswer};
use flotilla_engine::spec::{DeviceName, Task};
use flotilla_proto::fleet::task_spec::Kind;
use flotilla_proto::fleet::{FailureClass, Lease};

use super::child::Ended;
use super::conversation::Said;
use super::outcome::Outcome;
use crate::hardware::reason::{Ending, Reason, classify};
use crate::hardware::{Devices, Hold, name_of};

/// What an attempt has of a device.
#[derive(Debug)]
pub enum Share {
    /// Nothing: it is a processor's task.
    None,
    /// A session for each of its renditions.
    Held(Hold),
    /// It needs sessions that are not there.
    Refused,
}

/// A device's fault.
#[derive(Debug)]
pub enum Trouble {
    /// It did not decode all.
    Decoder(String),
    /// It did not encode.
    Device {
        /// For people.
        why: String,
        /// What the libraries wrote.
        words: String,
    },
}

impl Share {
    /// Takes what a lease needs.
    pub fn of(lease: &Lease, devices: &Devices) -> Self {
        let Some((encoder, fingerprint, count)) = needs(lease) else { return Self::None };
        devices.take(encoder, fingerprint, count).map_or(Self::Refused, Self::Held)
    }

    /// It is a device's task.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }

    /// The device's name; none: no session of any is held.
    pub fn device(&self) -> Option<String> {
        match self {
            Self::Held(hold) => Some(name_of(&hold.place)),
            Self::None | Self::Refused => None,
        }
    }

    /// Tells the engine where the devices are. True: some are used.
    pub fn tell(&self, task: &mut Task, decoders: &BTreeMap<String, DeviceName>) -> bool {
        let Task::EncodeChunk(chunk) = task else { return false };
        if let Self::Held(hold) = self {
            chunk.encode_on = Some(hold.place.clone());
        }
        if chunk.still.is_none() {
            chunk.decode_on = decoders.clone();
        }
        chunk.encode_on.is_some() || !chunk.decode_on.is_empty()
    }

    /// What a device's failure comes to: a session that was refused costs nothing, everything else puts the device on
    /// probation.
    pub fn blame(&self, devices: &Devices, why: String, words: &str) -> Outcome {
        let Self::Held(hold) = self else { return Outcome::failed(FailureClass::Device, why) };
        let refused = DeviceAnswer::Refused { code: -1, message: why.clone() };
        let reason = classify(&Ending::Answered(refused, words.to_owned())).map(|(reason, _)| reason);
        match reason {
            Some(Reason::SessionLimit) => {
                devices.refused(hold);
                Outcome::failed(FailureClass::Returned, "the device has no session left for it")
            }
            _ => {
                devices.failed(&hold.place, &why);
                Outcome::failed(FailureClass::Device, why)
            }
        }
    }
}

impl Trouble {
    /// Whom an engine's end speaks against. One that dies or hangs over a device's task has been let down by the driver:
    /// if it was the source, software will show.
    pub fn of(said: &Said, ended: &Ended, encodes: bool, uses_device: bool) -> Option<Self> {
        let words = || ended.stderr_tail.clone();
        let device = |why: &str| Some(Self::Device { why: why.to_owned(), words: words() });
        match said {
            Said::Failed(failure) if failure.class == Class::Decoder => {
                Some(Self::Decoder(failure.message.clone()))
            }
            Said::Failed(failure) if failure.class == Class::Device => device(&failure.message),
            Said::Hung | Said::Stalled if encodes => device("the engine hung over the device"),
            Said::Nothing | Said::Broken(_) if encodes => device("the engine died over the device"),
            Said::Hung | Said::Stalled | Said::Nothing | Said::Broken(_) if uses_device => {
                Some(Self::Decoder("the engine hung or died over the device".into()))
            }
            _ => None,
        }
    }
}

/// Encoder of a device's task, the fingerprint that it must have, and its sessions.
fn needs(lease: &Lease) -> Option<(&str, &str, u32)> {
    let Some(Kind::EncodeChunk(chunk)) = lease.task.as_ref().and_then(|task| task.kind.as_ref()) else {
        return None;
    };
    let on_device = chunk.renditions.iter().filter(|rendition| is_hardware(&rendition.encoder));
    let names: Vec<&str> = on_device.map(|rendition| rendition.encoder.as_str()).collect();
    Some((*names.first()?, &chunk.encoder_fingerprint, u32::try_from(names.len()).ok()?))
}
