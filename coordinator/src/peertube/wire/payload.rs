//! What a job asks for, by its type. URLs are as the instance wrote them; `Trust` checks them before they are followed.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::JobType;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A progressive MP4.
    WebVideo(WebVideo),
    /// A fragmented MP4 and its playlist.
    Hls(Hls),
    /// A video made of a sound and a picture.
    AudioMerge(AudioMerge),
    /// An edited video.
    Studio(Studio),
    /// Preview pictures.
    Storyboard(Storyboard),
    /// Captions.
    Transcription(Transcription),
    /// Nothing that we can do.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// A video to read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The file with the best picture; the sound's where only sound is asked for.
    pub video_file_url: String,
    /// The sound, where it lies in a file of its own (from 6.3 on).
    #[serde(default)]
    pub separated_audio_file_url: Vec<String>,
}

/// A picture to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// The short side in pixels; 0: sound alone.
    pub resolution: u32,
    /// Frames a second; 0 for sound alone. Other servers than PeerTube send fractions: the nearest whole number.
    #[serde(deserialize_with = "frames_a_second")]
    pub fps: u32,
}

/// `vod-web-video-transcoding`: `videoFile` is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebVideo {
    /// What to read.
    pub input: Input,
    /// What to make.
    pub output: Output,
}

/// `vod-hls-transcoding`: `videoFile` and `resolutionPlaylistFile` are answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hls {
    /// What to read.
    pub input: Input,
    /// What to make.
    pub output: HlsOutput,
}

/// What an HLS job makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HlsOutput {
    /// The picture.
    #[serde(flatten)]
    pub picture: Output,
    /// The picture goes without sound, which has a rendition of its own (from 6.3 on).
    #[serde(default)]
    pub separated_audio: bool,
}

/// `vod-audio-merge-transcoding`: `videoFile` is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AudioMerge {
    /// What to read.
    pub input: AudioMergeInput,
    /// What to make.
    pub output: Output,
}

/// A sound and its picture.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioMergeInput {
    /// The sound.
    pub audio_file_url: String,
    /// The picture, a JPEG.
    pub preview_file_url: String,
}

/// `video-studio-transcoding`: `videoFile` is answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Studio {
    /// What to read.
    pub input: Input,
    /// What to do, one after the other.
    pub tasks: Vec<StudioTask>,
}

/// One edit. Times are those of the video as the tasks before have left it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "name", content = "options", rename_all = "kebab-case")]
pub enum StudioTask {
    /// Keep what lies between.
    Cut {
        /// First moment that is kept; none: the beginning.
        #[serde(default, rename = "start", deserialize_with = "maybe_milliseconds")]
        start_ms: Option<u64>,
        /// First moment that is not kept; none: the end.
        #[serde(default, rename = "end", deserialize_with = "maybe_milliseconds")]
        end_ms: Option<u64>,
    },
    /// Put a clip before it.
    AddIntro {
        /// The clip's URL.
        file: String,
    },
    /// Put a clip after it.
    AddOutro {
        /// The clip's URL.
        file: String,
    },
    /// Lay a picture over it.
    #[serde(rename_all = "camelCase")]
    AddWatermark {
        /// The picture's URL.
        file: String,
        /// Its height, of the video's.
        watermark_size_ratio: f64,
        /// Its distance from the right edge, of the video's height.
        horizontal_margin_ratio: f64,
        /// Its distance from the upper edge, of the video's height.
        vertical_margin_ratio: f64,
    },
    /// Take parts out (from 8.2 on).
    RemoveSegments {
        /// What is taken out.
        segments: Vec<Segment>,
    },
}

/// A part of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Segment {
    /// Its first moment.
    #[serde(rename = "start", deserialize_with = "milliseconds")]
    pub start_ms: u64,
    /// The first moment after it.
    #[serde(rename = "end", deserialize_with = "milliseconds")]
    pub end_ms: u64,
}

/// `generate-video-storyboard`: `storyboardFile`, a JPEG, is answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Storyboard {
    /// What to read.
    pub input: Input,
    /// What to make.
    pub sprites: Sprites,
}

/// A grid of small pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Sprites {
    /// Of each, pixels.
    pub size: Extent,
    /// How many in each direction.
    pub count: Extent,
    /// From one to the next.
    #[serde(rename = "duration", deserialize_with = "milliseconds")]
    pub duration_ms: u64,
}

/// Width and height, of pixels or of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Extent {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// `video-transcription`: `inputLanguage` and `vttFile` are answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transcription {
    /// What to read.
    pub input: Input,
}

impl Payload {
    /// Reads what a job of a type asks for.
    pub fn read(job_type: &JobType, payload: &Value) -> Self {
        if wants_custom_upload(payload) {
            return Self::unknown("its result is to be uploaded somewhere else than to the instance");
        }
        match job_type {
            JobType::VodWebVideo => shape(payload, Self::WebVideo),
            JobType::VodHls => shape(payload, Self::Hls),
            JobType::VodAudioMerge => shape(payload, Self::AudioMerge),
            JobType::VideoStudio => shape(payload, Self::Studio),
            JobType::Storyboard => shape(payload, Self::Storyboard),
            JobType::VideoTranscription => shape(payload, Self::Transcription),
            JobType::LiveRtmpHls | JobType::Other(_) => Self::unknown("a fleet does no work of this type"),
        }
    }

    fn unknown(reason: impl ToString) -> Self {
        Self::Unknown { reason: reason.to_string() }
    }
}

fn shape<T: DeserializeOwned>(payload: &Value, make: impl FnOnce(T) -> Payload) -> Payload {
    T::deserialize(payload).map_or_else(Payload::unknown, make)
}

/// PeerTube itself never asks for it; servers of others do.
fn wants_custom_upload(payload: &Value) -> bool {
    let output = payload.get("output").and_then(Value::as_object);
    output.is_some_and(|output| {
        output.iter().any(|(name, value)| name.ends_with("CustomUpload") && !value.is_null())
    })
}

fn frames_a_second<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let rate = f64::deserialize(from)?.round();
    let is_rate = (0.0..=f64::from(u32::MAX)).contains(&rate);
    if is_rate { Ok(rate as u32) } else { Err(D::Error::custom("no rate of a video")) }
}

/// Seconds with a fraction on the wire; whole milliseconds here.
fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    whole(f64::deserialize(from)?)
}

fn maybe_milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Option::<f64>::deserialize(from)?.map(whole).transpose()
}

fn whole<E: Error>(seconds: f64) -> Result<u64, E> {
    let milliseconds = (seconds * 1000.0).round();
    // Far more than any video: what is above is a mistake, and would not be exact.
    if (0.0..=1e12).contains(&milliseconds) {
        Ok(milliseconds as u64)
    } else {
        Err(E::custom("no time in a video"))
    }
}
