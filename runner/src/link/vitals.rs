//! When to call, how long to let the call hang, and when silence means that the leases are lost: pure
//! arithmetic on the monotonic clock.

use std::time::Duration;

use tokio::time::Instant;

/// An idle runner lets its call hang this long; dispatch ends it at once.
const IDLE_HOLD: Duration = Duration::from_secs(10);
/// A busy runner calls this often, which carries its progress; a call that ends by itself never loses an
/// answer.
const BUSY_HOLD: Duration = Duration::from_secs(1);
/// Life without an answer until the coordinator has said how long.
const FIRST_SELF_STOP: Duration = Duration::from_secs(30);

/// The signs of life between runner and coordinator.
#[derive(Clone, Copy, Debug)]
pub struct Vitals {
    self_stop: Duration,
    /// When the latest call that was answered had been sent. The lease was renewed after that.
    answered_call_sent: Instant,
}

impl Vitals {
    /// Starts counting.
    pub fn new(now: Instant) -> Self {
        Self { self_stop: FIRST_SELF_STOP, answered_call_sent: now }
    }

    /// Milliseconds for which the coordinator may hold the next call; at least two more fit into the time to
    /// self-stop.
    pub fn hold_ms(&self, is_busy: bool) -> u32 {
        let hold = if is_busy { BUSY_HOLD } else { IDLE_HOLD };
        u32::try_from(hold.min(self.self_stop / 3).as_millis()).unwrap_or(u32::MAX)
    }

    /// Notes an answer to the call sent at `sent`.
    pub fn answered(&mut self, sent: Instant, self_stop_ms: u32) {
        self.answered_call_sent = self.answered_call_sent.max(sent);
        if self_stop_ms > 0 {
            self.self_stop = Duration::from_millis(self_stop_ms.into());
        }
    }

    /// When every lease must be taken for lost.
    pub fn deadline(&self) -> Instant {
        self.answered_call_sent + self.self_stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_hang_long_when_idle_short_when_busy_and_never_into_the_self_stop() {
        let mut vitals = Vitals::new(Instant::now());
        assert_eq!((vitals.hold_ms(false), vitals.hold_ms(true)), (10_000, 1000));
        vitals.answered(Instant::now(), 1500);
        assert_eq!((vitals.hold_ms(false), vitals.hold_ms(true)), (500, 500));
    }

    #[test]
    fn life_is_counted_from_the_latest_answered_call() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let mut vitals = Vitals::new(start);
        vitals.answered(later, 20_000);
        vitals.answered(start, 20_000);
        assert_eq!(vitals.deadline(), later + Duration::from_secs(20));
        vitals.answered(start, 0);
        assert_eq!(vitals.deadline(), later + Duration::from_secs(20));
    }
}
