//! Prints how close the fleet comes to the least possible time, in virtual time. See README.md in `benches`.

mod chart;
mod report;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use flotilla_benches::simulation::costs::{self, Costs};

/// Of the queue.
const QUEUE_RUNNERS: usize = 64;

/// Of the queue.
const QUEUE_VIDEOS: usize = 500;

/// Simulate fleets in virtual time: real planner, real store, recorded costs.
#[derive(Debug, Parser)]
struct Args {
    /// What to simulate; nothing: all of it.
    scenarios: Vec<Group>,
    /// Of all chances.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Numbers of runners for the films.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64, 128, 256])]
    runners: Vec<usize>,
    /// The object store joins chunks by itself; otherwise they go through a runner's link of 1 Gbit/s.
    #[arg(long)]
    joined_by_store: bool,
    /// Draw makespan over lower bound against the number of runners.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Print a recording for costs.json out of a report, in place of a simulation.
    #[arg(long, value_name = "REPORT")]
    record: Vec<PathBuf>,
}

/// A group of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// One hour on 1 to 256 runners of mixed speed.
    Films,
    /// 500 mixed videos on 64 runners.
    Queue,
    /// One machine of 8, 16 and 64 processors.
    Machines,
    /// One runner of 16 slowed ten times in the middle.
    Slow,
    /// Runners that vanish at random.
    Deaths,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    if !args.record.is_empty() {
        return record(&args.record);
    }
    let costs = Costs::shipped();
    let wanted = |group| args.scenarios.is_empty() || args.scenarios.contains(&group);
    println!("seed {}", args.seed);
    let setting = report::Setting { costs: &costs, seed: args.seed, joined_by_store: args.joined_by_store };
    if wanted(Group::Films) {
        let curves = setting.films(&args.runners).await?;
        if let Some(path) = &args.svg {
            chart::draw(path, &curves)?;
        }
    }
    if wanted(Group::Queue) {
        setting.queue(QUEUE_RUNNERS, QUEUE_VIDEOS).await?;
    }
    if wanted(Group::Machines) {
        setting.machines().await?;
    }
    if wanted(Group::Slow) {
        setting.slow().await?;
    }
    if wanted(Group::Deaths) {
        setting.deaths().await?;
    }
    Ok(())
}

fn record(paths: &[PathBuf]) -> Result<()> {
    let mut clips = Vec::new();
    for path in paths {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let report =
            serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))?;
        let folder = path.parent().and_then(|folder| folder.file_name());
        let name = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        clips.push(costs::record(&name, &report)?);
    }
    println!("{}", serde_json::to_string_pretty(&clips)?);
    Ok(())
}
