//! `report.json`: what was made of what, by whom, at what cost. The names of fields are a public format: they
//! are added to, never renamed. Times of the machines are milliseconds, media times exact fractions of
//! seconds.
//!
//! The report lies beside the published files, so it holds no secret: no local path, no credentials of a URL.

use serde::Serialize;

use super::rate::Bucket;
use crate::domain::source::{AudioStream, Colour, TextStream};
use crate::domain::{JobId, Rational, RunnerId, TaskId, Timestamp};

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Version of this format: 1.
    pub format: u32,
    /// What was asked for.
    pub job: Job,
    /// What the source is, as the probe found it.
    pub source: Source,
    /// Video renditions, largest first.
    pub renditions: Vec<Rendition>,
    /// Audio tracks, the default one first.
    pub audio: Vec<Audio>,
    /// Subtitles.
    pub subtitles: Vec<Subtitles>,
    /// Small pictures of the video; absent: none were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<Storyboard>,
    /// Every task, the probe first.
    pub tasks: Vec<Task>,
    /// Sums over the job.
    pub totals: Totals,
    /// Published files but this report and the manifest, which is written after it.
    pub files: Vec<File>,
    /// What a person should know of: how the source was understood, what the plan left out.
    pub notes: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// Name of the source: URLs without credentials and query, local files without their folder.
    pub source: String,
    /// Length of the source.
    pub source_bytes: u64,
    /// Profile.
    pub profile: String,
    /// Where the result is.
    pub destination: String,
    /// When it was submitted, milliseconds since 1970.
    pub created_at_ms: Timestamp,
    /// When its last task was done, milliseconds since 1970.
    pub finished_at_ms: Timestamp,
}

/// The probed source, with counts in place of its frame list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// FFmpeg's name of the container format.
    pub demuxer: String,
    /// As the container states it; 0: not stated.
    pub duration_us: u64,
    /// Of everything, bit/s; 0: not known.
    pub bitrate_bps: u64,
    /// Video streams and cover pictures.
    pub video: Vec<SourceVideo>,
    /// Audio streams.
    pub audio: Vec<AudioStream>,
    /// Subtitles that are text.
    pub text: Vec<TextStream>,
}

/// A video stream of the source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceVideo {
    /// Position among the source's streams.
    pub index: u32,
    /// FFmpeg's name.
    pub codec: String,
    /// Coded, before rotation.
    pub width: u32,
    /// Coded, before rotation.
    pub height: u32,
    /// Clockwise: 0, 90, 180, 270.
    pub rotation_degrees: u32,
    /// FFmpeg's name.
    pub pixel_format: String,
    /// Average over the stream.
    pub frame_rate: Rational,
    /// Code points of ISO/IEC 23091-2.
    pub colour: Colour,
    /// By the stream's flags.
    pub interlaced: bool,
    /// A cover picture, not a video.
    pub attached_picture: bool,
    /// Frames that are shown.
    pub frame_count: u64,
    /// Frames at which decoding can start.
    pub keyframe_count: u64,
    /// Of this stream, bit/s; 0: not known.
    pub bitrate_bps: u64,
}

/// An encoder, as the runner of the first chunk named it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Encoder {
    /// As profiles name it.
    pub name: String,
    /// Library and version; empty: the runner is no longer known.
    pub version: String,
}

