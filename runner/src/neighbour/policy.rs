//! Whether to work, from what was set and what was read: a pure decision. What made the runner rest must be clearly over
//! before it works again, so that it does not go back and forth at a limit.

use chrono::NaiveDateTime;

use super::hours::Hours;
use super::pause::Pause;
use super::settings::{Settings, WhenResting};

/// The load must fall so far below its limit before work goes on, per cent of all processors.
const LOAD_MARGIN_PERCENT: u8 = 10;
/// The same for the temperature, degrees Celsius.
const TEMPERATURE_MARGIN_C: i32 = 5;

/// What was read of the machine; none: not asked for, or not to be had here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Local time.
    pub local: NaiveDateTime,
    /// What programs other than this runner take of all processors, per cent, over the last minute.
    pub others_percent: Option<u8>,
    /// Runs on its battery.
    pub on_battery: Option<bool>,
    /// Of the hottest sensor, degrees Celsius.
    pub temperature_c: Option<i32>,
    /// A pause that has not ended.
    pub pause: Option<Pause>,
}

/// The decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Take tasks.
    #[default]
    Work,
    /// Take none.
    Rest(Rest),
}

/// Why the runner takes no tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// The rule that says so.
    pub rule: Rule,
    /// For people, here and at the coordinator; the same for as long as the rest lasts.
    pub reason: String,
    /// What becomes of running tasks.
    pub running: WhenResting,
}

/// What can make a runner rest; the first that does is the one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A person said so.
    Pause,
    /// Outside the hours.
    Hours,
    /// On battery.
    Battery,
    /// Others need the processors.
    Load,
    /// Too hot.
    Temperature,
}

/// The rules of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    hours: Vec<Hours>,
    max_load_percent: Option<u8>,
    on_battery: bool,
    max_temperature_c: Option<u8>,
    when_resting: WhenResting,
}

impl Verdict {
    /// Why there is rest; none: there is work.
    pub fn rest(&self) -> Option<&Rest> {
        match self {
            Self::Work => None,
            Self::Rest(rest) => Some(rest),
        }
    }
}

impl Policy {
    /// The rules that somebody has set.
    pub fn new(settings: &Settings) -> Self {
        let Settings { hours, max_load_percent, on_battery, max_temperature_c, when_resting, .. } = settings;
        Self {
            hours: hours.clone(),
            max_load_percent: *max_load_percent,
            on_battery: *on_battery,
            max_temperature_c: *max_temperature_c,
            when_resting: *when_resting,
        }
    }

    /// Decides anew, after `before`.
    pub fn verdict(&self, readings: &Readings, before: &Verdict) -> Verdict {
        let was = before.rest().map(|rest| rest.rule);
        if let Some(pause) = &readings.pause {
            let running = pause.running();
            return Verdict::Rest(Rest { rule: Rule::Pause, reason: pause.to_string(), running });
        }
        let rest = |(rule, reason)| Verdict::Rest(Rest { rule, reason, running: self.when_resting });
        let by_rule = self.outside(readings).or_else(|| self.drained(readings));
        by_rule
            .or_else(|| self.needed(readings, was == Some(Rule::Load)))
            .or_else(|| self.hot(readings, was == Some(Rule::Temperature)))
            .map_or(Verdict::Work, rest)
    }

    fn outside(&self, readings: &Readings) -> Option<(Rule, String)> {
        let is_outside =
            !self.hours.is_empty() && !self.hours.iter().any(|hours| hours.contain(readings.local));
        let hours = || self.hours.iter().map(Hours::to_string).collect::<Vec<_>>().join("; ");
        is_outside.then(|| (Rule::Hours, format!("outside its hours ({})", hours())))
    }

    fn drained(&self, readings: &Readings) -> Option<(Rule, String)> {
        let is_drained = !self.on_battery && readings.on_battery == Some(true);
        is_drained.then(|| (Rule::Battery, "on battery".to_owned()))
    }

    fn needed(&self, readings: &Readings, was: bool) -> Option<(Rule, String)> {
        let (limit, load) = (self.max_load_percent?, readings.others_percent?);
        // Of a small limit half is left, so that it can be reached.
        let margin = if was { LOAD_MARGIN_PERCENT.min(limit / 2) } else { 0 };
        let reason = || format!("other programs use more than {limit} % of its processors");
        (load > limit - margin).then(|| (Rule::Load, reason()))
    }

    fn hot(&self, readings: &Readings, was: bool) -> Option<(Rule, String)> {
        let (limit, heat) = (self.max_temperature_c?, readings.temperature_c?);
        let margin = if was { TEMPERATURE_MARGIN_C } else { 0 };
        (heat > i32::from(limit) - margin).then(|| (Rule::Temperature, format!("hotter than {limit} °C")))
    }
}

#[cfg(test)]
mod tests;
