//! What the policy is told of the machine. Only what a rule asks for is read; this is the one place of the runner that
//! reads the wall clock.

use std::path::Path;

use chrono::{Local, Utc};
use sysinfo::Components;

use super::battery::{self, POWER_SUPPLIES};
use super::load::Load;
use super::policy::Readings;
use super::settings::Settings;

/// Where readings come from.
pub trait Sensors: Send + 'static {
    /// Seconds since 1970.
    fn now_s(&self) -> i64;
    /// Reads everything but the pause; may take a moment.
    fn look(&mut self) -> Readings;
}

/// The machine under this process.
#[derive(Debug)]
pub struct MachineSensors {
    load: Option<Load>,
    reads_battery: bool,
    components: Option<Components>,
}

/// Seconds since 1970.
pub fn now_s() -> i64 {
    Utc::now().timestamp()
}

impl MachineSensors {
    /// Those that the rules ask for. Says which of them this machine does not have.
    pub fn new(settings: &Settings) -> Self {
        let sensors = Self {
            load: settings.max_load_percent.map(|_| Load::default()),
            reads_battery: !settings.on_battery,
            components: settings.max_temperature_c.map(|_| Components::new_with_refreshed_list()),
        };
        if sensors.components.as_ref().is_some_and(|components| hottest(components).is_none()) {
            tracing::warn!(
                "this machine shows no temperature: neighbour.max_temperature_c holds nothing back"
            );
        }
        sensors
    }
}

impl Sensors for MachineSensors {
    fn now_s(&self) -> i64 {
        now_s()
    }

    fn look(&mut self) -> Readings {
        if let Some(components) = &mut self.components {
            components.refresh(false);
        }
        Readings {
            local: Local::now().naive_local(),
            others_percent: self.load.as_mut().and_then(Load::look),
            on_battery: self.reads_battery.then(|| battery::is_in_use(Path::new(POWER_SUPPLIES))).flatten(),
            temperature_c: self.components.as_ref().and_then(hottest),
            pause: None,
        }
    }
}

fn hottest(components: &Components) -> Option<i32> {
    let known = components.iter().filter_map(sysinfo::Component::temperature);
    known.filter(|heat| heat.is_finite()).map(|heat| heat.round() as i32).max()
}
