//! How fast a slot of a runner is at a class of work, pixels per second: an exponentially weighted mean of what it
//! took, from the lease to the accepted result, transfers included.

use crate::domain::work::ordinary_speed;

/// Weight of the newest measurement of a runner; half of the mean is from its last two or three tasks, so a machine
/// that becomes busy or hot is noticed soon.
const NEWEST: f64 = 0.3;

/// Weight of the newest measurement in the fleet's mean.
const NEWEST_OF_FLEET: f64 = 0.1;

/// Of the fleet's mean, what a runner is believed to do of which nothing was measured: what takes long is not for it before
/// it has done something short.
const CAUTION: f64 = 0.15;

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

/// What a finished attempt says; none when it took no time at all.
pub fn measured(pixels: u64, took_ms: u64) -> Option<f64> {
    (took_ms > 0 && pixels > 0).then(|| pixels as f64 * 1000.0 / took_ms as f64)
}

/// Pixels per second of a slot at a class of work ("libx264 medium 720"), from what its runner told of the encoder's
/// usual preset: both are output pixels of one slot while all work, so only the preset has to be allowed for, as ordinary
/// slots differ between the two. Transfers are not in it; the first task that is done replaces it.
pub fn told_for(class: &str, told: f64) -> f64 {
    let mut words = class.split(' ');
    let (encoder, preset) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let usual = ordinary_speed(encoder, usual_preset(encoder));
    if preset.is_empty() { told } else { told * ordinary_speed(encoder, preset) as f64 / usual as f64 }
}

/// The preset with which a runner's benchmark measures an encoder: the one of the profiles that come with Flotilla.
fn usual_preset(encoder: &str) -> &'static str {
    match encoder {
        "libsvtav1" | "rav1e" => "10",
        _ => "veryfast",
    }
}

/// What is known about a runner's speed at a class of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known {
    /// Its own mean.
    pub own: Option<f64>,
    /// What its benchmark told of the encoder.
    pub benchmark: Option<f64>,
    /// The mean of all runners.
    pub fleet: Option<f64>,
    /// How it compares with the fleet at other classes; 1: alike.
    pub beside_fleet: Option<f64>,
    /// Of an ordinary slot.
    pub ordinary: f64,
}

impl Known {
    /// The best guess: measured here, else by its benchmark, else as the fleet does it, scaled by how the runner
    /// compares elsewhere, or by caution; an ordinary slot's while nobody has done any.
    pub fn estimate(self) -> f64 {
        let known = self.own.or(self.benchmark);
        let beside = |without: f64| self.beside_fleet.unwrap_or(without);
        let guessed = || match self.fleet {
            Some(fleet) => fleet * beside(CAUTION),
            None => self.ordinary * beside(1.0),
        };
        known.unwrap_or_else(guessed).max(1.0)
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
        let told = Known { benchmark: Some(90.0), ..slower };
        check(told, 90.0);
        check(Known { own: Some(10.0), ..told }, 10.0);
    }

    #[test]
    fn a_benchmark_of_the_usual_preset_is_scaled_to_others() {
        let table = [
            ("libx264 veryfast 1080", 100.0),
            ("libx264 medium 720", 40.0),
            ("libsvtav1 10 480", 100.0),
            ("libsvtav1 5 480", 50.0),
            ("rav1e 10 360", 100.0),
            ("rav1e 6 360", 60.0),
            ("aac", 100.0),
        ];
        for (class, expected) in table {
            assert_eq!(told_for(class, 100.0), expected, "{class}");
        }
    }

    #[test]
    fn no_time_measures_nothing() {
        assert_eq!((measured(10, 0), measured(0, 10), measured(50, 500)), (None, None, Some(100.0)));
    }
}
