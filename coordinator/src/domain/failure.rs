//! Failure classes: whose fault a failure is decides whether and where the task is tried again.
//!
//! | class | retried | counts against |
//! |---|---|---|
//! | source, profile | never | the job |
//! | transient, returned, device | yes, no attempt burnt | nobody |
//! | runner, verify | elsewhere if it can be | the runner |
//! | crash | elsewhere; two on distinct runners end the task | both, until settled |
//! | internal | a few times | us |

use serde::{Deserialize, Serialize};

/// Attempts that may fail, of classes that count, before a task is given up.
pub const MAX_FAILED_ATTEMPTS: u32 = 4;

/// Transient failures in a row before a task is given up after all.
pub const MAX_TRANSIENT_FAILURES: u32 = 20;

/// Distinct runners on which a task may crash the engine before it is taken to be poison.
pub const MAX_CRASHED_RUNNERS: u32 = 2;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The input's.
    Source,
    /// The profile's.
    Profile,
    /// The network's or the store's.
    Transient,
    /// The machine's.
    Runner,
    /// The engine process died.
    Crash,
    /// The output was refused.
    Verify,
    /// Ours.
    Internal,
    /// Nobody's: the runner gave the attempt back.
    Returned,
    /// The lease ran out: the runner vanished.
    Expired,
    /// No runner of the fleet can do it.
    NoRunner,
    /// The store refuses: full, denied, gone.
    Storage,
    /// A hardware device's: its runner withdraws it, so that it does not happen there again soon.
    Device,
}

impl FailureClass {
    /// The class as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Profile => "profile",
            Self::Transient => "transient",
            Self::Runner => "runner",
            Self::Crash => "crash",
            Self::Verify => "verify",
            Self::Internal => "internal",
            Self::Returned => "returned",
            Self::Expired => "expired",
            Self::NoRunner => "no_runner",
            Self::Storage => "storage",
            Self::Device => "device",
        }
    }
}

/// Why something failed, for the retry rule and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault.
    pub class: FailureClass,
    /// One sentence: what failed, on what.
    pub message: String,
}

/// The failed attempts of a task so far, the newest included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Of classes runner, verify, internal, crash and expired.
    pub counted: u32,
    /// Of classes transient and device.
    pub transient: u32,
    /// Distinct runners on which the engine crashed.
    pub crashed_runners: u32,
    /// Crashes, wherever.
    pub crashes: u32,
}

/// What becomes of a task after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ready again, for anybody.
    Retry,
    /// Ready again; the runner that failed only when no other can.
    RetryElsewhere,
    /// Over: the job fails with this failure.
    GiveUp,
}

/// The retry rule. `history` includes the failure being judged.
pub fn judge(class: FailureClass, history: History) -> Verdict {
    let within = |limit: bool, verdict| if limit { verdict } else { Verdict::GiveUp };
    match class {
        FailureClass::Source | FailureClass::Profile | FailureClass::NoRunner | FailureClass::Storage => {
            Verdict::GiveUp
        }
        FailureClass::Returned => Verdict::Retry,
        FailureClass::Transient | FailureClass::Device => {
            within(history.transient < MAX_TRANSIENT_FAILURES, Verdict::Retry)
        }
        FailureClass::Expired => within(history.counted < 2 * MAX_FAILED_ATTEMPTS, Verdict::Retry),
        FailureClass::Crash => {
            let poison = history.crashed_runners >= MAX_CRASHED_RUNNERS;
            within(!poison && history.counted < MAX_FAILED_ATTEMPTS, Verdict::RetryElsewhere)
        }
        FailureClass::Runner | FailureClass::Verify | FailureClass::Internal => {
            within(history.counted < MAX_FAILED_ATTEMPTS, Verdict::RetryElsewhere)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(class: FailureClass, history: History, expected: Verdict) {
        assert_eq!(judge(class, history), expected, "{class:?} after {history:?}");
    }

    #[test]
    fn the_inputs_fault_is_never_retried() {
        check(FailureClass::Source, History::default(), Verdict::GiveUp);
        check(FailureClass::Profile, History::default(), Verdict::GiveUp);
    }

    #[test]
    fn a_returned_attempt_costs_nothing_however_often() {
        let history = History { counted: 100, transient: 100, ..History::default() };
        check(FailureClass::Returned, history, Verdict::Retry);
    }

    #[test]
    fn two_crashes_on_distinct_runners_end_a_task() {
        let once = History { counted: 1, crashes: 1, crashed_runners: 1, transient: 0 };
        check(FailureClass::Crash, once, Verdict::RetryElsewhere);
        check(FailureClass::Crash, History { counted: 2, crashes: 2, ..once }, Verdict::RetryElsewhere);
        let poison = History { counted: 2, crashes: 2, crashed_runners: 2, transient: 0 };
        check(FailureClass::Crash, poison, Verdict::GiveUp);
    }

    #[test]
    fn a_machines_fault_is_retried_elsewhere_a_few_times() {
        check(FailureClass::Runner, History { counted: 3, ..History::default() }, Verdict::RetryElsewhere);
        check(FailureClass::Runner, History { counted: 4, ..History::default() }, Verdict::GiveUp);
    }
}
