//! The figures as people read them: the machine, one line a case, and what is to be known about the columns.

use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};

use super::measure::Measurement;
use super::result::Findings;

const HEADER: [&str; 11] = [
    "ENCODER",
    "PRESET",
    "SIZE",
    "FRAMES/S",
    "REAL TIME",
    "SPREAD",
    "CPU S/MIN",
    "MEMORY",
    "KBIT/S",
    "SSIM",
    "J/MIN",
];

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
        writeln!(f, "{}\n", table(&self.measurements))?;
        writeln!(f, "quality  {}", self.quality)?;
        match (&self.energy_source, &self.energy_missing) {
            (Some(source), None) => writeln!(f, "energy   of: {source}")?,
            (Some(source), Some(why)) => writeln!(f, "energy   of: {source}; {why}")?,
            (None, why) => {
                writeln!(f, "energy   not measurable here: {}", why.as_deref().unwrap_or("not known why"))?;
            }
        }
        for case in &self.not_measured {
            writeln!(f, "left out {case}")?;
        }
        writeln!(f, "\n{}", self.summary)
    }
}

/// Sessions have a column where a device was measured, VMAF where it was.
fn table(measurements: &[Measurement]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let has_device = measurements.iter().any(|measured| measured.sessions.is_some());
    let has_vmaf = measurements.iter().any(|measured| measured.vmaf.is_some());
    let more = [has_vmaf.then_some("VMAF"), has_device.then_some("SESSIONS")];
    table.set_header(HEADER.into_iter().chain(more.into_iter().flatten()));
    for measured in measurements {
        let maybe = |figure: Option<f64>, digits: usize| {
            figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        let row = [
            measured.encoder.clone(),
            measured.preset.clone(),
            measured.size.clone(),
            format!("{:.1}", measured.frames_per_second),
            format!("{:.2}x", measured.times_real_time),
            measured.spread_percent.map_or("one run".to_owned(), |percent| format!("{percent:.1} %")),
            format!("{:.1}", measured.cpu_seconds_per_minute),
            format!("{} MiB", measured.peak_memory_bytes >> 20),
            format!("{:.0}", measured.output_kbps),
            maybe(measured.ssim, 4),
            maybe(measured.joules_per_minute, 0),
        ];
        let more = [has_vmaf.then(|| maybe(measured.vmaf, 2)), has_device.then(|| sessions(measured))];
        table.add_row(row.into_iter().chain(more.into_iter().flatten()));
    }
    table
}

/// "8, 2 engines": what the device carries, and how many worked at a time.
fn sessions(measured: &Measurement) -> String {
    let plural = if measured.engines == 1 { "" } else { "s" };
    let carried =
        measured.sessions.map(|sessions| format!("{sessions}, {} engine{plural}", measured.engines));
    carried.unwrap_or_else(|| "-".to_owned())
}
