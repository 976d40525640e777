//! How the scale of quality of a device's encoder lies beside x264's, by which profiles state quality: the clip is encoded
//! at several numbers of both, and for each CRF the device's number is sought that looks the same. No cap binds, so that
//! the scales alone are seen.

mod scale;

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};
use flotilla_engine::spec::EncodeChunk;
use indicatif::ProgressBar;
use serde::Serialize;

use self::scale::{Sample, alike};
use super::cases::{Case, OnDevice, P540};
use super::clip::{CLIP_NAME, Clip};
use super::devices;
use super::quality::Made;
use crate::config;
use crate::hardware::Equipment;

/// Of x264: from better than profiles ask for to worse.
const CRFS: [u32; 4] = [20, 23, 26, 29];

/// Of a device: further to both sides.
const NUMBERS: std::ops::RangeInclusive<u32> = 14..=38;
const STEP: usize = 3;

/// More than any of these encodes needs, bit/s.
const LOOSE_CAP: u64 = 50_000_000;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Calibration {
    /// What was encoded.
    clip: &'static str,
    /// By each encoder of a device.
    encoders: Vec<Scale>,
}

/// The scale of one encoder.
#[derive(Debug, Serialize)]
struct Scale {
    encoder: String,
    /// Chip, driver and library.
    version: String,
    /// By CRF.
    places: Vec<Place>,
}

/// What looks like x264 at one CRF.
#[derive(Debug, Serialize)]
struct Place {
    crf: u32,
    /// Of x264 there: mean SSIM of brightness.
    ssim: f64,
    /// Of x264 there.
    kbps: f64,
    /// The device's number; none: not within those that were tried.
    number: Option<f64>,
    /// How much higher that is than the CRF.
    offset: Option<f64>,
    /// The device's there.
    number_kbps: Option<f64>,
}

/// A clip of so many frames, and who encodes it.
pub struct Bench<'a> {
    /// The clip.
    pub clip: Clip,
    /// Its first ones.
    pub frames: usize,
    /// What runs it.
    pub engine: &'a config::Engine,
    /// For people who wait.
    pub bar: Option<ProgressBar>,
}

impl Bench<'_> {
    /// Each encoder of these devices once, at the first that has it.
    pub async fn calibrate(&self, equipment: &[Equipment]) -> Result<Calibration, String> {
        let mut encoders: BTreeMap<&str, (&Equipment, &str)> = BTreeMap::new();
        for device in equipment {
            for offer in &device.offers {
                encoders.entry(&offer.encoder).or_insert((device, &offer.version));
            }
        }
        if let Some(bar) = &self.bar {
            let each = NUMBERS.step_by(STEP).count();
            bar.set_length((CRFS.len() + encoders.len() * each) as u64);
        }
        let mut software = Vec::new();
        for crf in CRFS.into_iter().filter(|_| !encoders.is_empty()) {
            software.push(self.sample(crf, self.software(crf)).await?);
        }
        let mut scales = Vec::new();
        for (encoder, (device, version)) in encoders {
            let mut samples = Vec::new();
            for number in NUMBERS.step_by(STEP) {
                samples.push(self.sample(number, self.of_device(encoder, device, number)).await?);
            }
            let places = CRFS.iter().zip(&software).map(|(crf, made)| Place::of(*crf, made, &samples));
            let (encoder, version) = (encoder.to_owned(), version.to_owned());
            scales.push(Scale { encoder, version, places: places.collect() });
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        Ok(Calibration { clip: CLIP_NAME, encoders: scales })
    }

    /// What the profiles ask of x264, without the cap.
    fn software(&self, crf: u32) -> EncodeChunk {
        let case = self.case("libx264", "veryfast", None);
        let mut settings = case.settings(P540[0].1);
        settings.insert("crf".to_owned(), crf.to_string());
        self.chunk(&case, settings)
    }

    fn of_device(&self, encoder: &str, device: &Equipment, number: u32) -> EncodeChunk {
        let on = OnDevice { place: device.place.clone(), sessions: device.sessions };
        self.chunk(&self.case(encoder, "", Some(on)), devices::told(encoder, &number.to_string(), LOOSE_CAP))
    }

    fn case(&self, encoder: &str, preset: &str, device: Option<OnDevice>) -> Case {
        let (encoder, preset) = (encoder.to_owned(), preset.to_owned());
        Case { encoder, preset, sizes: P540, frames: self.frames, is_usual: false, device }
    }

    fn chunk(&self, case: &Case, settings: BTreeMap<String, String>) -> EncodeChunk {
        let mut chunk = self.clip.chunk(case);
        chunk.renditions[0].settings = settings;
        chunk
    }

    /// Encodes and judges.
    async fn sample(&self, number: u32, chunk: EncodeChunk) -> Result<Sample, String> {
        let encoder = chunk.renditions[0].encoder.clone();
        let failed = |why: String| format!("{encoder} at {number}: {why}");
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{encoder} at {number}"));
        }
        let seconds = self.clip.seconds(chunk.grids[0].source_pts.len() as u64);
        let made = Made::encode(chunk.clone(), self.engine).await.map_err(failed)?;
        let likeness = made.likeness(chunk, self.engine).await.map_err(failed)?;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        Ok(Sample { number: number.into(), ssim: likeness.mean_ssim_y, kbps: made.kbps(seconds) })
    }
}

impl Place {
    fn of(crf: u32, made: &Sample, device: &[Sample]) -> Self {
        let found = alike(device, made.ssim);
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            crf,
            ssim: (made.ssim * 10_000.0).round() / 10_000.0,
            kbps: tenth(made.kbps),
            number: found.map(|found| tenth(found.number)),
            offset: found.map(|found| tenth(found.number - f64::from(crf))),
            number_kbps: found.map(|found| tenth(found.kbps)),
        }
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.encoders.is_empty() {
            return writeln!(
                f,
                "no device of this machine encodes, so there is no scale to compare; see `flotilla-runner doctor`"
            );
        }
        writeln!(f, "clip     {}", self.clip)?;
        for scale in &self.encoders {
            writeln!(f, "\n{} ({})\n{}", scale.encoder, scale.version, scale.table())?;
        }
        writeln!(
            f,
            "\nNUMBER is where on its own scale the encoder looks like x264 at CRF: the same SSIM of brightness; \
             OFFSET is NUMBER less CRF."
        )
    }
}

impl Scale {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["CRF", "SSIM", "KBIT/S", "NUMBER", "OFFSET", "ITS KBIT/S"]);
        for place in &self.places {
            let found = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
            let missing = || format!("not from {} to {}", NUMBERS.start(), NUMBERS.end());
            table.add_row([
                place.crf.to_string(),
                format!("{:.4}", place.ssim),
                format!("{:.0}", place.kbps),
                place.number.map_or_else(missing, |number| format!("{number:.1}")),
                place.offset.map_or("-".to_owned(), |offset| format!("{offset:+.1}")),
                found(place.number_kbps),
            ]);
        }
        table
    }
}
