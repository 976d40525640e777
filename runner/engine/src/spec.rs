//! What the engine is told: a [`Task`] with everything that decides its output. Plain data; the daemon fills it in from
//! the lease, the planner decided it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A task and the sizes of what it may read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// What to do.
    pub task: Task,
    /// Sizes in bytes of the inputs, in order; their bytes come through the pipe on request.
    pub input_sizes: Vec<u64>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Read input 0 and say what it is; input 1 may be a picture that belongs to it, or its sound. The last inputs are what
    /// edits put in.
    Probe(Probe),
    /// Encode all renditions of one chunk of input 0 from one decode; output `n` holds rendition `n`'s fragments.
    EncodeChunk(EncodeChunk),
    /// Encode one whole audio track, of input 0 or of several; output 0 holds its fragments.
    EncodeAudio(EncodeAudio),
    /// Make WebVTT of text streams of input 0; output `n` holds that of stream `n`.
    ExtractText(ExtractText),
    /// Draw small pictures of a video of input 0 into one JPEG, which is output 0.
    Storyboard(Storyboard),
    /// Join sealed chunks without encoding.
    Assemble(Assemble),
    /// Hold what was encoded against what its encoders were given, frame by frame: input 0 is the source of the chunk, input
    /// `n + 1` its rendition `n` as a whole file.
    Compare(EncodeChunk),
    /// Encode a fixed synthetic clip (or tone) and answer with the encoder's fingerprint.
    Trial(Trial),
    /// Try one thing with a hardware device.
    Device(DeviceTrial),
}

/// See [`Task::Device`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTrial {
    /// FFmpeg's name of the kind of device: "cuda", "vaapi", …; empty: the encoder finds its device itself.
    pub device: String,
    /// Which one of that kind; none: FFmpeg's choice.
    pub node: Option<String>,
    /// What to try.
    pub step: DeviceStep,
    /// Bits per sample: 8 or 10.
    pub bit_depth: u8,
    /// How large the pictures are.
    pub size: SizeClass,
}

/// Sizes of pictures between which chips draw their borders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeClass {
    /// 640x384: above the least size of every chip that is known.
    #[default]
    Sd,
    /// 1920x1088.
    Hd,
    /// 3840x2176.
    Uhd,
}

impl SizeClass {
    /// Pixels.
    pub fn size(self) -> (u32, u32) {
        match self {
            Self::Sd => (640, 384),
            Self::Hd => (1920, 1088),
            Self::Uhd => (3840, 2176),
        }
    }
}

/// A hardware device: the kind by FFmpeg's name, and which one of that kind; none: FFmpeg's choice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceName {
    /// "cuda", "vaapi", …; empty: the encoder finds its device itself.
    pub kind: String,
    /// "/dev/dri/renderD128".
    pub node: Option<String>,
}

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum DeviceStep {
    /// Opening it, no more.
    Open,
    /// A short encode, looked at after a decode in software.
    Encode {
        /// "h264_nvenc", "hevc_vaapi", …
        encoder: String,
    },
    /// A decode of what software has just encoded.
    Decode {
        /// "h264", "hevc" or "av1".
        codec: String,
    },
    /// Sessions of an encoder side by side, until one is refused.
    Sessions {
        /// As above.
        encoder: String,
        /// More are not tried.
        most: u32,
    },
}

/// A rational number; `denominator` is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rational {
    /// Above the line.
    pub numerator: i64,
    /// Below the line.
    pub denominator: i64,
}

/// Largest picture where the assignment states no limit: 8192 x 4320.
pub const MAX_PIXELS: u64 = 8192 * 4320;

/// See [`Task::Probe`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Pictures with more pixels are refused.
    pub max_pixels: u64,
    /// What else a source may be at most.
    #[serde(default)]
    pub limits: Limits,
    /// The sound is that of input 1, a file of its own.
    #[serde(default)]
    pub sound_apart: bool,
    /// What the last inputs are: files that edits put in.
    #[serde(default)]
    pub inserts: Vec<InsertKind>,
}

/// What a file is that edits put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsertKind {
    /// A video, probed like a source.
    Clip,
    /// A picture to lay over the video.
    Mark,
}

impl Default for Probe {
    fn default() -> Self {
        Self { max_pixels: MAX_PIXELS, limits: Limits::default(), sound_apart: false, inserts: Vec::new() }
    }
}

/// What a source may be at most, beside the size of its pictures. The names are those of the coordinator's section
/// `[limits]`, and each refusal tells its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Streams of all kinds, attachments among them.
    pub max_streams: u32,
    /// Length of a stream, as read; what the file declares may be wrong.
    pub max_duration_seconds: u64,
    /// Packets of all streams.
    pub max_packets: u64,
    /// Frames of a stream for each second that the file declares, and for a minute at least.
    pub max_frames_per_second: u64,
    /// Cover pictures, fonts and other attachments together.
    pub max_attachment_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_streams: 32,
            max_duration_seconds: 12 * 3600,
            max_packets: 10_000_000,
            max_frames_per_second: 1000,
            max_attachment_bytes: 32 << 20,
        }
    }
}

