//! A job and its states.
//!
//! ```text
//! WAITING_FOR_PARENT_JOB --parent completed--> PENDING --accept--> PROCESSING --success--> COMPLETING --> COMPLETED
//!        |                                        ^ <--abort, stall, error (< 5)-- |
//!        +--parent errored--> PARENT_ERRORED                                      +--error (5th)--> ERRORED
//!        +--parent cancelled--> PARENT_CANCELLED          cancel of PENDING, PROCESSING, WAITING --> CANCELLED
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

/// A job's state; the numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Anybody may take it.
    Pending = 1,
    /// Somebody works on it.
    Processing = 2,
    /// Done.
    Completed = 3,
    /// Failed for good.
    Errored = 4,
    /// Its parent is not done.
    WaitingForParent = 5,
    /// Given up by an admin.
    Cancelled = 6,
    /// Its parent failed for good.
    ParentErrored = 7,
    /// Its parent was given up.
    ParentCancelled = 8,
    /// The instance works on its result.
    Completing = 9,
}

/// A file of a result, in the model's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Name of the part, such as `videoFile`.
    pub part: String,
    /// As the runner called it.
    pub file_name: String,
    /// As the runner declared it.
    pub content_type: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// A job as the instance keeps it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub uuid: String,
    /// Such as `vod-hls-transcoding`.
    pub kind: String,
    /// What it asks for.
    pub payload: Value,
    /// Where it stands.
    pub state: State,
    /// Lower is more urgent.
    pub priority: u32,
    /// How often it was reported as failed.
    pub failures: u32,
    /// Last progress that was told.
    pub progress: Option<u8>,
    /// Why it failed.
    pub error: Option<String>,
    /// The video that it is about.
    pub video: String,
    /// The job that has to be done before.
    pub parent: Option<String>,
    /// How often it went back to the line because nothing was heard of it.
    pub stalls: u32,
    /// How often a result of it was taken.
    pub answers: u32,
    /// Bytes of files that were sent for it.
    pub served_bytes: u64,
    /// What was handed in.
    pub files: Vec<Stored>,
    /// What was said with it.
    pub texts: BTreeMap<String, String>,
    /// Why it was given back, each time.
    pub reasons: Vec<String>,
    pub(super) runner_token: Option<String>,
    pub(super) token: Option<String>,
    pub(super) touched_ms: u64,
}

impl Job {
    pub(super) fn listed(&self) -> Value {
        json!({ "uuid": self.uuid, "type": self.kind, "payload": self.payload })
    }

    pub(super) fn accepted(&self) -> Value {
        json!({
            "uuid": self.uuid, "type": self.kind, "payload": self.payload,
            "state": { "id": self.state as u8, "label": "Processing" },
            "progress": self.progress, "priority": self.priority, "failures": self.failures, "error": self.error,
            "runner": { "id": 1, "name": "runner", "description": null },
            "jobToken": self.token,
        })
    }

    /// Files that its result must have, and the texts.
    pub(super) fn wanted(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self.kind.as_str() {
            "vod-hls-transcoding" => (&["videoFile", "resolutionPlaylistFile"], &[]),
            "video-transcription" => (&["vttFile"], &["inputLanguage"]),
            "generate-video-storyboard" => (&["storyboardFile"], &[]),
            "live-rtmp-hls-transcoding" => (&[], &[]),
            _ => (&["videoFile"], &[]),
        }
    }

    pub(super) fn resolution(&self) -> u64 {
        self.payload["output"]["resolution"].as_u64().unwrap_or(0)
    }
}
