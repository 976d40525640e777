//! What a runner's benchmark found, as the runner wrote it (its `bench/result.rs`). A runner's words are its own: they are
//! held against limits before they are kept, and nothing is computed from figures that are none.

pub mod comparison;
pub mod ranking;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Figures of another format mean something else.
const FORMAT: u32 = 1;

/// Longest text of a result, bytes.
const MAX_TEXT: usize = 500;

/// Most measurements of a result, and most encoders.
const MAX_COUNT: usize = 100;

/// No figure is larger.
const MAX_FIGURE: f64 = 1e15;

/// By what runners are compared before their tasks tell: all have it.
const COMMON_ENCODER: &str = "libx264";

/// Everything that a benchmark found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Results of different formats are not to be compared.
    pub format: u32,
    /// Of the runner's program.
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
    /// What the energy is of: "processor", "processor and NVIDIA device"; none: of nothing, or the runner is too old to say.
    #[serde(default)]
    pub energy_source: Option<String>,
    /// Why energy is missing, all of it or of some source.
    pub energy_missing: Option<String>,
    /// Cases that a device refused, each with its reason.
    #[serde(default)]
    pub not_measured: Vec<String>,
    /// One line for people.
    pub summary: String,
}

/// What the figures were measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Graphics devices.
    pub gpu: String,
    /// Version of each encoder that passed its trial.
    pub encoders: BTreeMap<String, String>,
}

/// What the runs of a case showed: medians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// As profiles name it.
    pub encoder: String,
    /// Its preset; of rav1e its speed.
    pub preset: String,
    /// "540p ladder", "360p".
    pub size: String,
    /// Frames of the clip that each slot encoded.
    pub frames_per_slot: u64,
    /// How often.
    pub runs: u64,
    /// Frames of the clip per second, all slots together.
    pub frames_per_second: f64,
    /// Seconds of video per second, all slots together.
    pub times_real_time: f64,
    /// Output pixels per second of one slot while all work, as the scheduler counts.
    pub pixels_per_second_per_slot: u64,
    /// The encoder's usual preset, on what chunks of it mostly are.
    pub is_usual: bool,
    /// (Fastest - slowest) / median of the runs, per cent; none for one run.
    pub spread_percent: Option<f64>,
    /// CPU seconds for a minute of video.
    pub cpu_seconds_per_minute: f64,
    /// Of the engine that held most in any run.
    pub peak_memory_bytes: u64,
    /// Of all renditions together.
    pub output_kbps: f64,
    /// Joules for a minute of video, of whom [`Findings::energy_source`] says; none where it cannot be measured.
    pub joules_per_minute: Option<f64>,
    /// How like its source the largest rendition is: structural similarity of brightness, FFmpeg's `lavfi.ssim.Y`, mean of
    /// all frames; none where it was not told, as by runners of earlier releases.
    #[serde(default)]
    pub ssim: Option<f64>,
    /// The same of the frame that is least alike.
    #[serde(default)]
    pub ssim_worst: Option<f64>,
    /// Bit rate of the largest rendition alone.
    #[serde(default)]
    pub ssim_kbps: Option<f64>,
    /// VMAF of the largest rendition against the same pictures, mean of all frames, 0 to 100; none where it was not told, as by
    /// runners without a program for it.
    #[serde(default)]
    pub vmaf: Option<f64>,
    /// The same of the frame that looks worst.
    #[serde(default)]
    pub vmaf_worst: Option<f64>,
    /// Engines at work at the same time; none: one in each slot.
    #[serde(default)]
    pub engines: Option<u32>,
    /// Encodes at a time that the device carries; none: software.
    #[serde(default)]
    pub sessions: Option<u32>,
}

