//! What the engine answers: a [`Report`] per task kind, or a [`Failure`] with its class.

use serde::{Deserialize, Serialize};

use crate::spec::{Colour, Fields, Rational, base16};

/// The result of a task; its outputs went through the pipe before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Report {
    /// What the source is.
    Probe(Source),
    /// The renditions of a chunk, in the order asked for.
    EncodeChunk {
        /// One per rendition.
        renditions: Vec<Track>,
        /// Source frames that could not be decoded; the picture before each is shown in its place.
        missing_frames: u64,
    },
    /// The audio track.
    EncodeAudio(Track),
    /// The storyboard.
    Storyboard {
        /// Pictures in it.
        sprite_count: u32,
    },
    /// The subtitles, in the order asked for.
    ExtractText {
        /// Cues of each track.
        cue_counts: Vec<u64>,
    },
    /// Samples counted while joining.
    Assemble {
        /// Samples (video: frames) of the joined track.
        sample_count: u64,
    },
    /// How like what was encoded is to what was to be encoded.
    Compare {
        /// One per rendition, in the order asked for.
        likenesses: Vec<Likeness>,
    },
    /// What the trial encode put out.
    Trial {
        /// SHA-256, 16 hexadecimal digits of it, over headers and packets of a fixed clip.
        fingerprint: String,
        /// Library and version, for people.
        version: String,
    },
    /// How the trial of a device went.
    Device {
        /// The answer.
        answer: DeviceAnswer,
    },
}

/// Structural similarity of brightness by FFmpeg's filter `ssim`: its `lavfi.ssim.Y`, of the plane Y alone. Equal pictures
/// have 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// Mean over all frames.
    pub mean_ssim_y: f64,
    /// Of the frame that is least alike.
    pub worst_ssim_y: f64,
    /// Which one that is, from 0.
    pub worst_frame: u64,
}

/// How the trial of a device went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum DeviceAnswer {
    /// It does what was tried.
    Works(Proof),
    /// This FFmpeg has no such encoder, or no encoder to make a sample with.
    NotBuilt {
        /// Which.
        name: String,
    },
    /// It put out something, and that is wrong.
    Wrong {
        /// What is wrong with it.
        what: String,
    },
    /// FFmpeg refused; why, it tells on standard error at best.
    Refused {
        /// FFmpeg's, negative.
        code: i32,
        /// What was refused.
        message: String,
    },
}

/// What a trial that went well has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// How fast it was, setting up left out; 0: not measured.
    pub frames_per_second: u32,
    /// How fast software did the same beside it; 0: not measured.
    pub software_frames_per_second: u32,
    /// Digest of the stream header: chunks with different ones cannot be joined.
    pub header: String,
    /// Sessions that were open at the same time.
    pub sessions: u32,
}

/// An output track, or its share of a chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// `ftyp` and `moov`; equal bytes for all chunks of a rendition.
    #[serde(with = "base16")]
    pub init_segment: Vec<u8>,
    /// Video: frames; audio: samples, priming left out.
    pub sample_count: u64,
    /// In order, gapless.
    pub fragments: Vec<Fragment>,
}

/// One `moof` and its `mdat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Both boxes together.
    pub size_bytes: u32,
    /// Of the first sample, in ticks of the track.
    pub decode_time: u64,
    /// In ticks of the track.
    pub duration: u32,
    /// Starts with a sync sample.
    pub starts_with_keyframe: bool,
}

/// A probed source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the demuxer, to be pinned by every later task.
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
    pub text: Vec<TextStream>,
    /// What a person should know of, in plain words.
    pub notes: Vec<String>,
    /// What edits put in, in the order asked for.
    #[serde(default)]
    pub inserts: Vec<Insert>,
}

/// A probed file that edits put in.
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
    pub index: usize,
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
    /// Unit of every time here, seconds.
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
    /// Presentation times of all frames that are shown, in display order.
    pub pts: Vec<i64>,
    /// Positions in `pts` at which decoding can start, ascending.
    pub keyframes: Vec<u32>,
    /// Length of the last frame, ticks.
    pub last_duration: i64,
    /// Bytes of each run of [`BLOCK_FRAMES`] frames of `pts`; the last run may be shorter. Empty: not known.
    pub block_bytes: Vec<u64>,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
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
    pub index: usize,
    /// FFmpeg's name.
    pub codec: String,
    /// Of the source.
    pub sample_rate_hz: u32,
    /// Of the source.
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
    pub is_commentary: bool,
    /// Tells those who do not see what is shown.
    pub is_description: bool,
    /// Plain AAC packets without a gap, which can be published as they are.
    pub copies_exactly: bool,
}

/// A probed text stream: subtitles that can become cues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextStream {
    /// Position among the source's streams.
    pub index: usize,
    /// FFmpeg's name.
    pub codec: String,
    /// ISO 639-2 or BCP 47; empty: not known.
    pub language: String,
    /// Empty: none.
    pub title: String,
    /// Shown when nothing is chosen.
    pub is_default: bool,
    /// Shown even to those who want no subtitles: what is said in a foreign language.
    pub is_forced: bool,
    /// Tells sounds too, for those who do not hear.
    pub is_for_deaf: bool,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault; decides about the retry.
    pub class: Class,
    /// One sentence for people.
    pub message: String,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The input's.
    Source,
    /// The profile's: a setting that the encoder refuses.
    Profile,
    /// A read that did not come.
    Transient,
    /// This machine's: memory, a missing library.
    Runner,
    /// The output is not what was planned.
    Verify,
    /// A hardware device's: software can do it.
    Device,
    /// The same, of one that only decodes: software decodes the same pictures.
    Decoder,
    /// Ours.
    Internal,
}