/// See [`Task::EncodeChunk`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodeChunk {
    /// Index of the video stream in the source.
    pub stream_index: usize,
    /// The demuxer that the probe settled on; nothing else may be tried.
    pub demuxer: String,
    /// Keyframe time to seek to, in source ticks; none: decode from the start.
    pub seek_pts: Option<i64>,
    /// The slices of the output frame grids that the renditions refer to.
    pub grids: Vec<GridSlice>,
    /// Largest first; each is scaled from the one before it.
    pub renditions: Vec<VideoRendition>,
    /// Clockwise degrees by which the coded picture is turned for display.
    pub rotation_degrees: u32,
    /// Deinterlace.
    pub interlaced: bool,
    /// What else the probe found out about the pictures.
    #[serde(default)]
    pub picture: Picture,
    /// Pictures with more pixels are refused, in the middle of the stream too.
    pub max_pixels: u64,
    /// One picture for all frames, in place of a video.
    pub still: Option<Still>,
    /// The outputs begin with the init segment: nothing need be put before them when they are joined.
    #[serde(default)]
    pub init_first: bool,
    /// Frames before which decoding starts anew, because what lies between is left out; by time.
    #[serde(default)]
    pub jumps: Vec<Seek>,
    /// Where the encoders of a device find it.
    #[serde(default)]
    pub encode_on: Option<DeviceName>,
    /// Where streams of these codecs are decoded; others are by software. Both make the same pictures.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decode_on: BTreeMap<String, DeviceName>,
    /// Pictures that are laid over the first rendition, and so over all; the last one on top.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

/// A picture over the video, in pixels of the first rendition, all even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which input it is.
    pub input: usize,
    /// What it is scaled to.
    pub width: u32,
    /// What it is scaled to.
    pub height: u32,
    /// Of its upper left corner.
    pub left: u32,
    /// Of its upper left corner.
    pub top: u32,
}

/// The one picture of a still-image video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Still {
    /// The first picture of the stream; a plain one, if that cannot be decoded.
    Cover,
    /// A plain dark one; no stream is read.
    Blank,
    /// The picture that is input 1.
    Given,
}

/// What turns decoded pictures into upright ones of known colours, besides the quarter turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Left and right are swapped before the picture is turned.
    pub mirrored: bool,
    /// Width over height of a pixel where the container states it, which then holds for all frames; none: each frame
    /// says so itself, or its pixels are square.
    pub sample_aspect_ratio: Option<Rational>,
    /// Colours of frames that do not state their own.
    pub colour: Colour,
    /// Which fields the frames of an interlaced stream have.
    pub fields: Fields,
}

/// The fields of an interlaced stream's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// Each frame's own marks tell; those marked as progressive are.
    #[default]
    AsMarked,
    /// All frames are two fields, whatever they are marked as, and the one with the first row is the earlier.
    TopFirst,
    /// The same, but the one with the second row is the earlier.
    BottomFirst,
}

/// For every output frame its presentation time and the source frame that it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridSlice {
    /// Position of the first frame in the whole grid.
    pub first_frame: u64,
    /// Ticks per second of the output track.
    pub timescale: u32,
    /// Presentation times in ticks, strictly rising; one more than there are frames, the last is the end.
    pub times: Vec<i64>,
    /// Timestamps of the source frames shown, in source ticks, never falling; equal neighbours repeat a frame.
    pub source_pts: Vec<i64>,
}

/// One rendition's share of a chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoRendition {
    /// Name in the plan, for messages.
    pub name: String,
    /// Index into [`EncodeChunk::grids`].
    pub grid_index: usize,
    /// Even number of pixels, upright.
    pub width: u32,
    /// Even number of pixels, upright.
    pub height: u32,
    /// "libx264", "libsvtav1", "rav1e", …
    pub encoder: String,
    /// Frames between keyframes; a keyframe at each multiple of it from the slice's first frame.
    pub gop_frames: u32,
    /// Nominal, for rate control.
    pub frame_rate: Rational,
    /// Every setting that changes bytes, by the encoder's own names; an unknown one is an error.
    pub settings: BTreeMap<String, String>,
    /// Colour description to write.
    pub colour: Colour,
    /// "yuv420p" or "yuv420p10le".
    pub pixel_format: String,
    /// Sequence number of the slice's first fragment, from 1.
    pub first_sequence_number: u32,
    /// Frames last differently long: an encoder that can is told their own times.
    #[serde(default)]
    pub variable_rate: bool,
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

