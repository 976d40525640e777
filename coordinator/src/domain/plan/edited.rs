//! What a plan has of the files that edits put in.

use serde::{Deserialize, Serialize};

use super::{Chunk, SourcePicture, VideoPlan};

/// A clip, as its chunks need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// Which insert.
    pub file: u32,
    /// Demuxer that its tasks must use.
    pub demuxer: String,
    /// Position among the clip's streams.
    pub stream_index: u32,
    /// Clockwise turn for display.
    pub rotation_degrees: u32,
    /// Deinterlace.
    pub interlaced: bool,
    /// What else its pictures need.
    pub picture: SourcePicture,
    /// Of [`VideoPlan::marks`], those from this one on lie on it: the others were laid on before it was put in.
    pub first_mark: u32,
}

/// A picture over the video, in pixels of the first rendition, all even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which insert.
    pub file: u32,
    /// What it is scaled to.
    pub width: u32,
    /// What it is scaled to.
    pub height: u32,
    /// Of its upper left corner.
    pub left: u32,
    /// Of its upper left corner.
    pub top: u32,
}

/// What an audio track has of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundPart {
    /// Samples that it fills; none: as many as there are, for the last part alone.
    pub samples: Option<u64>,
    /// Samples of silence before what is kept.
    pub silence: u64,
    /// None: silence.
    pub sound: Option<SoundInput>,
}

/// A stream of a file, and what of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundInput {
    /// Which insert; none: the source.
    pub file: Option<u32>,
    /// Demuxer that its task must use.
    pub demuxer: String,
    /// Position among the file's streams.
    pub stream_index: u32,
    /// Time of the first sample that sounds, the file's ticks.
    pub first_pts: i64,
    /// Samples of the output from the first one that sounds, start and end.
    pub kept: Vec<(u64, u64)>,
}

impl VideoPlan {
    /// The clip that a chunk is of; none: of the source.
    pub fn clip_of(&self, chunk: &Chunk) -> Option<&Clip> {
        self.clips.get(chunk.clip? as usize)
    }

    /// What lies over a chunk.
    pub fn marks_of(&self, chunk: &Chunk) -> &[Mark] {
        let first = self.clip_of(chunk).map_or(0, |clip| clip.first_mark as usize);
        self.marks.get(first..).unwrap_or_default()
    }
}
