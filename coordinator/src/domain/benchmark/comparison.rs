//! Two results beside each other, case by case, and whether what lies between them means anything.

use super::{Findings, Measurement};

/// Two quick results, or one run each, differ by so much without a reason, per cent.
const LEAST_SPREAD_PERCENT: f64 = 5.0;

/// One case that both have measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// "libx264 veryfast 540p ladder".
    pub case: String,
    /// Of the first.
    pub first: &'a Measurement,
    /// Of the second.
    pub second: &'a Measurement,
    /// Speed of the second over that of the first.
    pub speed_ratio: f64,
    /// Joules of the second over those of the first, where both are known.
    pub energy_ratio: Option<f64>,
    /// The speeds lie farther apart than runs of one machine do.
    pub is_clear: bool,
}

/// What two results have in common, and what keeps them from being compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<'a> {
    /// In the order of the first.
    pub rows: Vec<Row<'a>>,
    /// In plain words.
    pub notes: Vec<String>,
}

/// Holds two results against each other.
pub fn of<'a>(first: &'a Findings, second: &'a Findings) -> Comparison<'a> {
    let row = |one: &'a Measurement| {
        let other = second.measurements.iter().find(|other| other.case() == one.case())?;
        Some(row(one, other))
    };
    Comparison { rows: first.measurements.iter().filter_map(row).collect(), notes: notes(first, second) }
}

fn row<'a>(first: &'a Measurement, second: &'a Measurement) -> Row<'a> {
    let speed_ratio = second.times_real_time / first.times_real_time;
    let energy = first.joules_per_minute.filter(|joules| *joules > 0.0).zip(second.joules_per_minute);
    let spreads = [first.spread_percent, second.spread_percent];
    let spread = spreads.into_iter().flatten().fold(LEAST_SPREAD_PERCENT, f64::max);
    Row {
        case: first.case(),
        first,
        second,
        speed_ratio,
        energy_ratio: energy.map(|(first, second)| second / first),
        is_clear: (speed_ratio.max(1.0 / speed_ratio) - 1.0) * 100.0 > spread,
    }
}

fn notes(first: &Findings, second: &Findings) -> Vec<String> {
    let mut notes = Vec::new();
    let mut unlike = |what: &str, a: &str, b: &str| {
        if a != b {
            notes.push(format!("{what}: {a} beside {b}"));
        }
    };
    unlike("builds", &first.build, &second.build);
    unlike("versions", &first.version, &second.version);
    unlike("clips", &first.clip, &second.clip);
    unlike("FFmpeg", &first.host.ffmpeg, &second.host.ffmpeg);
    if let (Some(one), Some(other)) = (&first.energy_source, &second.energy_source) {
        unlike("energy is of", one, other);
    }
    unlike("slots", &first.host.slots.to_string(), &second.host.slots.to_string());
    let kind = |quick: bool| if quick { "quick, one run of each case" } else { "whole" };
    unlike("kinds", kind(first.quick), kind(second.quick));
    notes
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::findings;
    use super::*;

    #[test]
    fn what_runs_of_one_machine_differ_by_is_no_difference() {
        let (slow, same, fast) = (findings(2.0, Some(60.0)), findings(2.05, None), findings(4.0, Some(90.0)));
        let clear = |second| of(&slow, second).rows[0].is_clear;
        assert_eq!((clear(&same), clear(&fast)), (false, true));
        let mut shaky = fast.clone();
        shaky.measurements[0].spread_percent = Some(150.0);
        assert!(!clear(&shaky));
        let compared = of(&slow, &fast);
        assert_eq!((compared.rows[0].speed_ratio, compared.rows[0].energy_ratio), (2.0, Some(1.5)));
        assert_eq!(of(&slow, &same).rows[0].energy_ratio, None);
        assert!(compared.notes.is_empty());
    }

    #[test]
    fn what_cannot_be_compared_is_told() {
        let (one, mut other) = (findings(2.0, None), findings(2.0, None));
        other.build = "development".into();
        other.energy_source = Some("processor".into());
        other.host.slots = 8;
        other.measurements[0].preset = "medium".into();
        let compared = of(&one, &other);
        assert!(compared.rows.is_empty());
        assert_eq!(compared.notes, ["builds: release beside development", "slots: 2 beside 8"]);
        let (one, mut other) = (findings(2.0, Some(1.0)), findings(2.0, Some(1.0)));
        other.energy_source = Some("processor and NVIDIA device".into());
        assert_eq!(of(&one, &other).notes, ["energy is of: processor beside processor and NVIDIA device"]);
    }
}
