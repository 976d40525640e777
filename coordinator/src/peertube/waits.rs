//! Waits between tries to reach an instance, jittered and growing. The only file of the coordinator that names the
//! `backoff` crate: its upkeep has ended, so that a successor has one place to go.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The waits of one operation that is tried until it succeeds.
#[derive(Debug)]
pub struct Waits(ExponentialBackoff);

impl Waits {
    /// From `first` to `longest`, doubling, each half to one and a half times as long by chance.
    pub fn new(first: Duration, longest: Duration) -> Self {
        let waits = ExponentialBackoffBuilder::new()
            .with_initial_interval(first)
            .with_max_interval(longest)
            .with_multiplier(2.0)
            .with_randomization_factor(0.5)
            .with_max_elapsed_time(None)
            .build();
        Self(waits)
    }

    /// How long to wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(self.0.max_interval)
    }

    /// Starts over with short waits, after a success.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_over() {
        let mut waits = Waits::new(Duration::from_secs(1), Duration::from_secs(60));
        assert!(waits.next_wait() <= Duration::from_millis(1_500));
        let later: Vec<_> = (0..20).map(|_| waits.next_wait().as_secs()).collect();
        assert!(later[10..].iter().all(|wait| (30..=90).contains(wait)), "{later:?}");
        waits.reset();
        assert!(waits.next_wait() <= Duration::from_millis(1_500));
    }
}
