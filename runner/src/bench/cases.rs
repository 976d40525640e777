//! What is measured: encoders, presets and sizes. The settings are those of the profiles that come with Flotilla.

use std::collections::BTreeMap;
use std::fmt;

use flotilla_engine::spec::DeviceName;

use super::devices;

/// Width and height.
pub type Size = (u32, u32);

/// A ladder of 540p as the profile `web` makes it, largest first.
pub const LADDER: &[Size] = &[(960, 540), (854, 480), (640, 360), (426, 240), (256, 144)];
/// Its largest.
pub const P540: &[Size] = &[(960, 540)];
/// Its middle.
pub const P360: &[Size] = &[(640, 360)];

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// As profiles name it; of a device, FFmpeg's name.
    pub encoder: String,
    /// Its preset; of rav1e its speed.
    pub preset: String,
    /// Sizes of the renditions, largest first.
    pub sizes: &'static [Size],
    /// Frames of the clip that each engine encodes, as far as it has so many.
    pub frames: usize,
    /// What the scheduler is told of the encoder: its usual preset on what chunks of it mostly are.
    pub is_usual: bool,
    /// None: software encodes.
    pub device: Option<OnDevice>,
}

/// The device that encodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDevice {
    /// Where it is.
    pub place: DeviceName,
    /// Encodes at a time that it carries.
    pub sessions: u32,
}

/// What is measured of software, in order.
pub fn of_software(is_quick: bool) -> Vec<Case> {
    let quick = || {
        vec![
            case("libx264", "veryfast", LADDER, 60, true),
            case("libsvtav1", "10", P360, 60, true),
            case("rav1e", "10", P360, 12, true),
        ]
    };
    let whole = || {
        vec![
            case("libx264", "veryfast", LADDER, 150, true),
            case("libx264", "veryfast", P540, 150, false),
            case("libx264", "veryfast", P360, 150, false),
            case("libx264", "medium", P540, 150, false),
            case("libx264", "medium", P360, 150, false),
            case("libsvtav1", "10", P540, 150, false),
            case("libsvtav1", "10", P360, 150, true),
            case("rav1e", "10", P540, 60, false),
            case("rav1e", "10", P360, 60, true),
        ]
    };
    if is_quick { quick() } else { whole() }
}

fn case(encoder: &str, preset: &str, sizes: &'static [Size], frames: usize, is_usual: bool) -> Case {
    let (encoder, preset) = (encoder.to_owned(), preset.to_owned());
    Case { encoder, preset, sizes, frames, is_usual, device: None }
}

impl Case {
    /// "540p", or "540p ladder".
    pub fn size(&self) -> String {
        let height = self.sizes.first().map_or(0, |(_, height)| *height);
        if self.sizes.len() > 1 { format!("{height}p ladder") } else { format!("{height}p") }
    }

    /// Pixels of all renditions of one frame.
    pub fn pixels(&self) -> u64 {
        self.sizes.iter().map(|(width, height)| u64::from(*width) * u64::from(*height)).sum()
    }

    /// Engines that work at a time: one in each slot, and no more than a device carries; 0: it does not carry one.
    pub fn engines(&self, slots: u32) -> u32 {
        let each = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX).max(1);
        self.device.as_ref().map_or(slots, |device| slots.min(device.sessions / each))
    }

    /// Every setting of a rendition, by the encoder's own names.
    pub fn settings(&self, height: u32) -> BTreeMap<String, String> {
        let settings: &[(&str, &str)] = match self.encoder.as_str() {
            _ if self.device.is_some() => return devices::settings(&self.encoder, height),
            "libsvtav1" => &[("preset", &self.preset), ("crf", "35"), ("svtav1-params", "lp=1:scd=0")],
            "rav1e" => &[("speed", &self.preset), ("quantizer", "120")],
            _ => &[
                ("preset", &self.preset),
                ("crf", "23"),
                ("bf", "12"),
                ("b_strategy", "1"),
                ("threads", "1"),
            ],
        };
        owned(settings)
    }
}

/// Settings as plans have them.
pub fn owned(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.encoder, self.preset, self.size())
    }
}
