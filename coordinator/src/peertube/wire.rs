//! What an instance says: jobs and registrations, as JSON. Fields that came with later versions are optional, unknown
//! ones are skipped, and a job of an unknown type is a job that is not for us.

pub mod payload;

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::config::Secret;
use payload::Payload;

/// The token of one accepted job; `Debug` shows only that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct JobToken(Secret);

impl JobToken {
    /// Wraps a token that was stored.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// The token itself.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// A job's name in paths. Its characters are checked, so that it is one segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobUuid(String);

impl JobUuid {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobUuid {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl TryFrom<String> for JobUuid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_short = (1..=64).contains(&text.len());
        let is_name = is_short && text.bytes().all(is_plain);
        if is_name { Ok(Self(text)) } else { Err("a job's uuid is 1 to 64 letters, digits and dashes") }
    }
}

impl<'de> Deserialize<'de> for JobUuid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// An id of the instance's database: a number on PeerTube, a UUID elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// PeerTube's.
    Number(u64),
    /// That of other servers.
    Text(String),
}

/// What kind of work a job is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
pub enum JobType {
    /// A progressive MP4.
    VodWebVideo,
    /// A fragmented MP4 and its playlist.
    VodHls,
    /// A video made of a sound and a picture.
    VodAudioMerge,
    /// A live stream.
    LiveRtmpHls,
    /// An edited video.
    VideoStudio,
    /// Captions out of speech.
    VideoTranscription,
    /// Preview pictures for the player's time line.
    Storyboard,
    /// One that is not known here.
    Other(String),
}

const NAMES: [(JobType, &str); 7] = [
    (JobType::VodWebVideo, "vod-web-video-transcoding"),
    (JobType::VodHls, "vod-hls-transcoding"),
    (JobType::VodAudioMerge, "vod-audio-merge-transcoding"),
    (JobType::LiveRtmpHls, "live-rtmp-hls-transcoding"),
    (JobType::VideoStudio, "video-studio-transcoding"),
    (JobType::VideoTranscription, "video-transcription"),
    (JobType::Storyboard, "generate-video-storyboard"),
];

impl JobType {
    /// As it is called on the wire.
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name)
    }
}

impl From<String> for JobType {
    fn from(name: String) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or(Self::Other(name), |(kind, _)| kind.clone())
    }
}

/// What `register` answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The runner's id at the instance.
    pub id: Id,
    /// By which the runner is known from now on.
    pub runner_token: Secret,
}

/// A job that waits for a runner. Seeing it gives no right to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Listed")]
pub struct AvailableJob {
    /// Its name.
    pub uuid: JobUuid,
    /// What kind of work it is.
    pub job_type: JobType,
    /// What is to be done.
    pub payload: Payload,
}

#[derive(Deserialize)]
struct Listed {
    uuid: JobUuid,
    r#type: JobType,
    #[serde(default)]
    payload: Value,
}

impl From<Listed> for AvailableJob {
    fn from(job: Listed) -> Self {
        let payload = Payload::read(&job.r#type, &job.payload);
        Self { uuid: job.uuid, job_type: job.r#type, payload }
    }
}

/// A job that is ours, until the instance says otherwise.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Taken")]
pub struct AcceptedJob {
    /// Its name.
    pub uuid: JobUuid,
    /// What kind of work it is.
    pub job_type: JobType,
    /// What is to be done.
    pub payload: Payload,
    /// The payload as it came, for storing: [`Payload::read`] reads it again.
    pub payload_json: Value,
    /// The right to it.
    pub token: JobToken,
    /// Lower is more urgent. 100 and some for what a video needs to be shown, 10000 and some for the rest.
    pub priority: i64,
    /// How often it has failed, on any runner.
    pub failures: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    uuid: JobUuid,
    r#type: JobType,
    #[serde(default)]
    payload: Value,
    job_token: JobToken,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    failures: u32,
}

impl From<Taken> for AcceptedJob {
    fn from(job: Taken) -> Self {
        Self {
            uuid: job.uuid,
            payload: Payload::read(&job.r#type, &job.payload),
            job_type: job.r#type,
            payload_json: job.payload,
            token: job.job_token,
            priority: job.priority,
            failures: job.failures,
        }
    }
}

/// What `jobs/request` answers. An entry that does not read is skipped: it must not hide the others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    available_jobs: Vec<Value>,
}

impl Listing {
    pub(super) fn into_jobs(self) -> Vec<AvailableJob> {
        self.available_jobs.into_iter().filter_map(|job| serde_json::from_value(job).ok()).collect()
    }
}

/// What `accept` answers.
#[derive(Debug, Deserialize)]
pub(super) struct Acceptance {
    pub job: AcceptedJob,
}
