//! The life of a job.
//!
//! ```text
//!  probing --> running --> publishing --> published
//!     |           |            |
//!     +-----------+------------+--> failed --(retry)--> probing | running
//!     +-----------+------------+--> cancelled
//! ```
//! `publishing` begins when the last task is done; `published` is reached after the manifest, written last, is there.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its probe task is waiting or running; there is no plan yet.
    Probing,
    /// Planned; its tasks are being worked on.
    Running,
    /// Every task is done; playlists and manifest are being written.
    Publishing,
    /// The manifest is there. Final.
    Published,
    /// Given up, with a failure.
    Failed,
    /// Called off by somebody. Final.
    Cancelled,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// The plan is stored.
    Planned,
    /// The last task is done.
    TasksDone,
    /// The manifest is written.
    ManifestWritten,
    /// A task was given up, or publication failed for good.
    GivenUp,
    /// Somebody called it off.
    Cancel,
    /// Somebody wants another try; `planned` tells whether a plan is there.
    Retry {
        /// The plan survived.
        planned: bool,
    },
}

/// The event does not happen to a job in that state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot be {event:?}", .state.as_str())]
pub struct IllegalJobEvent {
    /// Where the job stands.
    pub state: JobState,
    /// What was to happen.
    pub event: JobEvent,
}

impl JobState {
    /// The state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probing => "probing",
            Self::Running => "running",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// All states, for parsing and filters.
    pub const ALL: [Self; 6] =
        [Self::Probing, Self::Running, Self::Publishing, Self::Published, Self::Failed, Self::Cancelled];

    /// The reverse of [`JobState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Nothing more happens unless somebody asks.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Published | Self::Failed | Self::Cancelled)
    }

    /// The state after `event`.
    pub fn apply(self, event: JobEvent) -> Result<Self, IllegalJobEvent> {
        match (self, event) {
            (Self::Probing, JobEvent::Planned) => Ok(Self::Running),
            (Self::Running, JobEvent::TasksDone) => Ok(Self::Publishing),
            (Self::Publishing, JobEvent::ManifestWritten) => Ok(Self::Published),
            (Self::Probing | Self::Running | Self::Publishing, JobEvent::GivenUp) => Ok(Self::Failed),
            (Self::Probing | Self::Running | Self::Publishing | Self::Failed, JobEvent::Cancel) => {
                Ok(Self::Cancelled)
            }
            (Self::Failed, JobEvent::Retry { planned: false }) => Ok(Self::Probing),
            (Self::Failed, JobEvent::Retry { planned: true }) => Ok(Self::Running),
            (state, event) => Err(IllegalJobEvent { state, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_goes_its_way_to_publication() {
        let way = [JobEvent::Planned, JobEvent::TasksDone, JobEvent::ManifestWritten];
        let end = way.into_iter().try_fold(JobState::Probing, JobState::apply);
        assert_eq!(end, Ok(JobState::Published));
    }

    #[test]
    fn what_is_published_or_cancelled_stays_so() {
        let events = [
            JobEvent::Planned,
            JobEvent::TasksDone,
            JobEvent::ManifestWritten,
            JobEvent::GivenUp,
            JobEvent::Cancel,
            JobEvent::Retry { planned: true },
        ];
        for event in events {
            assert!(JobState::Published.apply(event).is_err(), "{event:?}");
            assert!(JobState::Cancelled.apply(event).is_err(), "{event:?}");
        }
    }

    #[test]
    fn every_state_parses_back() {
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
    }
}
