//! What scheduling knows and people may ask for: speeds, and why tasks wait.

use serde::{Deserialize, Serialize};

use crate::domain::{RunnerId, TaskId, Timestamp};

/// Speed of a runner at a class of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedRecord {
    /// "libx264 veryfast 1080".
    pub class: String,
    /// Of one slot.
    pub pixels_per_second: u64,
    /// Last.
    pub measured_at: Timestamp,
}

/// What stands between a job's ready tasks and their runners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Ready tasks of the job that are not like any other.
    pub tasks: Vec<WaitingTask>,
    /// What is ready of other jobs and comes first, by priority and tenant.
    pub ahead: Vec<Ahead>,
    /// What each runner with work still has to do, milliseconds until each of its slots is free.
    pub busy: Vec<(RunnerId, Vec<u64>)>,
}

/// A ready task that has a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTask {
    /// Which.
    pub task_id: TaskId,
    /// Since when it has been left for a faster runner.
    pub left_since: Option<Timestamp>,
    /// On whose machines it failed.
    pub failed_on: Vec<RunnerId>,
    /// An object of an earlier attempt is still being removed.
    pub is_in_the_way: bool,
}

/// Ready tasks of other jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Of which priority.
    pub priority: i32,
    /// Whose.
    pub tenant: String,
    /// How many jobs.
    pub jobs: u64,
    /// How many tasks.
    pub tasks: u64,
    /// Expected work, milliseconds of an ordinary slot.
    pub cost_ms: u64,
}
