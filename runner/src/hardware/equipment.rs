//! Devices with what they do for the fleet.

use flotilla_engine::spec::DeviceName;
use flotilla_proto::fleet;

/// An encoder of a device, for one class of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// "h264_nvenc@hd".
    pub name: String,
    /// FFmpeg's name.
    pub encoder: String,
    /// Equal ones make joinable chunks.
    pub fingerprint: String,
    /// For people.
    pub version: String,
    /// Output pixels that one session encodes in a second.
    pub pixels_per_second: u64,
}

/// A device with what it does for the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equipment {
    /// As [`name_of`] makes it.
    pub name: String,
    /// Where it is.
    pub place: DeviceName,
    /// What it is offered for; empty: it only decodes.
    pub offers: Vec<Offer>,
    /// Encodes at a time.
    pub sessions: u32,
    /// Codecs that it decodes faster than software does.
    pub decodes: Vec<String>,
}

/// Name of a device, for people and for the coordinator: "cuda", "cuda:1", "vaapi:renderD128".
pub fn name_of(place: &DeviceName) -> String {
    let node = place.node.as_deref().and_then(|node| node.rsplit('/').next());
    node.map_or_else(|| place.kind.clone(), |node| format!("{}:{node}", place.kind))
}

impl Equipment {
    /// It is offered for all that another was.
    pub fn does_all_of(&self, other: &Self) -> bool {
        other.offers.iter().all(|wanted| self.offers.iter().any(|offer| offer.name == wanted.name))
    }
}

impl Offer {
    /// As the coordinator is told.
    pub fn to_wire(&self, device: &str, sessions: u32) -> fleet::Encoder {
        fleet::Encoder {
            name: self.name.clone(),
            fingerprint: self.fingerprint.clone(),
            version: self.version.clone(),
            pixels_per_second: self.pixels_per_second,
            device: device.to_owned(),
            sessions,
        }
    }
}
