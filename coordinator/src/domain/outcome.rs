//! What attempts bring back, as it is stored and as later steps use it.

use serde::{Deserialize, Serialize};

use super::source::Source;

/// The result of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Of a probe.
    Probe(Source),
    /// Of a chunk: one track per rendition, in the plan's order.
    EncodeChunk {
        /// In the plan's order.
        renditions: Vec<Track>,
        /// Source frames that could not be decoded; the picture before each is shown in its place.
        #[serde(default)]
        missing_frames: u64,
    },
    /// Of an audio track.
    EncodeAudio(Track),
    /// Of the subtitles.
    ExtractText {
        /// Cues of each track, in the plan's order.
        cue_counts: Vec<u64>,
    },
    /// Of the storyboard.
    Storyboard {
        /// Pictures in it.
        sprite_count: u32,
    },
    /// Of an assembly.
    Assemble {
        /// Samples (video: frames) of the joined track.
        sample_count: u64,
    },
}

/// An output track, or its share of a chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// `ftyp` and `moov`, as hexadecimal text in storage.
    #[serde(with = "hex::serde")]
    pub init_segment: Vec<u8>,
    /// Video: frames; audio: samples, priming left out.
    pub sample_count: u64,
    /// In order, gapless.
    pub fragments: Vec<Fragment>,
}

impl Track {
    /// Length of all fragments.
    pub fn fragment_bytes(&self) -> u64 {
        self.fragments.iter().map(|fragment| u64::from(fragment.size_bytes)).sum()
    }

    /// Bytes of the init segment that an object of so many bytes with these fragments begins with; none: it is neither
    /// the fragments nor the init segment and the fragments.
    pub fn lead_bytes(&self, object_bytes: u64) -> Option<u64> {
        let init_bytes = self.init_segment.len() as u64;
        let lead = object_bytes.checked_sub(self.fragment_bytes())?;
        (lead == 0 || lead == init_bytes).then_some(lead)
    }
}

/// One `moof` and its `mdat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Both boxes together.
    pub size_bytes: u32,
    /// Of the first sample, ticks of the track.
    pub decode_time: u64,
    /// Ticks of the track.
    pub duration: u32,
    /// Starts with a sync sample.
    pub starts_with_keyframe: bool,
}

/// What an attempt cost, as its runner measured it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of the engine.
    pub cpu_ms: u64,
    /// From start to the last byte uploaded.
    pub ran_ms: u64,
    /// Waiting for reads and uploads.
    pub transferred_ms: u64,
    /// Source and chunk bytes read.
    pub bytes_downloaded: u64,
    /// Output bytes written.
    pub bytes_uploaded: u64,
    /// Largest resident memory of the engine; 0: not measured.
    #[serde(default)]
    pub peak_memory_bytes: u64,
}
