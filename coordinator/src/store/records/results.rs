//! From uploads to sealed results and plans.

use serde::{Deserialize, Serialize};

use super::ClaimedTask;
use crate::domain::outcome::{Outcome, Usage};
use crate::domain::plan::PlannedTask;
use crate::domain::{AttemptId, JobId, Plan, TaskId};
use crate::objects::Location;

/// A multipart upload made for an output of an attempt, later the object that it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    /// Of which job.
    pub job_id: JobId,
    /// Whose.
    pub attempt_id: AttemptId,
    /// Which output.
    pub output_index: u32,
    /// Where it goes.
    pub object: Location,
    /// As the store named it.
    pub upload_id: String,
    /// True: the object is removed when the job is over; false: it is part of what is published.
    pub scratch: bool,
    /// The attempt was accepted: an object is (or is about to be) there, not only an upload.
    pub accepted: bool,
}

/// An object that an accepted attempt has uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    /// Where it lies.
    pub at: Location,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 over its bytes, hexadecimal.
    pub sha256: String,
    /// Part ETags as the store gave them, in order: what completes the upload.
    pub etags: Vec<String>,
}

/// What an attempt offers for acceptance.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedResult {
    /// What came out.
    pub outcome: Outcome,
    /// What was uploaded, by output index.
    pub objects: Vec<StoredObject>,
    /// What it cost.
    pub usage: Usage,
}

/// Whether a result was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It won: its uploads may be completed.
    Accepted,
    /// It had won before (the answer was lost): complete what is not, then say so again.
    Repeated {
        /// Nothing is left to do.
        sealed: bool,
    },
    /// The lease is not the task's any more.
    Stale,
}

/// An accepted attempt that waits for its seal.
#[derive(Clone, Debug, PartialEq)]
pub struct SealingAttempt {
    /// The attempt and its task with outcome and objects.
    pub claimed: ClaimedTask,
    /// Its uploads, by output index.
    pub uploads: Vec<UploadRecord>,
}

/// A plan with ids for its tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPlan {
    /// What was planned.
    pub plan: Plan,
    /// Its tasks; `depends_on` points to earlier ones of this list, so there can be no circle.
    pub tasks: Vec<(TaskId, PlannedTask)>,
}
