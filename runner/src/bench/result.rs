//! The figures and what they were measured on, for people and as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use serde::{Deserialize, Serialize};

use super::cases::CLIP_NAME;
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
    /// Graphics devices that the kernel shows; the benchmark uses none.
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
    /// Why energy is missing, where it is.
    pub energy_missing: Option<String>,
    /// Why likeness to the source is missing.
    pub quality: String,
    /// One line for people.
    pub summary: String,
}

impl Host {
    /// Describes this machine.
    pub fn describe(machine: Machine, slots: u32, encoders: BTreeMap<String, String>) -> Self {
        let Machine { cpu_count, memory_bytes, description } = machine;
        let kernel = sysinfo::System::kernel_version().unwrap_or_else(|| "not known".to_owned());
        let (ffmpeg, gpu) = (flotilla_engine::run::libraries(), graphics(Path::new("/dev")));
        Self { description, cpu_count, memory_bytes, slots, kernel, ffmpeg, gpu, encoders }
    }
}

impl Findings {
    /// The figures with their summary.
    pub fn new(
        host: Host,
        quick: bool,
        energy_missing: Option<String>,
        measurements: Vec<Measurement>,
    ) -> Self {
        let summary = summary(&measurements, host.slots, energy_missing.as_deref());
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: if cfg!(debug_assertions) { "development" } else { "release" }.to_owned(),
            quick,
            clip: CLIP_NAME.to_owned(),
            host,
            measurements,
            energy_missing,
            quality: "not measured: a runner does not decode what it has encoded".to_owned(),
            summary,
        }
    }

    /// What the scheduler is told: output pixels per second of a slot, by encoder.
    pub fn speeds(&self) -> BTreeMap<String, u64> {
        let usual = self.measurements.iter().filter(|measured| measured.is_usual);
        usual.map(|measured| (measured.encoder.clone(), measured.pixels_per_second_per_slot)).collect()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        writeln!(f, "machine  {}", host.description)?;
        writeln!(
            f,
            "         {} processors, {} MiB of memory, {} slots, kernel {}, GPU {}",
            host.cpu_count,
            host.memory_bytes >> 20,
            host.slots,
            host.kernel,
            host.gpu
        )?;
        writeln!(f, "ffmpeg   {}", host.ffmpeg)?;
        writeln!(f, "clip     {}", self.clip)?;
        writeln!(f, "build    {} {}\n", self.version, self.build)?;
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header([
            "ENCODER",
            "PRESET",
            "SIZE",
            "FRAMES/S",
            "REAL TIME",
            "SPREAD",
            "CPU S/MIN",
            "MEMORY",
            "KBIT/S",
            "J/MIN",
        ]);
        for measured in &self.measurements {
            table.add_row([
                measured.encoder.clone(),
                measured.preset.clone(),
                measured.size.clone(),
                format!("{:.1}", measured.frames_per_second),
                format!("{:.2}x", measured.times_real_time),
                measured.spread_percent.map_or("one run".to_owned(), |percent| format!("{percent:.1} %")),
                format!("{:.1}", measured.cpu_seconds_per_minute),
                format!("{} MiB", measured.peak_memory_bytes >> 20),
                format!("{:.0}", measured.output_kbps),
                measured.joules_per_minute.map_or("-".to_owned(), |joules| format!("{joules:.0}")),
            ]);
        }
        writeln!(f, "{table}\n")?;
        writeln!(f, "quality  {}", self.quality)?;
        if let Some(why) = &self.energy_missing {
            writeln!(f, "energy   not measurable here: {why}")?;
        }
        writeln!(f, "\n{}", self.summary)
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
fn graphics(dev: &Path) -> String {
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
    if found.is_empty() { "none found".to_owned() } else { format!("{} (not used)", found.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphics_are_found_by_their_device_files() {
        let dev = tempfile::tempdir().unwrap();
        assert_eq!(graphics(dev.path()), "none found");
        std::fs::create_dir(dev.path().join("dri")).unwrap();
        for name in ["dri/renderD128", "dri/card0", "nvidia0", "nvidiactl"] {
            std::fs::write(dev.path().join(name), "").unwrap();
        }
        assert_eq!(graphics(dev.path()), "nvidia0 renderD128 (not used)");
    }
}
