//! Tokens and runners.

use serde::{Deserialize, Serialize};

use crate::domain::runner::Capabilities;
use crate::domain::{RunnerId, Timestamp};

/// A join token. The token itself is shown once and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// For lists and revocation.
    pub id: String,
    /// SHA-256 of the token, hexadecimal.
    #[serde(skip)]
    pub digest: String,
    /// What it is for, for people.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is worthless.
    pub expires_at: Timestamp,
    /// How many runners may still join with it; 0 when used up or revoked.
    pub uses_left: u32,
}

/// A runner that is about to join.
#[derive(Clone, Debug)]
pub struct NewRunner {
    /// Its id.
    pub id: RunnerId,
    /// For people; empty: the id.
    pub name: String,
    /// SHA-256 of its secret, hexadecimal.
    pub secret_digest: String,
}

/// Whether a runner could join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// It is in.
    Joined,
    /// No such token.
    UnknownToken,
    /// The token's time is over.
    Expired,
    /// The token is used up or revoked.
    UsedUp,
}

/// A runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunnerRecord {
    /// Its id.
    pub id: RunnerId,
    /// For people.
    pub name: String,
    /// What it offers, since its first beat.
    pub capabilities: Capabilities,
    /// When it joined.
    pub joined_at: Timestamp,
    /// Its last beat; none: never.
    pub last_seen_at: Option<Timestamp>,
    /// Attempts that it holds now.
    pub live_attempts: u32,
    /// It takes no more work.
    pub draining: bool,
    /// Failures that were its fault.
    pub strikes: u32,
}

impl RunnerRecord {
    /// It was heard of within the last `live_ms` milliseconds.
    pub fn is_live(&self, now: Timestamp, live_ms: i64) -> bool {
        self.last_seen_at.is_some_and(|seen| seen.plus_ms(live_ms) >= now)
    }
}
