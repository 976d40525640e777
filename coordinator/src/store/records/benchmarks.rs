//! Results of benchmarks.

use crate::domain::benchmark::Findings;
use crate::domain::{RunnerId, Timestamp};

/// A result that was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBenchmark {
    /// Of the order that it answers.
    pub id: String,
    /// Whose.
    pub runner_id: RunnerId,
    /// What was found.
    pub findings: Findings,
}

/// A result that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchmarkRecord {
    /// Of the order that it answers.
    pub id: String,
    /// Whose.
    pub runner_id: RunnerId,
    /// That runner's name.
    pub runner_name: String,
    /// When it came.
    pub measured_at: Timestamp,
    /// What was found.
    pub findings: Findings,
}
