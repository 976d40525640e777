//! Where a device stands with its runner.
//!
//! ```text
//!            a task failed on it
//!  offered ───────────────────────> on probation ──(the time is over)──> tried again
//!     ^                                  ^                                  |   |
//!     |                                  +───────────(it failed)────────────+   |
//!     +──────────────────────────────────────────────(it passed)────────────────+
//! ```
//! Each failure without a task done in between doubles the time.

use serde::{Deserialize, Serialize};

/// The first probation, seconds.
const FIRST_SECONDS: u64 = 30;

/// The longest.
const LONGEST_SECONDS: u64 = 24 * 3600;

/// Failures of a device that no success has made good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probation {
    /// In a row.
    pub failures: u32,
    /// Not offered before, seconds since the Unix epoch.
    pub until: u64,
    /// What went wrong last, for people.
    pub why: String,
}

impl Probation {
    /// After one failure more.
    pub fn failed(&self, why: &str, now: u64) -> Self {
        let doublings = self.failures.min(20);
        let seconds = (FIRST_SECONDS << doublings).min(LONGEST_SECONDS);
        Self {
            failures: self.failures.saturating_add(1),
            until: now.saturating_add(seconds),
            why: why.to_owned(),
        }
    }
}

/// How many sessions a device is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// As found by trial, and by refusals since.
    pub limit: u32,
    /// Held by attempts.
    pub used: u32,
}

impl Sessions {
    /// What could be started now.
    pub fn free(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }

    /// After an attempt that held `count` of them was refused one: it got fewer than it wanted, so the device carries what
    /// the others hold and less than `count` besides. Somebody else on this machine uses it too.
    pub fn refused(self, count: u32) -> Self {
        let others = self.used.saturating_sub(count);
        Self { limit: self.limit.min(others + count.saturating_sub(1)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_time_up_to_a_day() {
        let mut probation = Probation::default();
        let mut waits = Vec::new();
        for _ in 0..14 {
            probation = probation.failed("why", 1000);
            waits.push(probation.until - 1000);
        }
        assert_eq!(waits[..4], [30, 60, 120, 240]);
        assert_eq!(waits[13], LONGEST_SECONDS);
        let forever = Probation { failures: u32::MAX, ..probation };
        assert_eq!(forever.failed("why", u64::MAX).until, u64::MAX);
    }

    #[test]
    fn a_refusal_lowers_the_limit_and_never_raises_it() {
        let sessions = |limit, used| Sessions { limit, used };
        assert_eq!(sessions(16, 5).refused(5), sessions(4, 5));
        assert_eq!(sessions(16, 10).refused(5), sessions(9, 10));
        assert_eq!(sessions(3, 1).refused(1), sessions(0, 1));
        assert_eq!(sessions(2, 5).refused(3), sessions(2, 5));
        assert_eq!(sessions(4, 5).free(), 0);
    }
}
