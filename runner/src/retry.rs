//! Waits between tries, jittered and growing. The only file that names the `backoff` crate: its upkeep has
//! ended, so that a successor has one place to go.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The waits of one operation that is tried again and again.
#[derive(Debug)]
pub struct Schedule {
    waits: ExponentialBackoff,
    tries_left: Option<u32>,
}

impl Schedule {
    /// For talking to the coordinator: from 0.2 s to 15 s, without end.
    pub fn coordinator() -> Self {
        Self { waits: growing(Duration::from_millis(200), Duration::from_secs(15)), tries_left: None }
    }

    /// For a coordinator that is not joined yet, which may be set up days later: from 0.5 s to 60 s, without end.
    pub fn joining() -> Self {
        Self { waits: growing(Duration::from_millis(500), Duration::from_secs(60)), tries_left: None }
    }

    /// For moving bytes: five tries in all, four waits from 0.1 s on.
    pub fn transfer() -> Self {
        Self { waits: growing(Duration::from_millis(100), Duration::from_secs(5)), tries_left: Some(4) }
    }

    /// How long to wait before the next try; none: give up.
    pub fn next_wait(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.tries_left {
            *left = left.checked_sub(1)?;
        }
        self.waits.next_backoff()
    }

    /// Starts over with short waits, after a success.
    pub fn reset(&mut self) {
        self.waits.reset();
    }
}

fn growing(first: Duration, longest: Duration) -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(first)
        .with_max_interval(longest)
        .with_multiplier(2.0)
        .with_randomization_factor(0.5)
        .with_max_elapsed_time(None)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_tried_five_times() {
        let mut schedule = Schedule::transfer();
        assert_eq!(std::iter::from_fn(|| schedule.next_wait()).count(), 4);
    }

    #[test]
    fn waits_for_the_coordinator_grow_to_a_bound_and_start_over() {
        let mut schedule = Schedule::coordinator();
        let first = schedule.next_wait().unwrap();
        assert!(first <= Duration::from_millis(300), "{first:?}");
        let later: Vec<_> = (0..20).map(|_| schedule.next_wait().unwrap()).collect();
        assert!(later[10..].iter().all(|wait| (7_500..=22_500).contains(&wait.as_millis())), "{later:?}");
        schedule.reset();
        assert!(schedule.next_wait().unwrap() <= Duration::from_millis(300));
    }
}
