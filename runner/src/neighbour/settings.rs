//! Section `neighbour` of the configuration file.

use std::num::NonZeroU32;

use serde::de::{Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize};

use super::hours::Hours;

/// What the machine's owner wants to be spared. The default spares him nothing but the processors: engines are nice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Work only within these; empty: always.
    pub hours: Vec<Hours>,
    /// Rest while other programs use more of the processors than this, per cent of all of them.
    #[serde(deserialize_with = "percent")]
    pub max_load_percent: Option<u8>,
    /// Work while the machine runs on its battery.
    pub on_battery: bool,
    /// Rest while the hottest sensor shows more than this, degrees Celsius.
    pub max_temperature_c: Option<u8>,
    /// What becomes of running tasks when one of the rules above says rest.
    pub when_resting: WhenResting,
    /// Niceness of engines, 0 to 19.
    #[serde(deserialize_with = "niceness")]
    pub nice: u8,
    /// What all tasks together read from the store at most, KiB a second.
    pub max_download_kib_per_second: Option<NonZeroU32>,
    /// What all tasks together write to the store at most, KiB a second.
    pub max_upload_kib_per_second: Option<NonZeroU32>,
    /// Keep the machine from going to sleep while a task runs.
    pub keep_awake: bool,
}

/// What becomes of running tasks when the runner begins to rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenResting {
    /// They are finished.
    #[default]
    Finish,
    /// They are given back at once, and the coordinator gives them to others.
    Return,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hours: Vec::new(),
            max_load_percent: None,
            on_battery: true,
            max_temperature_c: None,
            when_resting: WhenResting::Finish,
            nice: 10,
            max_download_kib_per_second: None,
            max_upload_kib_per_second: None,
            keep_awake: false,
        }
    }
}

fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    within(u64::deserialize(from)?, 1, 100, &"a percentage from 1 to 100").map(Some)
}

fn niceness<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    within(u64::deserialize(from)?, 0, 19, &"a niceness from 0 to 19")
}

fn within<E: Error>(number: u64, least: u8, most: u8, expected: &&str) -> Result<u8, E> {
    let fits = u8::try_from(number).ok().filter(|number| (least..=most).contains(number));
    fits.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_and_by_default_nothing_holds_back() {
        let text = "hours = ['22:00-07:00']\nmax_load_percent = 40\non_battery = false\nmax_temperature_c = 80\n\
                    when_resting = 'return'\nnice = 19\nmax_download_kib_per_second = 512\n\
                    max_upload_kib_per_second = 256\nkeep_awake = true\n";
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!((settings.hours.len(), settings.max_load_percent, settings.nice), (1, Some(40), 19));
        assert_eq!((settings.when_resting, settings.keep_awake), (WhenResting::Return, true));
        let none: Settings = toml::from_str("").unwrap();
        assert_eq!(none, Settings::default());
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        let table = [
            ("nice = 20", "a niceness from 0 to 19"),
            ("max_load_percent = 0", "a percentage from 1 to 100"),
            ("hours = ['25:00-26:00']", "25:00-26:00"),
            ("max_upload_kib_per_second = 0", "nonzero"),
            ("on_batery = true", "on_batery"),
        ];
        for (text, part) in table {
            let error = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
