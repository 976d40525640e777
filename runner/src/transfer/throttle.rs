//! A limit on the bytes of one direction, for all attempts of a daemon together. Bytes go when those before them are paid
//! for, so that the wire is never busier than the limit, not even for a moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The limits of both directions; none: as fast as it goes.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// From the store.
    pub down: Option<Arc<Throttle>>,
    /// To the store.
    pub up: Option<Arc<Throttle>>,
}

/// The limit of one direction.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: u64,
    paid_until: Mutex<Option<Instant>>,
    turn: tokio::sync::Mutex<()>,
}

impl Throttle {
    /// So many bytes a second; a limit of nothing would never let anything pass and counts as one byte.
    pub fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            paid_until: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until so many bytes may go.
    pub async fn pass(&self, bytes: usize) {
        sleep_until(self.reserve(Instant::now(), bytes)).await;
    }

    /// Time that so many bytes take, alone.
    pub fn duration(&self, bytes: usize) -> Duration {
        let microseconds = (bytes as u128 * 1_000_000).div_ceil(self.bytes_per_second.into());
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(u64::MAX))
    }

    /// One after the other: who waits for his turn has not begun, so that no time runs against him.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn reserve(&self, now: Instant, bytes: usize) -> Instant {
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let start = paid_until.map_or(now, |paid_until| paid_until.max(now));
        *paid_until = Some(start + self.duration(bytes));
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_when_those_before_them_are_paid_for_and_an_idle_wire_saves_nothing_up() {
        let throttle = Throttle::new(1000);
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let table = [(0, 500, 0), (0, 250, 500), (600, 100, 750), (5000, 1000, 5000), (5001, 1, 6000)];
        for (now, bytes, expected) in table {
            assert_eq!(throttle.reserve(at(now), bytes), at(expected), "{bytes} bytes after {now} ms");
        }
    }

    #[test]
    fn a_part_s_time_follows_from_its_length() {
        assert_eq!(Throttle::new(1 << 20).duration(8 << 20), Duration::from_secs(8));
        assert_eq!(Throttle::new(0).duration(2), Duration::from_secs(2));
    }
}
