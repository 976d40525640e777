//! The comparison: ours, limit, stock, in turn in every round.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flotilla_benches::clip::Clip;
use flotilla_benches::contestant;
use flotilla_benches::measure::{self, Figures, median};
use flotilla_benches::report::Report;
use serde_json::{Value, json};

use super::{Args, account};

/// One contestant: what it is called, what it does, and what its rounds cost.
struct Contestant {
    name: &'static str,
    what: &'static str,
    rounds: Vec<Figures>,
}

impl Contestant {
    fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, what, rounds: Vec::new() }
    }

    fn cpu(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.cpu_seconds))
    }

    fn wall(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.wall_seconds))
    }
}

/// Runs all contestants; the table and its figures.
pub fn measure(args: &Args, clip: &Clip, folder: &Path) -> Result<(String, Value)> {
    let mut fleet = Contestant::new("fleet", "every process, from start to published result");
    let mut limit =
        Contestant::new("limit", "one ffmpeg: one decode, cascaded scalers, all frame rates the source's");
    let mut same = Contestant::new("same rates", "the same, with the fleet's sizes, frame rates and caps");
    let mut stock =
        Contestant::new("stock", "one ffmpeg a rendition, each decoding everything, the top one twice");
    let ladder = contestant::ladder(clip);
    let mut report = None;
    for round in 0..args.rounds {
        let out = folder.join(format!("fleet-{round}"));
        fleet.rounds.push(measure::run(contestant::fleet(
            &args.flotilla,
            &args.clip,
            &out,
            args.runners,
            None,
        ))?);
        let made = Report::read(&out)?;
        let peers = fresh(folder)?;
        limit.rounds.push(measure::run(contestant::limit(&args.clip, &ladder, &peers))?);
        let rates = contestant::same_ladder(&made.ladder, clip, false);
        same.rounds.push(measure::run(contestant::limit(&args.clip, &rates, &peers))?);
        if !args.no_stock {
            stock.rounds.push(measure::run_all(contestant::stock(&args.clip, &ladder, &peers))?);
        }
        report = Some(made);
    }
    let report = report.context("there was no round")?;
    let mut contestants = vec![fleet, limit, same];
    contestants.extend((!args.no_stock).then_some(stock));
    let (accounts, account_figures) = account::account(&report, &contestants[0].rounds);
    let table = table(&contestants) + "\n" + &accounts;
    Ok((table, json!({ "contestants": figures(&contestants), "accounts": account_figures })))
}

/// An empty folder for a peer's files; those of the round before are gone.
pub fn fresh(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("peers");
    if path.exists() {
        std::fs::remove_dir_all(&path).context("the peers' files cannot be removed")?;
    }
    std::fs::create_dir(&path).context("no folder to work in")?;
    Ok(path)
}

fn table(contestants: &[Contestant]) -> String {
    let ours = &contestants[0];
    let mut text =
        format!("{:<12}{:>8}{:>9}{:>16}{:>10}\n", "", "cpu s", "wall s", "fleet/this: cpu", "wall");
    for one in contestants {
        let ratios = (ours.cpu() / one.cpu(), ours.wall() / one.wall());
        let _ = writeln!(
            text,
            "{:<12}{:>8.2}{:>9.2}{:>16.3}{:>10.3}   {}",
            one.name,
            one.cpu(),
            one.wall(),
            ratios.0,
            ratios.1,
            one.what
        );
    }
    text
}

fn figures(contestants: &[Contestant]) -> Value {
    let ours = &contestants[0];
    let row = |one: &Contestant| {
        json!({
            "name": one.name, "cpu_seconds": one.cpu(), "wall_seconds": one.wall(),
            "cpu_ratio": ours.cpu() / one.cpu(), "wall_ratio": ours.wall() / one.wall(),
            "rounds_cpu_seconds": one.rounds.iter().map(|round| round.cpu_seconds).collect::<Vec<_>>(),
            "rounds_wall_seconds": one.rounds.iter().map(|round| round.wall_seconds).collect::<Vec<_>>(),
        })
    };
    contestants.iter().map(row).collect()
}
