//! How far one coordinator carries: thousands of runners that wait and hundreds that work, each on a connection of its own,
//! and how fast its store takes results and finds work among a hundred thousand jobs. See README.md in this folder.

mod coordinator;
mod crowd;
mod figures;
mod jobs;
mod load;
mod runner;
mod store;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Measure how far one coordinator carries.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Write the JSON to a file, too.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A coordinator process with thousands of simulated runners, over gRPC.
    Fleet(FleetArgs),
    /// The store alone: durable completions a second, and claims with and without a long history.
    Store(StoreArgs),
}

/// The crowd.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Runners that connect.
    #[arg(long, default_value_t = 5_000)]
    pub runners: usize,
    /// Runners among them that work.
    #[arg(long, default_value_t = 500)]
    pub busy: usize,
    /// Seconds for which the load is measured once everybody is there.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Tasks that are dispatched to waiting runners and timed, one after another.
    #[arg(long, default_value_t = 200)]
    pub dispatches: usize,
    /// The program flotilla, built for release.
    #[arg(long, default_value = "target/release/flotilla")]
    pub flotilla: PathBuf,
}

/// The store.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Jobs that the store holds already: published, failed, cancelled and waiting ones.
    #[arg(long, default_value_t = 100_000)]
    pub jobs: u32,
    /// Tasks that are claimed and timed.
    #[arg(long, default_value_t = 2_000)]
    pub claims: u32,
    /// Tasks that are taken from ready to done and counted.
    #[arg(long, default_value_t = 10_000)]
    pub completions: u32,
    /// Runners that claim and complete side by side.
    #[arg(long, default_value_t = 64)]
    pub side_by_side: usize,
    /// Folder for the store's file: on the disk that is to be measured [default: a temporary one]
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(async {
        match cli.command {
            Command::Fleet(args) => load::measure(&args).await,
            Command::Store(args) => store::measure(&args).await,
        }
    })?;
    if let Some(path) = &cli.out {
        std::fs::write(path, format!("{:#}\n", report.json()))?;
    }
    match cli.json {
        true => println!("{:#}", report.json()),
        false => println!("{report}"),
    }
    runtime.shutdown_background();
    Ok(())
}
