//! All figures as CSV (RFC 4180): one line a measurement, so that other programs need not know how results are built.

use crate::domain::benchmark::Measurement;
use crate::jobs::{BenchBoard, BenchmarkView};

/// New ones at the end: programs may count them.
const COLUMNS: [&str; 31] = [
    "result",
    "runner",
    "runner_id",
    "measured_at_ms",
    "version",
    "build",
    "quick",
    "machine",
    "cpu_count",
    "memory_bytes",
    "slots",
    "encoder",
    "preset",
    "size",
    "runs",
    "frames_per_second",
    "times_real_time",
    "pixels_per_second_per_slot",
    "spread_percent",
    "cpu_seconds_per_minute",
    "peak_memory_bytes",
    "output_kbps",
    "joules_per_minute",
    "energy_source",
    "ssim",
    "ssim_worst",
    "ssim_kbps",
    "engines",
    "sessions",
    "vmaf",
    "vmaf_worst",
];

/// All results, the newest first.
pub fn csv(board: &BenchBoard) -> String {
    let lines = board.results.iter().flat_map(|result| {
        result.findings.measurements.iter().map(|measured| line(&values(result, measured)))
    });
    let header = line(&COLUMNS.map(str::to_owned));
    std::iter::once(header).chain(lines).collect()
}

fn values(result: &BenchmarkView, measured: &Measurement) -> [String; 31] {
    let (findings, host) = (&result.findings, &result.findings.host);
    let maybe = |figure: Option<f64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    let count = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
    [
        result.id.clone(),
        result.runner.clone(),
        result.runner_id.clone(),
        result.measured_at.0.to_string(),
        findings.version.clone(),
        findings.build.clone(),
        findings.quick.to_string(),
        host.description.clone(),
        host.cpu_count.to_string(),
        host.memory_bytes.to_string(),
        host.slots.to_string(),
        measured.encoder.clone(),
        measured.preset.clone(),
        measured.size.clone(),
        measured.runs.to_string(),
        measured.frames_per_second.to_string(),
        measured.times_real_time.to_string(),
        measured.pixels_per_second_per_slot.to_string(),
        maybe(measured.spread_percent),
        measured.cpu_seconds_per_minute.to_string(),
        measured.peak_memory_bytes.to_string(),
        measured.output_kbps.to_string(),
        maybe(measured.joules_per_minute),
        findings.energy_source.clone().unwrap_or_default(),
        maybe(measured.ssim),
        maybe(measured.ssim_worst),
        maybe(measured.ssim_kbps),
        count(measured.engines),
        count(measured.sessions),
        maybe(measured.vmaf),
        maybe(measured.vmaf_worst),
    ]
}

fn line(values: &[String]) -> String {
    values.iter().map(|value| field(value)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Quoted where it must be. What a spreadsheet would take for a formula begins with an apostrophe: names are others' words.
fn field(value: &str) -> String {
    let is_formula = value.starts_with(['=', '+', '-', '@']) && value.parse::<f64>().is_err();
    let value = if is_formula { format!("'{value}") } else { value.to_owned() };
    match value.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::benchmark::fixtures::findings;

    #[test]
    fn a_line_for_each_measurement_with_as_many_fields_as_columns() {
        let result = BenchmarkView {
            id: "r".into(),
            runner: "studio, \"left\"".into(),
            runner_id: "a".into(),
            measured_at: Timestamp(5),
            findings: findings(2.5, None),
        };
        let board = BenchBoard { open: vec![], results: vec![result] };
        let text = csv(&board);
        let lines: Vec<_> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].split(',').count(), COLUMNS.len());
        assert!(lines[1].starts_with("r,\"studio, \"\"left\"\"\",a,5,0.1.0,release,true,"), "{text}");
        let figures =
            ",libx264,veryfast,540p ladder,1,75,2.5,48750000,,24,104857600,4000,,,0.9812,0.95,1500,2,,,";
        assert!(lines[1].ends_with(figures), "{text}");
    }

    #[test]
    fn nothing_becomes_a_formula() {
        assert_eq!(
            ["=1+1", "-x", "-1.5", "@a", "plain"].map(field),
            ["'=1+1", "'-x", "-1.5", "'@a", "plain"]
        );
    }
}
