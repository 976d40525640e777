//! The figures and what they were measured on, as plain data, and in one sentence.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::clip::CLIP_NAME;
use super::measure::Measurement;
use crate::slots::machine::Machine;

/// Grows when a figure changes its meaning: results of different formats are not to be compared.
const FORMAT: u32 = 1;

/// What the figures were measured on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Host {
    /// System and processor.
    pub description: String,
    /// Logical processors.
    pub cpu_count: u32,
    /// Of the machine, or of the control group.
    pub memory_bytes: u64,
    /// Engines at the same time.
    pub slots: u32,
    /// Version of the kernel.
    pub kernel: String,
    /// Versions of FFmpeg's libraries.
    pub ffmpeg: String,
    /// Graphics devices that the kernel shows, and whether any was used.
    pub gpu: String,
    /// Version of each encoder that passed its trial.
    pub encoders: BTreeMap<String, String>,
}

/// Everything that a benchmark found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Findings {
    /// See [`FORMAT`].
    pub format: u32,
    /// Of this program.
    pub version: String,
    /// "release", or "development": much slower, and not to be compared.
    pub build: String,
    /// Fewer cases, each once.
    pub quick: bool,
    /// What was encoded, by whom it is and under which licence.
    pub clip: String,
    /// On what.
    pub host: Host,
    /// In the order in which they were measured.
    pub measurements: Vec<Measurement>,
    /// What the energy is of; none: of nothing.
    #[serde(default)]
    pub energy_source: Option<String>,
    /// Why energy is missing, all of it or of some source.
    pub energy_missing: Option<String>,
    /// What the likeness to the source is, and why it is missing, where it is.
    pub quality: String,
    /// Cases that a device refused, each with its reason.
    #[serde(default)]
    pub not_measured: Vec<String>,
    /// One line for people.
    pub summary: String,
}

/// What is to be known about the figures.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// See [`Findings::energy_source`].
    pub energy_source: Option<String>,
    /// See [`Findings::energy_missing`].
    pub energy_missing: Option<String>,
    /// See [`Findings::quality`].
    pub quality: String,
    /// See [`Findings::not_measured`].
    pub not_measured: Vec<String>,
}

impl Host {
    /// Describes this machine.
    pub fn describe(
        machine: Machine,
        slots: u32,
        encoders: BTreeMap<String, String>,
        uses_devices: bool,
    ) -> Self {
        let Machine { cpu_count, memory_bytes, description } = machine;
        let kernel = sysinfo::System::kernel_version().unwrap_or_else(|| "not known".to_owned());
        let (ffmpeg, gpu) = (flotilla_engine::run::libraries(), graphics(Path::new("/dev"), uses_devices));
        Self { description, cpu_count, memory_bytes, slots, kernel, ffmpeg, gpu, encoders }
    }
}

impl Findings {
    /// The figures with their summary.
    pub fn new(host: Host, quick: bool, notes: Notes, measurements: Vec<Measurement>) -> Self {
        let Notes { energy_source, energy_missing, quality, not_measured } = notes;
        let summary = summary(&measurements, host.slots, energy_missing.as_deref());
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: if cfg!(debug_assertions) { "development" } else { "release" }.to_owned(),
            quick,
            clip: CLIP_NAME.to_owned(),
            host,
            measurements,
            energy_source,
            energy_missing,
            quality,
            not_measured,
            summary,
        }
    }

    /// What the scheduler is told: output pixels per second of a slot, by encoder.
    pub fn speeds(&self) -> BTreeMap<String, u64> {
        let usual = self.measurements.iter().filter(|measured| measured.is_usual);
        usual.map(|measured| (measured.encoder.clone(), measured.pixels_per_second_per_slot)).collect()
    }
}

/// "This machine makes a 540p web ladder at 2.30x real time (libx264 veryfast, 2 slots), 0.4 kJ a minute".
pub fn summary(measurements: &[Measurement], slots: u32, energy_missing: Option<&str>) -> String {
    let Some(first) = measurements.first() else { return "nothing was measured".to_owned() };
    let what = match first.size.strip_suffix(" ladder") {
        Some(height) => format!("a {height} web ladder"),
        None => format!("{} video", first.size),
    };
    let energy = match (first.joules_per_minute, energy_missing) {
        (Some(joules), _) => format!("{:.1} kJ a minute", joules / 1000.0),
        (None, _) => "energy not measurable here".to_owned(),
    };
    let (encoder, preset, speed) = (&first.encoder, &first.preset, first.times_real_time);
    let slots = if slots == 1 { "1 slot".to_owned() } else { format!("{slots} slots") };
    format!("this machine makes {what} at {speed:.2}x real time ({encoder} {preset}, {slots}), {energy}")
}

/// Graphics devices as device files.
fn graphics(dev: &Path, are_used: bool) -> String {
    let names = |folder: &Path, prefix: &str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_device = |name: &String| {
            let number = name.strip_prefix(prefix);
            number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        names.filter(is_device).collect::<Vec<_>>()
    };
    let mut found = [names(&dev.join("dri"), "renderD"), names(dev, "nvidia")].concat();
    found.sort();
    match (found.is_empty(), are_used) {
        (true, _) => "none found".to_owned(),
        (false, true) => found.join(" "),
        (false, false) => format!("{} (not used)", found.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphics_are_found_by_their_device_files() {
        let dev = tempfile::tempdir().unwrap();
        assert_eq!(graphics(dev.path(), false), "none found");
        std::fs::create_dir(dev.path().join("dri")).unwrap();
        for name in ["dri/renderD128", "dri/card0", "nvidia0", "nvidiactl"] {
            std::fs::write(dev.path().join(name), "").unwrap();
        }
        assert_eq!(graphics(dev.path(), false), "nvidia0 renderD128 (not used)");
        assert_eq!(graphics(dev.path(), true), "nvidia0 renderD128");
    }
}
