//! Flotilla as a runner of PeerTube instances, versions 5.2 to 8.2: what an instance and a runner say to each other.
//! Secrets go to the registered instance alone, and bytes come only from where the admin trusts.

mod answer;
mod client;
mod download;
mod error;
mod frames;
mod origin;
mod reply;
pub mod socket;
mod waits;
mod wire;

pub use answer::{Answer, Part};
pub use client::{Instance, Patience, Runner};
pub use download::{Download, Window};
pub use error::CallError;
pub use origin::{Refusal, Trust};
pub use waits::Waits;
pub use wire::payload::{
    AudioMerge, Hls, Input, Output, Payload, Storyboard, Studio, StudioTask, Transcription, WebVideo,
};
pub use wire::{AcceptedJob, AvailableJob, Id, JobToken, JobType, JobUuid, Registration};

#[cfg(test)]
mod tests;
