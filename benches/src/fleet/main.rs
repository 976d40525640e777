//! What a ladder costs: Flotilla's whole fleet on one machine beside a single ffmpeg command that makes the same ladder
//! from one decode. Both run in turn, several times, on the same machine in the same minutes; only the ratios mean
//! anything. See README.md in this folder.

mod contestant;
mod measure;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use measure::{Figures, median};

/// Measure Flotilla beside one ffmpeg command.
#[derive(Debug, Parser)]
struct Args {
    /// What to transcode.
    clip: PathBuf,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Runner processes of the fleet [default: as `flotilla transcode` chooses]
    #[arg(long)]
    runners: Option<u32>,
    /// The program flotilla, built for release, with flotilla-runner beside it.
    #[arg(long, default_value = "target/release/flotilla")]
    flotilla: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.rounds > 0, "--rounds must be at least 1");
    ensure!(args.flotilla.is_file(), "{} is not there; run `make release` first", args.flotilla.display());
    let folder = tempfile::tempdir().context("no folder to work in")?;
    let mut fleet = Vec::new();
    let mut limit = Vec::new();
    for round in 0..args.rounds {
        let out = folder.path().join(format!("fleet-{round}"));
        fleet.push(measure::run(contestant::fleet(&args.flotilla, &args.clip, &out, args.runners))?);
        // The ladder that the fleet chose is the one that the other has to make.
        let ladder = contestant::ladder(&out)?;
        let out = folder.path().join(format!("limit-{round}"));
        std::fs::create_dir(&out).context("no folder to work in")?;
        limit.push(measure::run(contestant::limit(&args.clip, &ladder, &out))?);
    }
    print(&args, &fleet, &limit);
    Ok(())
}

fn print(args: &Args, fleet: &[Figures], limit: &[Figures]) {
    let middle = |runs: &[Figures], figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
    let (fleet_cpu, limit_cpu) = (middle(fleet, |run| run.cpu_seconds), middle(limit, |run| run.cpu_seconds));
    let (fleet_wall, limit_wall) =
        (middle(fleet, |run| run.wall_seconds), middle(limit, |run| run.wall_seconds));
    if args.json {
        let row = |cpu: f64, wall: f64| serde_json::json!({ "cpu_seconds": cpu, "wall_seconds": wall });
        let report = serde_json::json!({
            "clip": args.clip, "rounds": args.rounds,
            "fleet": row(fleet_cpu, fleet_wall), "limit": row(limit_cpu, limit_wall),
            "ratio": row(fleet_cpu / limit_cpu, fleet_wall / limit_wall),
        });
        return println!("{report}");
    }
    println!("{}, median of {} rounds", args.clip.display(), args.rounds);
    println!("                     cpu s   wall s");
    println!(
        "fleet              {fleet_cpu:>7.1}  {fleet_wall:>7.1}   every process, from start to published result"
    );
    println!(
        "one ffmpeg         {limit_cpu:>7.1}  {limit_wall:>7.1}   one decode, cascaded scalers, the same ladder"
    );
    println!("ratio              {:>7.2}  {:>7.2}", fleet_cpu / limit_cpu, fleet_wall / limit_wall);
}