impl Findings {
    /// Reads and checks what a runner wrote; the error says in one sentence what is wrong with it.
    pub fn read(value: &Value) -> Result<Self, String> {
        let found = Self::deserialize(value).map_err(|error| format!("it does not read: {error}"))?;
        found.check()?;
        Ok(found)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("it is of format {}, not {FORMAT}", self.format));
        }
        if self.measurements.is_empty() || self.measurements.len() > MAX_COUNT {
            return Err(format!("it holds {} measurements", self.measurements.len()));
        }
        if self.not_measured.len() > MAX_COUNT {
            return Err(format!("it leaves out {} cases", self.not_measured.len()));
        }
        if self.host.encoders.len() > MAX_COUNT || self.host.slots == 0 {
            return Err("its machine is described wrongly".to_owned());
        }
        match self.texts().find(|text| !is_plain(text)) {
            Some(_) => Err(format!("a text of it is longer than {MAX_TEXT} bytes or not one line")),
            None => self.measurements.iter().try_for_each(Measurement::check),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let Self { version, build, clip, host, measurements, energy_missing, energy_source, .. } = self;
        let Self { summary, not_measured, .. } = self;
        let own = [version, build, clip, summary].into_iter().chain(energy_missing).chain(energy_source);
        let own = own.chain(not_measured);
        let machine = [&host.description, &host.kernel, &host.ffmpeg, &host.gpu].into_iter();
        let encoders = host.encoders.iter().flat_map(|(name, version)| [name, version]);
        let cases = measurements.iter().flat_map(|one| [&one.encoder, &one.preset, &one.size]);
        own.chain(machine).chain(encoders).chain(cases).map(String::as_str)
    }

    /// What is measured of an encoder with its usual preset.
    pub fn usual(&self, encoder: &str) -> Option<&Measurement> {
        self.measurements.iter().find(|measured| measured.is_usual && measured.encoder == encoder)
    }

    /// Output pixels per second of a slot, by which the scheduler compares runners before their tasks tell.
    pub fn speed(&self) -> Option<u64> {
        self.usual(COMMON_ENCODER).map(|measured| measured.pixels_per_second_per_slot)
    }
}

impl Measurement {
    fn check(&self) -> Result<(), String> {
        let Self { frames_per_second, times_real_time, cpu_seconds_per_minute, output_kbps, .. } = self;
        let figures = [*frames_per_second, *times_real_time, *cpu_seconds_per_minute, *output_kbps];
        let others = [self.spread_percent, self.joules_per_minute, self.ssim_kbps];
        let is_figure = |figure: f64| (0.0..=MAX_FIGURE).contains(&figure);
        // What is unlike in every way has less than nothing.
        let is_likeness = |figure: f64| (-1.0..=1.0).contains(&figure);
        let likenesses = [self.ssim, self.ssim_worst];
        let is_score = |figure: f64| (0.0..=100.0).contains(&figure);
        let is_sound = figures.into_iter().chain(others.into_iter().flatten()).all(is_figure)
            && likenesses.into_iter().flatten().all(is_likeness)
            && [self.vmaf, self.vmaf_worst].into_iter().flatten().all(is_score);
        // What is divided by must not be nothing.
        let is_some = *times_real_time > 0.0 && self.pixels_per_second_per_slot > 0;
        let is_sound = is_sound && is_some && self.pixels_per_second_per_slot as f64 <= MAX_FIGURE;
        if is_sound { Ok(()) } else { Err(format!("a figure of {} is none", self.case())) }
    }

    /// What was done: "libx264 veryfast 540p ladder". Measurements of one case can be compared.
    pub fn case(&self) -> String {
        format!("{} {} {}", self.encoder, self.preset, self.size)
    }
}

/// One line that a terminal shows as it is.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

#[cfg(test)]
#[allow(missing_docs)]
pub mod fixtures {
    use super::*;

