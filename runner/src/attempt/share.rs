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
    Decoder(Words),
    /// It did not encode.
    Device(Words),
}

/// What is known of a device's fault.
#[derive(Debug)]
pub struct Words {
    /// For people.
    pub why: String,
    /// What the libraries wrote.
    pub libraries: String,
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
    pub fn blame(&self, devices: &Devices, words: Words) -> Outcome {
        match self {
            Self::Held(hold) if words.tell_of_no_room() => {
                devices.refused(hold);
                return Outcome::failed(FailureClass::Returned, "the device has no session left for it");
            }
            Self::Held(hold) => devices.failed(&hold.place, &words.why),
            Self::None | Self::Refused => {}
        }
        Outcome::failed(FailureClass::Device, words.why)
    }
}

impl Trouble {
    /// Whom an engine's end speaks against. One that dies or hangs over a device's task has been let down by the driver:
    /// if it was the source, software will show.
    pub fn of(said: &Said, ended: &Ended, encodes: bool, uses_device: bool) -> Option<Self> {
        let words = |why: &str| Words { why: why.to_owned(), libraries: ended.stderr_tail.clone() };
        let device = |why: &str| Some(Self::Device(words(why)));
        match said {
            Said::Failed(failure) if failure.class == Class::Decoder => {
                Some(Self::Decoder(words(&failure.message)))
            }
            Said::Failed(failure) if failure.class == Class::Device => device(&failure.message),
            Said::Hung | Said::Stalled if encodes => device("the engine hung over the device"),
            Said::Nothing | Said::Broken(_) if encodes => device("the engine died over the device"),
            Said::Hung | Said::Stalled | Said::Nothing | Said::Broken(_) if uses_device => {
                Some(Self::Decoder(words("the engine hung or died over the device")))
            }
            _ => None,
        }
    }
}

impl Words {
    /// The device is well, and others have all of it.
    pub fn tell_of_no_room(&self) -> bool {
        let refused = DeviceAnswer::Refused { code: -1, message: self.why.clone() };
        let reason = classify(&Ending::Answered(refused, self.libraries.clone()));
        matches!(reason, Some((Reason::SessionLimit, _)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_full_is_no_broken_device() {
        let words = |libraries: &str| Words { why: "it failed".into(), libraries: libraries.into() };
        assert!(words("cuMemAlloc failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory").tell_of_no_room());
        assert!(words("OpenEncodeSessionEx failed: out of memory (10)").tell_of_no_room());
        assert!(!words("CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure").tell_of_no_room());
    }
}
