//! Jobs.

use serde::{Deserialize, Serialize};

use crate::domain::edit::Edit;
use crate::domain::{Failure, JobId, JobState, Timestamp};
use crate::objects::{Destination, Location};

/// What was submitted beside the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extras {
    /// The objects: the picture or the sound, then what the edits put in.
    pub objects: Vec<ExtraObject>,
    /// The first object is the picture of a still-image video.
    pub has_picture: bool,
    /// The first object is the sound of the source, which holds the pictures alone.
    pub has_sound: bool,
    /// What of the source is kept, and what is put in.
    pub edits: Vec<Edit>,
}

impl Extras {
    /// The picture or the sound.
    pub fn beside(&self) -> &[ExtraObject] {
        &self.objects[..self.beside_count()]
    }

    /// What the edits put in, by number.
    pub fn inserts(&self) -> &[ExtraObject] {
        &self.objects[self.beside_count()..]
    }

    fn beside_count(&self) -> usize {
        (usize::from(self.has_picture) + usize::from(self.has_sound)).min(self.objects.len())
    }
}

/// An object that was submitted beside the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtraObject {
    /// What runners read.
    pub at: Location,
    /// Its length.
    pub size_bytes: u64,
}

/// A job that is about to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// The source as it was named by the submitter, for people.
    pub source: String,
    /// The object that runners read.
    pub source_object: Location,
    /// Length of that object.
    pub source_bytes: u64,
    /// True: the object is ours and is removed when the job is over.
    pub source_is_ours: bool,
    /// Name of its profile.
    pub profile: String,
    /// The profile as it was then, as JSON: later edits do not change a running job.
    pub profile_json: String,
    /// Where the result goes.
    pub destination: Destination,
    /// Fixed chunk length, seconds; none: the planner decides.
    pub chunk_seconds: Option<u32>,
    /// Lower runs first.
    pub priority: i32,
    /// Show it while it is being encoded.
    pub progressive_publish: bool,
    /// Whose it is, for shares in the fleet.
    pub tenant: String,
    /// A repeated submission under the same key finds the first one's job.
    pub idempotency_key: Option<String>,
    /// What was submitted beside the source.
    pub extras: Extras,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// A new job.
    Created,
    /// The job of an earlier submission under the same key.
    Existing(JobId),
    /// A job that writes to the same destination, or whose half result still lies there.
    Taken(JobId),
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// As the submitter named it.
    pub source: String,
    /// What runners read.
    pub source_object: Location,
    /// Its length.
    pub source_bytes: u64,
    /// The object is ours to remove.
    pub source_is_ours: bool,
    /// Name of its profile.
    pub profile: String,
    /// The profile as it was at submission.
    #[serde(skip)]
    pub profile_json: String,
    /// Where the result goes.
    pub destination: Destination,
    /// Fixed chunk length, seconds.
    pub chunk_seconds: Option<u32>,
    /// Lower runs first.
    pub priority: i32,
    /// It is shown while it is being encoded.
    pub progressive_publish: bool,
    /// Whose it is, for shares in the fleet.
    pub tenant: String,
    /// What was submitted beside the source.
    pub extras: Extras,
    /// Where it stands.
    pub state: JobState,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it was published, failed or cancelled.
    pub ended_at: Option<Timestamp>,
}
