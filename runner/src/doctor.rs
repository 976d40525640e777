//! `doctor`: what this machine can do, and why not. Always tries, never trusts what was kept.

use std::fmt::{Display, Formatter};

use comfy_table::{ContentArrangement, Table, presets};
use flotilla_engine::inventory::{Inventory, Item};
use serde::Serialize;

use crate::config::Config;
use crate::devices;
use crate::devices::kept::{Kept, now_seconds};
use crate::devices::offers::equipment;
use crate::error::Error;
use crate::hardware::Equipment;
use crate::hardware::standing::Probation;
use crate::identity::StateDir;
use crate::membership::{self, Shown};
use crate::slots::benchmark::Benchmark;
use crate::slots::capability::{self, Trial};
use crate::slots::machine::Machine;
use crate::slots::trials::Trials;

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    machine: Machine,
    ffmpeg: String,
    slots: u32,
    engine_memory_mib: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    benchmark: Option<String>,
    /// Of several, those that it works for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coordinators: Vec<Shown>,
    encoders: Vec<Finding>,
    devices: Vec<devices::Finding>,
    /// What of the devices a runner uses, or would use.
    used: Vec<Used>,
    reads: Inventory,
}

/// A device as a runner sees it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Used {
    name: String,
    /// Offered to the coordinator, for profiles that allow hardware.
    offers: Vec<String>,
    /// Codecs that it decodes faster than software.
    decodes: Vec<String>,
    /// Encodes at a time, as found by trying.
    sessions: u32,
    /// Set: its runner does not use it for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    probation: Option<Probation>,
    /// Age of the results that the runner works by, seconds; none: it has not run yet, or has to try anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    results_age_seconds: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    name: String,
    works: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// Tries every encoder and prints what was found.
pub async fn examine(config: &Config, json: bool) -> Result<(), Error> {
    let machine = Machine::examine();
    let bench = devices::Engines::new(&config.engine);
    let tried = Kept::tried(&bench, &config.engine, now_seconds()).await;
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        slots: config.slots.unwrap_or(machine.slot_count()).get(),
        machine,
        ffmpeg: flotilla_engine::run::libraries(),
        engine_memory_mib: config.engine.memory_mib,
        benchmark: last_benchmark(config),
        coordinators: state(config).map_or_else(Vec::new, |state| membership::shown(config, &state)),
        encoders: capability::try_all(&config.engine, &[]).await.into_iter().map(Finding::from).collect(),
        used: used(&tried, state(config).and_then(|state| Kept::load(&state)).as_ref()),
        devices: tried.findings,
        reads: Inventory::examine(),
    };
    match json {
        true => println!("{}", serde_json::to_string_pretty(&findings).expect("plain data has a JSON form")),
        false => print!("{findings}"),
    }
    Ok(())
}

/// None before the first one, and after a change of the program or its libraries.
fn last_benchmark(config: &Config) -> Option<String> {
    Some(Benchmark::load(&state(config)?, &Trials::key(&config.engine))?.summary)
}

/// To look is not to make the folder.
fn state(config: &Config) -> Option<StateDir> {
    config.state_dir.is_dir().then(|| StateDir::open(&config.state_dir).ok())?
}

/// What is of use of what was found now, and what the runner of this state folder makes of it.
fn used(tried: &Kept, kept: Option<&Kept>) -> Vec<Used> {
    let holds = kept.filter(|kept| kept.holds(&tried.programs, &tried.drivers, tried.tried_at));
    let used = |one: Equipment| Used {
        offers: one.offers.into_iter().map(|offer| offer.name).collect(),
        decodes: one.decodes,
        sessions: one.sessions,
        probation: holds.and_then(|kept| kept.probations.get(&one.name).cloned()),
        results_age_seconds: holds.map(|kept| tried.tried_at.saturating_sub(kept.tried_at)),
        name: one.name,
    };
    equipment(&tried.findings).into_iter().map(used).collect()
}

impl Display for Used {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "device    {}: ", self.name)?;
        match self.offers.is_empty() {
            true => write!(f, "encodes nothing that profiles ask for; ")?,
            false => write!(f, "offers {}, {} sessions; ", self.offers.join(" "), self.sessions)?,
        }
        match self.decodes.is_empty() {
            true => write!(f, "software decodes as fast")?,
            false => write!(f, "decodes {} for software's encoders", self.decodes.join(" "))?,
        }
        if let Some(Probation { failures, until, why }) = &self.probation {
            let seconds = until.saturating_sub(now_seconds());
            write!(f, "; on probation, tried again in {seconds} s after {failures} failures: {why}")?;
        }
        match self.results_age_seconds {
            Some(seconds) => write!(f, "; the runner's own trials are {} h old", seconds / 3600),
            None => write!(f, "; the runner has not tried it yet, or has to try it anew"),
        }
    }
}

