//! What came of a simulation.

use super::bound::Least;

/// The life of a job.
#[derive(Clone, Debug)]
pub struct JobHistory {
    /// When it was submitted, milliseconds.
    pub arrival_ms: i64,
    /// When its plan was stored.
    pub planned_ms: Option<i64>,
    /// When its last chunk was sealed.
    pub encoded_ms: Option<i64>,
    /// When its sound was sealed.
    pub sound_ms: Option<i64>,
    /// When it was published; none: it failed.
    pub published_ms: Option<i64>,
    /// Length of the video.
    pub seconds: u32,
    /// Chunks of its plan.
    pub chunks: usize,
    /// For the bound.
    pub least: Option<Least>,
}

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct History {
    /// In the order of submission.
    pub jobs: Vec<JobHistory>,
    /// From 0 to the last publication.
    pub makespan_ms: i64,
    /// What no scheduler can beat.
    pub bound_ms: f64,
    /// Time of slots that were occupied, over all time of slots.
    pub busy_share: f64,
    /// Work of attempts that came to nothing, over all work.
    pub wasted_share: f64,
    /// Attempts of all tasks.
    pub attempts: u64,
    /// Tasks, and how many seals there were: equal when each was sealed exactly once.
    pub tasks: u64,
    /// Seals.
    pub seals: u64,
}

impl History {
    /// Makespan over the lower bound.
    pub fn ratio(&self) -> f64 {
        self.makespan_ms as f64 / self.bound_ms
    }

    /// Jobs that were published.
    pub fn published(&self) -> usize {
        self.jobs.iter().filter(|job| job.published_ms.is_some()).count()
    }

    /// The middle one of the times from submission to publication of videos of at most so many seconds.
    pub fn median_wait_ms(&self, longest_seconds: u32) -> Option<i64> {
        let short = self.jobs.iter().filter(|job| job.seconds <= longest_seconds);
        let mut waits: Vec<i64> = short.filter_map(|job| Some(job.published_ms? - job.arrival_ms)).collect();
        waits.sort_unstable();
        waits.get(waits.len() / 2).copied()
    }
}
