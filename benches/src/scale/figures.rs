//! Figures, with what they should be at most or at least, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Longest duration that is told from longer ones, microseconds.
const HOUR_US: u64 = 3_600_000_000;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

/// One figure.
#[derive(Debug)]
struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    target: Option<Target>,
}

/// All figures of a run, in order.
#[derive(Debug)]
pub struct Report {
    title: String,
    figures: Vec<Figure>,
}

/// Durations, in microseconds, to three digits.
#[derive(Clone, Debug)]
pub struct Durations(Histogram<u64>);

impl Report {
    /// Nothing yet. The title says what ran, where, under which load.
    pub fn new(what: &str) -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        Self { title: format!("{what} ({cores} cores, load {load} at the start)"), figures: Vec::new() }
    }

    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64, target: Option<Target>) {
        self.figures.push(Figure { name: name.into(), unit, value, target });
    }

    /// Adds median, 99th percentile and maximum; the target is for the 99th percentile, milliseconds.
    pub fn add_durations(&mut self, name: &str, durations: &Durations, target: Option<Target>) {
        let at = |quantile: f64| durations.0.value_at_quantile(quantile) as f64 / 1000.0;
        self.add(format!("{name}, p50"), "ms", at(0.5), None);
        self.add(format!("{name}, p99"), "ms", at(0.99), target);
        self.add(format!("{name}, max"), "ms", durations.0.max() as f64 / 1000.0, None);
        self.add(format!("{name}, counted"), "", durations.0.len() as f64, None);
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let figure = |figure: &Figure| {
            let (at_most, at_least) = match figure.target {
                Some(Target::AtMost(most)) => (Some(most), None),
                Some(Target::AtLeast(least)) => (None, Some(least)),
                None => (None, None),
            };
            let Figure { name, unit, value, .. } = figure;
            json!({ "name": name, "unit": unit, "value": value, "at_most": at_most, "at_least": at_least,
                "met": figure.is_met() })
        };
        json!({ "title": self.title, "figures": self.figures.iter().map(figure).collect::<Vec<_>>() })
    }
}

impl Figure {
    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtMost(most) => self.value <= most,
            Target::AtLeast(least) => self.value >= least,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header(["", "measured", "unit", "target", ""]);
        for figure in &self.figures {
            let target = match figure.target {
                Some(Target::AtMost(most)) => format!("≤ {most}"),
                Some(Target::AtLeast(least)) => format!("≥ {least}"),
                None => String::new(),
            };
            let verdict = figure.is_met().map_or("", |is_met| if is_met { "met" } else { "NOT MET" });
            let value = format!("{:.2}", figure.value);
            table.add_row([&figure.name, &value, figure.unit, &target, verdict]);
        }
        write!(to, "{}\n{table}", self.title)
    }
}

impl Durations {
    /// None yet.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, HOUR_US, 3).expect("the bounds are in order"))
    }

    /// One more.
    pub fn add(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Milliseconds at a quantile.
    pub fn ms_at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }
}