    /// A machine that is so many times as fast as real time with x264 on a ladder.
    pub fn findings(times_real_time: f64, joules_per_minute: Option<f64>) -> Findings {
        let slots = 2;
        let measured = Measurement {
            encoder: "libx264".into(),
            preset: "veryfast".into(),
            size: "540p ladder".into(),
            frames_per_slot: 60,
            runs: 1,
            frames_per_second: times_real_time * 30.0,
            times_real_time,
            // A ladder of 540p has 1.3 million pixels.
            pixels_per_second_per_slot: (times_real_time * 30.0 * 1_300_000.0) as u64 / u64::from(slots),
            is_usual: true,
            spread_percent: None,
            cpu_seconds_per_minute: 60.0 / times_real_time,
            peak_memory_bytes: 100 << 20,
            output_kbps: 4_000.0,
            joules_per_minute,
            ssim: Some(0.9812),
            ssim_worst: Some(0.95),
            ssim_kbps: Some(1_500.0),
            vmaf: None,
            vmaf_worst: None,
            engines: Some(slots),
            sessions: None,
        };
        Findings {
            format: FORMAT,
            version: "0.1.0".into(),
            build: "release".into(),
            quick: true,
            clip: "a clip".into(),
            host: Host {
                description: "a machine".into(),
                cpu_count: 2,
                memory_bytes: 4 << 30,
                slots,
                kernel: "6.1".into(),
                ffmpeg: "lavc 59".into(),
                gpu: "none found".into(),
                encoders: [("libx264".to_owned(), "164".to_owned())].into(),
            },
            measurements: vec![measured],
            energy_source: joules_per_minute.map(|_| "processor".to_owned()),
            energy_missing: None,
            not_measured: Vec::new(),
            summary: "fast enough".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_refused(change: impl FnOnce(&mut Value), expected: &str) {
        let mut value = serde_json::to_value(fixtures::findings(2.0, Some(90.0))).unwrap();
        assert!(Findings::read(&value).is_ok());
        change(&mut value);
        let error = Findings::read(&value).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_no_result_is_refused() {
        check_refused(|value| value["format"] = json!(2), "format 2");
        check_refused(|value| value["measurements"] = json!([]), "0 measurements");
        check_refused(|value| value["host"]["slots"] = json!(0), "machine");
        check_refused(|value| value["summary"] = json!("two\nlines"), "one line");
        check_refused(|value| value["host"]["gpu"] = json!("x".repeat(501)), "500 bytes");
        check_refused(|value| value["measurements"][0]["encoder"] = json!("\u{1b}[31m"), "one line");
        check_refused(|value| value["measurements"][0]["times_real_time"] = json!(0), "is none");
        check_refused(|value| value["measurements"][0]["joules_per_minute"] = json!(-1), "is none");
        check_refused(|value| value["measurements"][0]["output_kbps"] = json!(1e300), "is none");
        check_refused(|value| value["measurements"][0]["runs"] = json!("many"), "does not read");
        check_refused(|value| value["measurements"][0]["ssim"] = json!(1.01), "is none");
        check_refused(|value| value["measurements"][0]["ssim_kbps"] = json!(-1), "is none");
        check_refused(|value| value["measurements"][0]["vmaf"] = json!(100.1), "is none");
        check_refused(|value| value["energy_source"] = json!("a\nb"), "one line");
        check_refused(|value| value["not_measured"] = json!(["\u{7}"]), "one line");
        check_refused(|value| value["not_measured"] = json!(vec!["x"; 101]), "leaves out 101");
    }

    #[test]
    fn an_older_runner_says_less() {
        let mut value = serde_json::to_value(fixtures::findings(2.0, None)).unwrap();
        for name in ["energy_source", "not_measured"] {
            value.as_object_mut().unwrap().remove(name).unwrap();
        }
        for name in ["ssim", "ssim_worst", "ssim_kbps", "vmaf", "vmaf_worst", "engines", "sessions"] {
            value["measurements"][0].as_object_mut().unwrap().remove(name).unwrap();
        }
        let found = Findings::read(&value).unwrap();
        assert_eq!((found.measurements[0].ssim, found.measurements[0].times_real_time), (None, 2.0));
    }

    #[test]
    fn a_newer_runner_may_say_more() {
        let mut value = serde_json::to_value(fixtures::findings(2.0, None)).unwrap();
        value["weather"] = json!("hot");
        value["measurements"][0]["fans"] = json!(3);
        let found = Findings::read(&value).unwrap();
        assert_eq!(found.speed(), Some(39_000_000));
        assert_eq!(found.measurements[0].case(), "libx264 veryfast 540p ladder");
    }
}