/// A video rendition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rendition {
    /// Name, which is its folder's.
    pub name: String,
    /// "h264", "hevc", "av1", "vp9".
    pub codec: String,
    /// As in the manifest (RFC 6381).
    pub codecs: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames.
    pub frames: u64,
    /// Nominal.
    pub frame_rate: Rational,
    /// From the first frame's start to the last frame's end, seconds.
    pub duration: Rational,
    /// Length of the fragmented file.
    pub bytes: u64,
    /// Over all segments, bit/s.
    pub average_bitrate_bps: u64,
    /// Of the densest stretch of about one segment (RFC 8216 §4.1), bit/s.
    pub peak_bitrate_bps: u64,
    /// Cap that the encoder was given, bit/s.
    pub max_bitrate_bps: u64,
    /// What made it.
    pub encoder: Encoder,
    /// Whether the joined chunks keep the planned cap; none: there was no cap.
    pub bucket: Option<Bucket>,
    /// Length of the progressive file; none: not asked for.
    pub progressive_bytes: Option<u64>,
    /// Length of the muxed file; none: not asked for.
    pub muxed_bytes: Option<u64>,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audio {
    /// Name, which is its folder's.
    pub name: String,
    /// "aac", "opus".
    pub codec: String,
    /// As in the manifest (RFC 6381).
    pub codecs: String,
    /// As the source names it; empty: not known.
    pub language: String,
    /// Of the output.
    pub sample_rate_hz: u32,
    /// Of the output.
    pub channel_count: u32,
    /// Samples, the encoder's priming left out.
    pub samples: u64,
    /// Of those samples, seconds.
    pub duration: Rational,
    /// Length of the fragmented file.
    pub bytes: u64,
    /// Over all segments, bit/s.
    pub average_bitrate_bps: u64,
    /// As for video.
    pub peak_bitrate_bps: u64,
    /// What made it; the name is "copy" when the source's packets were taken as they are.
    pub encoder: Encoder,
}

/// A track of subtitles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subtitles {
    /// Name, which is its folder's.
    pub name: String,
    /// As the source names it; empty: not known.
    pub language: String,
    /// Pieces of text with a time.
    pub cues: u64,
    /// Length of the WebVTT file.
    pub bytes: u64,
}

/// The storyboard, `storyboard.jpg`: pictures row by row from the top left, the rest black.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storyboard {
    /// Of one picture, pixels.
    pub sprite_width: u32,
    /// Of one picture, pixels.
    pub sprite_height: u32,
    /// Pictures beside each other.
    pub columns: u32,
    /// Pictures below each other.
    pub rows: u32,
    /// Pictures that are there.
    pub sprites: u64,
    /// From one picture to the next.
    pub seconds_per_sprite: u32,
    /// Length of the file.
    pub bytes: u64,
}

/// A task. Costs are those of the attempt that won; `totals` count all attempts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
    /// Id.
    pub id: TaskId,
    /// "probe", "encode_chunk", "encode_audio", "extract_text", "storyboard", "assemble".
    pub kind: &'static str,
    /// Which of its kind: of the chunks, audio tracks or renditions; 0 for the probe.
    pub index: u32,
    /// Name of the runner that did it; its id when it is no longer known.
    pub runner: String,
    /// Id of that runner.
    pub runner_id: Option<RunnerId>,
    /// Attempts, the one that won included.
    pub attempts: u64,
    /// From being ready to the first lease.
    pub queued_ms: u64,
    /// From start to the last byte uploaded.
    pub ran_ms: u64,
    /// Of that, waiting for reads and uploads.
    pub transferred_ms: u64,
    /// CPU time of the engine.
    pub cpu_ms: u64,
    /// Largest resident memory of the engine; 0: not measured.
    pub peak_memory_bytes: u64,
    /// Bytes in.
    pub bytes_downloaded: u64,
    /// Bytes out.
    pub bytes_uploaded: u64,
    /// Frames: of a chunk, in its finest frame grid; of an assembly, joined. 0 for audio and the probe.
    pub frames: u64,
}

/// Sums over the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// From submission to the end of the last task.
    pub wall_ms: u64,
    /// Over all attempts that were measured, the lost ones included.
    pub cpu_ms: u64,
    /// Likewise.
    pub bytes_downloaded: u64,
    /// Likewise.
    pub bytes_uploaded: u64,
    /// Attempts at all tasks.
    pub attempts: u64,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Below the destination, parts divided by `/`.
    pub path: String,
    /// Length.
    pub bytes: u64,
}

impl Report {
    /// The text of `report.json`.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("the report's keys are strings");
        text.push('\n');
        text
    }
}
