//! Waiting on conditions: the only way in which a test lets time pass.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until `condition` yields something and returns it.
///
/// # Panics
/// When that takes longer than `at_most`; `what` says what was waited for.
pub fn wait_for<T>(what: &str, at_most: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < at_most, "waited {} s in vain: {what}", at_most.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}
