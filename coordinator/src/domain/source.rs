//! What a probe found: the facts that plans are made of.

use serde::{Deserialize, Serialize};

use super::rational::Rational;

/// A probed source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Demuxer that every later task must use.
    pub demuxer: String,
    /// As the container states it; 0: not stated.
    pub duration_us: u64,
    /// Of everything, bit/s; 0: not known.
    pub bitrate_bps: u64,
    /// Video streams and cover pictures.
    pub video: Vec<VideoStream>,
    /// Audio streams.
    pub audio: Vec<AudioStream>,
    /// Subtitles that are text.
    #[serde(default)]
    pub text: Vec<TextStream>,
    /// What a person should know of.
    pub notes: Vec<String>,
    /// What edits put in, by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inserts: Vec<Insert>,
}

/// A probed file that an edit puts in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Insert {
    /// A video.
    Clip(Source),
    /// A picture to lay over the video.
    Mark {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}

/// Frames in a run of [`VideoStream::block_bytes`].
pub const BLOCK_FRAMES: usize = 64;

/// A probed video stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// Coded, before rotation.
    pub width: u32,
    /// Coded, before rotation.
    pub height: u32,
    /// Width over height of a pixel; none: square.
    pub sample_aspect_ratio: Option<Rational>,
    /// Clockwise: 0, 90, 180, 270.
    pub rotation_degrees: u32,
    /// FFmpeg's name.
    pub pixel_format: String,
    /// Unit of the times here, seconds.
    pub time_base: Rational,
    /// Average over the stream.
    pub frame_rate: Rational,
    /// As the stream states it.
    pub colour: Colour,
    /// By the stream's flags and by a look at its frames.
    pub interlaced: bool,
    /// What else is known of the pictures.
    #[serde(default)]
    pub picture: PictureFacts,
    /// A cover picture, not a video.
    pub attached_picture: bool,
    /// What players show when several are there.
    pub is_default: bool,
    /// Presentation times of all frames shown, strictly rising.
    pub pts: Vec<i64>,
    /// Positions in `pts` at which decoding can start, ascending.
    pub keyframes: Vec<u32>,
    /// Of the last frame, ticks.
    pub last_duration: i64,
    /// Bytes of each run of [`BLOCK_FRAMES`] frames of `pts`; the last run may be shorter. Empty: not known.
    #[serde(default)]
    pub block_bytes: Vec<u64>,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
}

/// Colour description by the code points of ISO/IEC 23091-2; 2 is "unspecified".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// ColourPrimaries.
    pub primaries: u8,
    /// TransferCharacteristics.
    pub transfer: u8,
    /// MatrixCoefficients.
    pub matrix: u8,
    /// VideoFullRangeFlag.
    pub full_range: bool,
}

/// Nothing is specified.
impl Default for Colour {
    fn default() -> Self {
        Self { primaries: 2, transfer: 2, matrix: 2, full_range: false }
    }
}

/// What is known of a video stream's pictures besides size and rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// Left and right are swapped before the picture is turned.
    pub mirrored: bool,
    /// The container states the shape of the pixels, so it holds for all frames.
    pub fixed_aspect: bool,
    /// Which fields the frames of an interlaced stream have.
    pub fields: Fields,
    /// Of Dolby Vision.
    pub dolby_vision: Option<DolbyVision>,
    /// Not of the source's file: it was handed in beside it.
    #[serde(default)]
    pub given: bool,
}

/// The fields of an interlaced stream's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fields {
    /// Each frame's own marks tell; those marked as progressive are.
    #[default]
    AsMarked,
    /// All frames are two fields, whatever they are marked as, and the one with the first row is the earlier.
    TopFirst,
    /// The same, but the one with the second row is the earlier.
    BottomFirst,
}

/// A Dolby Vision configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DolbyVision {
    /// 5, 7, 8, …
    pub profile: u8,
    /// What the base layer can be shown as; 0: nothing, 1 and 6: HDR10, 2: SDR, 4: HLG.
    pub compatibility: u8,
}

/// A probed audio stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channel_count: u32,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
    /// Unit of the times here, seconds.
    pub time_base: Rational,
    /// Time of the first sample that sounds.
    pub first_pts: i64,
    /// From the packets, ticks.
    pub duration: i64,
    /// ISO 639-2 or BCP 47; empty: not known.
    pub language: String,
    /// Empty: none.
    pub title: String,
    /// What players play when several are there.
    pub is_default: bool,
    /// Somebody talks about the work.
    #[serde(default)]
    pub is_commentary: bool,
    /// Tells those who do not see what is shown.
    #[serde(default)]
    pub is_description: bool,
    /// Plain AAC packets without a gap, which can be published as they are.
    #[serde(default)]
    pub copies_exactly: bool,
}

/// A probed text stream: subtitles that can become cues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextStream {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// ISO 639-2 or BCP 47; empty: not known.
    pub language: String,
    /// Empty: none.
    pub title: String,
    /// Shown when nothing is chosen.
    pub is_default: bool,
    /// Shown even to those who want no subtitles.
    pub is_forced: bool,
    /// Tells sounds too, for those who do not hear.
    pub is_for_deaf: bool,
}
