//! How fast a slot of a runner is at a class of work, pixels per second: an exponentially weighted mean of what it
//! took, from the lease to the accepted result, transfers included.

use crate::domain::outcome::Usage;

/// Weight of the newest measurement of a runner; half of the mean is from its last two or three tasks, so a machine
/// that becomes busy or hot is noticed soon.
const NEWEST: f64 = 0.3;

/// The class under which a runner's benchmark is kept. It is a measurement like any other: what it says of a runner is how it
/// compares with the others.
pub const BENCHMARK: &str = "benchmark";

/// Weight of the newest measurement in the fleet's mean.
const NEWEST_OF_FLEET: f64 = 0.1;

/// Of the fleet's mean, what a runner is believed to do of which nothing was measured: what takes long is not for it before
/// it has done something short.
const CAUTION: f64 = 0.15;

/// Threads of an engine that work for long.
const ENGINE_THREADS: u64 = 3;

/// The mean after another measurement; the first one stands alone.
pub fn mean(before: Option<f64>, measured: f64) -> f64 {
    weighted(before, measured, NEWEST)
}

/// The fleet's mean after another measurement.
pub fn fleet_mean(before: Option<f64>, measured: f64) -> f64 {
    weighted(before, measured, NEWEST_OF_FLEET)
}

fn weighted(before: Option<f64>, measured: f64, newest: f64) -> f64 {
    before.map_or(measured, |before| before + newest * (measured - before))
}

/// How long an attempt took that ended so long after its lease: the runner's word, unless it says more than there was, because
/// an answer may have been on its way for long. An engine that had the core of an idle slot as well is, when all slots
/// work, only as fast as its processor time tells.
pub fn took_ms(usage: &Usage, elapsed_ms: u64) -> u64 {
    let took_ms = if (1..=elapsed_ms).contains(&usage.ran_ms) { usage.ran_ms } else { elapsed_ms };
    took_ms.max(usage.cpu_ms.min(took_ms.saturating_mul(ENGINE_THREADS)))
}

/// What a finished attempt says; none when it took no time at all.
pub fn measured(pixels: u64, took_ms: u64) -> Option<f64> {
    (took_ms > 0 && pixels > 0).then(|| pixels as f64 * 1000.0 / took_ms as f64)
}

/// What is known about a runner's speed at a class of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// Its own mean.
    pub own: Option<f64>,
    /// The mean of all runners.
    pub fleet: Option<f64>,
    /// How it compares with the fleet at other classes; 1: alike.
    pub beside_fleet: Option<f64>,
    /// Of an ordinary slot.
    pub ordinary: f64,
}

impl Known {
    /// The best guess: measured here, else as the fleet does it, scaled by how the runner compares elsewhere, its benchmark
    /// included, or by caution; an ordinary slot's while nobody has done any.
    pub fn estimate(self) -> f64 {
        let beside = |without: f64| self.beside_fleet.unwrap_or(without);
        let guessed = || match self.fleet {
            Some(fleet) => fleet * beside(CAUTION),
            None => self.ordinary * beside(1.0),
        };
        self.own.unwrap_or_else(guessed).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_becomes_slow_is_noticed_within_a_few_tasks() {
        let speeds = std::iter::successors(Some(100.0), |&before| Some(mean(Some(before), 10.0)));
        assert!(speeds.skip(6).step_by(1).next().unwrap() < 25.0);
        assert_eq!(mean(None, 7.0), 7.0);
        assert!(fleet_mean(Some(100.0), 10.0) > 90.0);
    }

    #[test]
    fn cores_of_idle_slots_make_nobody_faster() {
        let took =
            |ran_ms, cpu_ms, elapsed_ms| took_ms(&Usage { ran_ms, cpu_ms, ..Usage::default() }, elapsed_ms);
        assert_eq!(took(1000, 900, 1100), 1000);
        assert_eq!(took(1000, 1700, 1100), 1700);
        assert_eq!(took(1000, 9000, 1100), 3000, "nobody has so many threads");
        assert_eq!(took(5000, 900, 1100), 1100, "more than there was");
        assert_eq!(took(0, 0, 1100), 1100);
    }

    fn check(known: Known, expected: f64) {
        assert_eq!(known.estimate(), expected, "{known:?}");
    }

    #[test]
    fn what_is_measured_counts_before_what_is_guessed() {
        let nothing = Known { ordinary: 40.0, ..Known::default() };
        check(nothing, 40.0);
        let fleet = Known { fleet: Some(60.0), ..nothing };
        check(fleet, 9.0);
        let slower = Known { beside_fleet: Some(0.5), ..fleet };
        check(slower, 30.0);
        check(Known { beside_fleet: Some(0.5), ..nothing }, 20.0);
        check(Known { own: Some(10.0), ..slower }, 10.0);
    }

    #[test]
    fn no_time_measures_nothing() {
        assert_eq!((measured(10, 0), measured(0, 10), measured(50, 500)), (None, None, Some(100.0)));
    }
}
