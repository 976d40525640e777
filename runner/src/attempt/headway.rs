//! Whether an engine that talks also gets anywhere. It does while it writes, counts up, or reads; but who reads the same
//! bytes over and over has read them often enough at some time.

use std::time::{Duration, Instant};

/// Longest time without getting further; nothing that is accepted takes so long for one frame.
pub const STALL_LIMIT: Duration = Duration::from_secs(600);
/// Every task reads its input a few times at most: to look at it, for its index, for its frames.
const PASSES: u64 = 16;
/// What small inputs may be read in any case: buffers are refilled after every seek.
const FREE_BYTES: u64 = 64 << 20;

/// How far an engine has come, and when that was last more than before.
#[derive(Debug)]
pub struct Headway {
    limit: Duration,
    since: Instant,
    best_progress: u64,
    readable_bytes: u64,
}

impl Headway {
    /// Nothing is done yet; `limit` is the longest time without getting further.
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), best_progress: 0, readable_bytes: FREE_BYTES }
    }

    /// The inputs are so large, and the clock starts.
    pub fn start(&mut self, input_sizes: &[u64]) {
        let total_bytes = input_sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size));
        self.readable_bytes = total_bytes.saturating_mul(PASSES).saturating_add(FREE_BYTES);
        self.since = Instant::now();
    }

    /// Bytes went to the engine.
    pub fn read(&mut self, bytes: usize) {
        let left = self.readable_bytes.checked_sub(bytes as u64);
        if bytes > 0 && left.is_some() {
            self.since = Instant::now();
        }
        self.readable_bytes = left.unwrap_or(0);
    }

    /// Bytes came from it.
    pub fn wrote(&mut self, bytes: usize) {
        if bytes > 0 {
            self.since = Instant::now();
        }
    }

    /// It says that it has come so far.
    pub fn progressed(&mut self, progress: u64) {
        if progress > self.best_progress {
            (self.best_progress, self.since) = (progress, Instant::now());
        }
    }

    /// So long it was kept waiting.
    pub fn waited(&mut self, duration: Duration) {
        self.since += duration;
    }

    /// It has not got further for too long.
    pub fn is_stalled(&self) -> bool {
        self.since.elapsed() > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalled_after(step: impl FnOnce(&mut Headway)) -> bool {
        let mut headway = Headway::new(Duration::from_secs(10));
        headway.start(&[1 << 20]);
        headway.since -= Duration::from_secs(11);
        step(&mut headway);
        headway.is_stalled()
    }

    #[test]
    fn only_what_is_new_counts() {
        assert!(stalled_after(|_| {}));
        assert!(!stalled_after(|headway| headway.read(1)));
        assert!(!stalled_after(|headway| headway.wrote(1)));
        assert!(!stalled_after(|headway| headway.progressed(1)));
        assert!(!stalled_after(|headway| headway.waited(Duration::from_secs(5))));
        assert!(stalled_after(|headway| headway.progressed(0)));
        assert!(stalled_after(|headway| headway.read(0)));
    }

    #[test]
    fn bytes_that_were_read_often_enough_do_not_count() {
        let budget = (PASSES as usize) << 20;
        assert!(stalled_after(|headway| {
            headway.read(budget + FREE_BYTES as usize);
            headway.since -= Duration::from_secs(11);
            headway.read(1);
        }));
    }
}
