//! The course of a benchmark: case by case, each several times, software first. What a device refuses is told and left out;
//! what software refuses ends it.

use std::collections::BTreeMap;
use std::path::Path;

use indicatif::ProgressBar;

use super::cases::{self, Case};
use super::clip::Clip;
use super::energy::{Counters, Energy};
use super::measure::{self, Measurement};
use super::quality::{Made, Missing, Quality};
use super::result::{Findings, Host, Notes};
use super::vmaf::Judge;
use super::{devices, failed};
use crate::attempt::local::Keep;
use crate::config::Config;
use crate::devices::Engines;
use crate::devices::kept::{Kept, now_seconds};
use crate::devices::offers::equipment;
use crate::error::Error;
use crate::hardware::Equipment;
use crate::identity::StateDir;
use crate::slots::capability;
use crate::slots::machine::Machine;
use crate::slots::trials::Trials;

/// A benchmark that is to be made.
pub struct Course<'a> {
    /// Of the runner.
    pub config: &'a Config,
    /// Where results of trials are kept.
    pub state: &'a StateDir,
    /// Fewer cases, each once.
    pub is_quick: bool,
    /// The program that judges by VMAF, where it has the filter.
    pub ffmpeg: &'a Path,
    /// For people who wait.
    pub bar: Option<ProgressBar>,
}

/// What it has found so far.
#[derive(Default)]
struct Found {
    measurements: Vec<Measurement>,
    not_measured: Vec<String>,
    quality_missing: Missing,
}

/// What every case is measured with.
struct Means {
    clip: Clip,
    slots: u32,
    counters: Counters,
    /// Or why there is none.
    judge: Result<Judge, String>,
}

impl Course<'_> {
    /// Measures.
    pub async fn run(self) -> Result<Findings, Error> {
        let machine = Machine::examine();
        let slots = self.config.slots.unwrap_or(machine.slot_count()).get();
        let mut versions = self.software().await;
        let mut cases = cases::of_software(self.is_quick);
        cases.retain(|case| versions.contains_key(&case.encoder));
        let devices = self.devices().await;
        cases.extend(devices::cases(self.is_quick, &devices));
        if cases.is_empty() {
            return Err(Error::NothingToOffer);
        }
        let offers = devices.iter().flat_map(|device| &device.offers);
        versions.extend(offers.map(|offer| (offer.encoder.clone(), offer.version.clone())));
        let clip = Clip::probe(&self.config.engine).await.map_err(|message| failed("the clip", &message))?;
        let energy = Energy::find();
        let (energy_source, energy_missing) = (energy.counters.sources(), energy.why_not());
        let judge = Judge::find(self.ffmpeg).await;
        let means = Means { clip, slots, counters: energy.counters, judge };
        let found = self.measure_all(&cases, &means).await?;
        let notes = Notes {
            energy_source,
            energy_missing,
            quality: found.quality_missing.told(means.judge.as_ref()),
            not_measured: found.not_measured,
        };
        let host = Host::describe(machine, slots, versions, !devices.is_empty());
        Ok(Findings::new(host, self.is_quick, notes, found.measurements))
    }

    /// Versions of the encoders that work.
    async fn software(&self) -> BTreeMap<String, String> {
        let Config { engine, encoders, .. } = self.config;
        let trials = capability::known_or_tried(self.state, &Trials::key(engine), engine, encoders).await;
        let passed = trials.into_iter().filter_map(|trial| Some((trial.encoder, trial.result.ok()?.version)));
        passed.collect()
    }

    /// Devices that would be offered now, as far as their owner lets them be used.
    pub(super) async fn devices(&self) -> Vec<Equipment> {
        let Config { engine, encoders, .. } = self.config;
        let bench = Engines::new(engine);
        let mut kept = Kept::known_or_tried(self.state, &bench, engine, now_seconds()).await;
        kept.findings.retain(|finding| finding.is_wanted(encoders));
        let mut devices = equipment(&kept.findings);
        devices.retain(|device| !device.offers.is_empty() && !kept.probations.contains_key(&device.name));
        devices
    }

    async fn measure_all(&self, cases: &[Case], means: &Means) -> Result<Found, Error> {
        if let Some(bar) = &self.bar {
            bar.set_length((cases.len() * self.run_count()) as u64);
        }
        let mut found = Found::default();
        for case in cases {
            match self.repeated(case, means).await {
                Ok((measured, quality)) => {
                    found.quality_missing.note(&case.to_string(), &quality);
                    self.tell(&measured);
                    found.measurements.push(measured);
                }
                Err(why) if case.device.is_some() => found.not_measured.push(format!("{case}: {why}")),
                Err(why) => return Err(failed(&case.to_string(), &why)),
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        match found.measurements.is_empty() {
            true => Err(failed("the devices", &found.not_measured.join("; "))),
            false => Ok(found),
        }
    }

    /// The same several times; the median counts.
    async fn repeated(&self, case: &Case, means: &Means) -> Result<(Measurement, Quality), String> {
        let Means { clip, counters, judge, .. } = means;
        let engine = &self.config.engine;
        let engines = case.engines(means.slots);
        if engines == 0 {
            return Err(format!(
                "it takes {} sessions at a time, more than the device has",
                case.sizes.len()
            ));
        }
        let is_on_nvidia = case.device.as_ref().is_some_and(|device| device.place.kind == "cuda");
        let energy = Some(counters).filter(|counters| counters.cover(is_on_nvidia));
        let (mut runs, mut first_made) = (Vec::new(), None);
        for number in 0..self.run_count() {
            if let Some(bar) = &self.bar {
                bar.set_message(case.to_string());
            }
            let keep = if number == 0 { Keep::All } else { Keep::Nothing };
            let (run, made) = measure::once(case, clip, engine, (engines, keep), energy).await?;
            runs.push(run);
            first_made = first_made.or(made);
            if let Some(bar) = &self.bar {
                bar.inc(1);
            }
        }
        let made: Made = first_made.ok_or("nothing was kept")?;
        let seconds = clip.seconds(clip.frame_count(case) as u64);
        let quality = made.quality(clip.chunk(case), seconds, engine, judge.as_ref().ok()).await;
        Ok((Measurement::of(case, clip, engines, &runs, &quality), quality))
    }

    fn tell(&self, measured: &Measurement) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{measured}")),
            None => tracing::info!(%measured, "benchmark"),
        }
    }

    fn run_count(&self) -> usize {
        if self.is_quick { 1 } else { 3 }
    }
}