/// See [`Task::EncodeAudio`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodeAudio {
    /// Index of the audio stream in the source.
    pub stream_index: usize,
    /// As in [`EncodeChunk::demuxer`].
    pub demuxer: String,
    /// "aac" or "libopus".
    pub encoder: String,
    /// Target bit rate, bit/s.
    pub bitrate_bps: u32,
    /// Of the output; also its timescale.
    pub sample_rate_hz: u32,
    /// Of the output; more channels in the source are mixed down.
    pub channel_count: u32,
    /// Time at which the first sample sounds, in samples.
    pub start_ticks: u64,
    /// Length of a fragment in samples, rounded up to whole codec frames.
    pub fragment_ticks: u32,
    /// BCP 47 tag; empty: not known.
    pub language: String,
    /// Take the source's packets as they are.
    pub copy: bool,
    /// Time of the first sample that sounds, in source ticks: what is missing from there on is silent; none: the track
    /// starts with its first sample that can be decoded.
    pub first_pts: Option<i64>,
    /// As in [`EncodeChunk::init_first`].
    #[serde(default)]
    pub init_first: bool,
    /// Stop after so many fragments, which are those of the whole track; none: the whole track.
    #[serde(default)]
    pub fragment_limit: Option<u32>,
    /// Stretches that are kept, end to end, by time; none: all of it.
    #[serde(default)]
    pub kept: Vec<SampleSpan>,
    /// The track is made of several inputs, one after the other; then stream, demuxer, `first_pts` and `kept` above mean
    /// nothing. None: of input 0.
    #[serde(default)]
    pub parts: Vec<SoundPart>,
}

/// What a track has of one input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundPart {
    /// Samples of the output that it fills: what lies behind is cut off, what is missing is silent; none: as many as there
    /// are, for the last part alone.
    pub samples: Option<u64>,
    /// Samples of silence before what is kept.
    pub silence: u64,
    /// None: silence.
    pub sound: Option<SoundInput>,
}

/// A stream of an input, and what of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundInput {
    /// Which input.
    pub input: usize,
    /// Index of the audio stream in it.
    pub stream_index: usize,
    /// As in [`EncodeChunk::demuxer`].
    pub demuxer: String,
    /// As in [`EncodeAudio::first_pts`].
    pub first_pts: Option<i64>,
    /// As in [`EncodeAudio::kept`].
    pub kept: Vec<SampleSpan>,
}

/// A stretch of a track, samples of the output from the first one that sounds, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSpan {
    /// Its first sample.
    pub start: u64,
    /// The first one behind it.
    pub end: u64,
}

/// See [`Task::ExtractText`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractText {
    /// Indexes of the text streams in the source.
    pub stream_indexes: Vec<usize>,
    /// As in [`EncodeChunk::demuxer`].
    pub demuxer: String,
    /// The source's time that becomes 0, microseconds.
    pub zero_us: i64,
}

/// See [`Task::Storyboard`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storyboard {
    /// Index of the video stream in the source.
    pub stream_index: usize,
    /// As in [`EncodeChunk::demuxer`].
    pub demuxer: String,
    /// As in [`EncodeChunk::rotation_degrees`].
    pub rotation_degrees: u32,
    /// Deinterlace.
    pub interlaced: bool,
    /// As in [`EncodeChunk::picture`].
    pub picture: Picture,
    /// As in [`EncodeChunk::max_pixels`].
    pub max_pixels: u64,
    /// Of one picture.
    pub sprite_width: u32,
    /// Of one picture.
    pub sprite_height: u32,
    /// Pictures beside each other.
    pub columns: u32,
    /// Pictures below each other.
    pub rows: u32,
    /// Row by row from the top left, by time; the rest stays black.
    pub sprites: Vec<Seek>,
}

/// A source frame, and where its decoding starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seek {
    /// As in [`EncodeChunk::seek_pts`].
    pub seek_pts: Option<i64>,
    /// The frame, source ticks.
    pub pts: i64,
}

/// See [`Task::Assemble`]. Inputs: the rendition's chunks in order, then, for `progressive` and `muxed`, the audio track's
/// chunks. Outputs: the single-file fMP4 when `fragmented`, then the progressive MP4 when `progressive`, then the fMP4 with
/// sound inside when `muxed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assemble {
    /// The init segment that all chunks share.
    #[serde(with = "crate::spec::base16")]
    pub init_segment: Vec<u8>,
    /// How many of the inputs belong to the rendition.
    pub chunk_count: usize,
    /// Samples (video: frames) that the joined track must hold.
    pub sample_count: u64,
    /// Write a single-file fMP4.
    pub fragmented: bool,
    /// Write an MP4 with its index first.
    pub progressive: bool,
    /// Init segment of the audio track of files with sound inside; empty: no audio.
    #[serde(with = "crate::spec::base16")]
    pub audio_init_segment: Vec<u8>,
    /// Write a single-file fMP4 of both tracks, of these segments; none: do not.
    #[serde(default)]
    pub muxed: Option<Vec<MuxedSegment>>,
}

/// What makes a segment of a muxed file, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuxedSegment {
    /// Fragments of the video.
    pub video_fragments: usize,
    /// Fragments of the audio.
    pub audio_fragments: usize,
}

/// See [`Task::Trial`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Encoder to try: "libx264", "aac", "rav1e", …
    pub encoder: String,
}

/// Bytes as hexadecimal text, so that assignments stay readable JSON.
pub mod base16 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes bytes as hexadecimal text.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..text.len())
            .step_by(2)
            .map(|at| pair(at).ok_or_else(|| D::Error::custom("not hexadecimal")))
            .collect()
    }
}