impl From<Trial> for Finding {
    fn from(Trial { encoder, result }: Trial) -> Self {
        match result {
            Ok(passed) => Self {
                name: encoder,
                works: true,
                fingerprint: Some(passed.fingerprint),
                version: Some(passed.version),
                reason: None,
                hint: None,
            },
            Err(reason) => Self {
                hint: Some(hint(&encoder)),
                name: encoder,
                works: false,
                fingerprint: None,
                version: None,
                reason: Some(reason),
            },
        }
    }
}

impl Display for Findings {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Machine { cpu_count, memory_bytes, description } = &self.machine;
        writeln!(f, "flotilla-runner {}", self.version)?;
        writeln!(f, "machine   {description}")?;
        writeln!(
            f,
            "capacity  {cpu_count} processors, {} MiB of memory, {} slots",
            memory_bytes >> 20,
            self.slots
        )?;
        match self.engine_memory_mib {
            0 => writeln!(f, "engine    as much memory as there is")?,
            limit => writeln!(f, "engine    at most {limit} MiB of memory each")?,
        }
        let unknown = "not known: `flotilla-runner bench --quick` measures it";
        writeln!(f, "speed     {}", self.benchmark.as_deref().unwrap_or(unknown))?;
        for coordinator in &self.coordinators {
            writeln!(f, "works     for {coordinator}")?;
        }
        writeln!(f, "ffmpeg    {}\n", self.ffmpeg)?;
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["ENCODER", "WORKS", "FINGERPRINT", "VERSION OR REASON"]);
        for finding in &self.encoders {
            let words = finding.version.as_ref().or(finding.reason.as_ref()).map_or("", String::as_str);
            let fingerprint = finding.fingerprint.as_deref().unwrap_or("-");
            table.add_row([
                finding.name.as_str(),
                if finding.works { "yes" } else { "no" },
                fingerprint,
                words,
            ]);
        }
        writeln!(f, "{table}\n")?;
        writeln!(f, "{}\n", devices::table::table(&self.devices))?;
        for used in &self.used {
            writeln!(f, "{used}")?;
        }
        if self.used.is_empty() {
            writeln!(f, "device    none is of use: software does everything")?;
        }
        writeln!(f)?;
        for (what, items) in [
            ("containers", &self.reads.containers),
            ("video", &self.reads.video),
            ("audio", &self.reads.audio),
        ] {
            writeln!(f, "reads {what:10} {}", names(items, true))?;
            let lacking = names(items, false);
            if !lacking.is_empty() {
                writeln!(f, "lacks {what:10} {lacking}")?;
            }
        }
        for finding in self.encoders.iter().filter(|finding| !finding.works) {
            writeln!(f, "\nhint: {}: {}", finding.name, finding.hint.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Names of what this build reads, or of what it does not.
fn names(items: &[Item], reads: bool) -> String {
    let chosen = items.iter().filter(|item| item.reads == reads).map(|item| item.name);
    chosen.collect::<Vec<_>>().join(" ")
}

fn hint(encoder: &str) -> &'static str {
    match encoder {
        "libx264" => "install an FFmpeg built with libx264 (Debian: libavcodec-extra or libavcodec59)",
        "libsvtav1" => "install an FFmpeg built with SVT-AV1 (Debian 12 and later have it)",
        "libopus" => "install an FFmpeg built with libopus",
        "rav1e" => "it is built into this program: run with -vv and report what it says",
        _ => "it is a part of every FFmpeg: check that FFmpeg's libraries are installed whole",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_told_with_its_reason_and_a_hint() {
        let trial = Trial { encoder: "libx264".into(), result: Err("not in this FFmpeg".into()) };
        let findings = Findings {
            version: "1",
            machine: Machine { cpu_count: 2, memory_bytes: 4 << 30, description: "a box".into() },
            ffmpeg: "59".into(),
            slots: 2,
            engine_memory_mib: 512,
            benchmark: Some("quick enough".into()),
            coordinators: vec![Shown { url: "http://here".into(), share: 3, not_joined: None }],
            encoders: vec![trial.into()],
            devices: Vec::new(),
            used: vec![Used {
                name: "cuda".into(),
                offers: vec![],
                decodes: vec!["h264".into()],
                sessions: 0,
                probation: Some(Probation { failures: 2, until: 0, why: "it hung".into() }),
                results_age_seconds: Some(7200),
            }],
            reads: Inventory {
                containers: vec![Item { name: "mov", reads: true }, Item { name: "dv", reads: false }],
                video: Vec::new(),
                audio: Vec::new(),
            },
        };
        let text = findings.to_string();
        assert!(text.contains("reads containers mov") && text.contains("lacks containers dv"), "{text}");
        assert!(text.contains("at most 512 MiB") && text.contains("speed     quick enough"), "{text}");
        let told = "cuda: encodes nothing that profiles ask for; decodes h264 for software's encoders; on probation, \
                    tried again in 0 s after 2 failures: it hung; the runner's own trials are 2 h old";
        assert!(text.contains(told), "{text}");
        assert!(text.contains("works     for http://here (share 3)\n"), "{text}");
        assert!(text.contains("not in this FFmpeg") && text.contains("hint: libx264: install"), "{text}");
    }
}
