//! What a person or an admin page wants to know of a source before it is transcoded: its streams in plain figures, and
//! what a plan would make of it at what cost. Pure: computed from the probe and the plan, and nothing else.

mod cost;
mod gop;
mod plan;
mod rate;
mod stream;

use serde::Serialize;

pub use cost::Cost;
pub use gop::Gops;
pub use plan::{AudioTrack, Chunks, Planned, PlannedRendition};
pub use rate::{Pace, Rate};
pub use stream::{AudioFacts, Hdr, VideoFacts};

use crate::domain::Plan;
use crate::domain::source::Source;

/// A surveyed source: the JSON of `flotilla probe --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survey {
    /// Version of this format; rises when a field changes its meaning.
    pub format: u32,
    /// FFmpeg's name for the container.
    pub container: String,
    /// As the container states it; 0: not stated.
    pub duration_us: u64,
    /// Of everything, bit/s; 0: not known.
    pub bitrate_bps: u64,
    /// Video streams and cover pictures.
    pub video: Vec<VideoFacts>,
    /// Audio streams.
    pub audio: Vec<AudioFacts>,
    /// What is unusual or left out, in plain words.
    pub notes: Vec<String>,
    /// What a profile would make of it; none: no profile was named.
    pub plan: Option<Planned>,
}

/// Surveys a source; with a plan, what that makes of it too.
pub fn survey(source: &Source, plan: Option<&Plan>) -> Survey {
    Survey {
        format: 1,
        container: source.demuxer.clone(),
        duration_us: source.duration_us,
        bitrate_bps: source.bitrate_bps,
        video: source.video.iter().map(stream::video).collect(),
        audio: source.audio.iter().map(stream::audio).collect(),
        notes: source.notes.clone(),
        plan: plan.map(|plan| plan::planned(source, plan)),
    }
}
