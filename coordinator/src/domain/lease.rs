//! Leases: the right of one attempt to speak for a task. Token and epoch fence every later word of an attempt: what
//! comes under another token than the task's newest is refused, however late it arrives.

use serde::{Deserialize, Serialize};

use super::ids::AttemptId;

/// How long a lease lives without renewal, milliseconds.
pub const LEASE_MS: i64 = 45_000;

/// After how long without an answer a runner stops its attempts by itself, milliseconds. Less than [`LEASE_MS`], so
/// that a cut-off runner has stopped before its task is given to another.
pub const SELF_STOP_MS: u32 = 30_000;

/// A random secret of one lease.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A token out of random text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Token(…)")
    }
}

/// Names an attempt and proves the right to speak for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRef {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// Its secret.
    pub token: Token,
    /// Rises with every lease of the task.
    pub epoch: u64,
}
