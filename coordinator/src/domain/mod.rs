//! What the fleet is made of: jobs, their plans, tasks, attempts, leases and runners. Pure data and pure transitions:
//! nothing here does I/O or reads a clock, so every rule can be tested by a table.

pub mod benchmark;
pub mod capacity;
pub mod choice;
pub mod damage;
pub mod dispatch;
pub mod edit;
pub mod failure;
pub mod ids;
pub mod job;
pub mod language;
pub mod lease;
pub mod limits;
pub mod outcome;
pub mod plan;
pub mod rational;
pub mod runner;
pub mod sequence;
pub mod source;
pub mod task;
pub mod time;
pub mod work;

pub use failure::{Failure, FailureClass};
pub use ids::{AttemptId, JobId, RunnerId, TaskId};
pub use job::JobState;
pub use lease::{LeaseRef, Token};
pub use limits::Limits;
pub use plan::Plan;
pub use rational::Rational;
pub use sequence::Sequence;
pub use task::{TaskKind, TaskState};
pub use time::Timestamp;
pub use work::Work;
