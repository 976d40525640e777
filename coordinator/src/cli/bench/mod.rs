//! `flotilla bench …`: benchmarks across the fleet, and what their figures say. `flotilla plan-capacity` reads the same
//! figures.

mod compare;
mod export;
mod leaderboard;
mod price;
mod report;
mod run;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Remote;
use super::client::Client;
use super::exit::{Exit, UserError};
use super::lists::print_json;
use crate::domain::benchmark::ranking::By;
use crate::jobs::BenchBoard;
pub use price::Prices;

/// `flotilla bench`
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// `flotilla bench …`
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// Have runners measure themselves, and keep what they find; scheduling starts from it.
    Run(RunArgs),
    /// Rank runners at each thing that was measured, from the newest result of each.
    Leaderboard(LeaderboardArgs),
    /// Hold two results against each other.
    Compare(CompareArgs),
    /// Write a page with charts and tables that needs nothing but a browser.
    Report(ReportArgs),
    /// Write all figures of all results as CSV; with --json, as JSON.
    Export(ExportArgs),
}

/// `flotilla bench run`
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// Only this runner, by name or id; may be repeated. Default: all that are live.
    #[arg(long = "runner", value_name = "RUNNER")]
    pub runners: Vec<String>,
    /// Fewer encoders and sizes, each once: below a minute.
    #[arg(long)]
    pub quick: bool,
    /// Only ask; look at the results later.
    #[arg(long)]
    pub no_wait: bool,
}

/// `flotilla bench leaderboard`
#[derive(Clone, Debug, Args)]
pub struct LeaderboardArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// What counts.
    #[arg(long, value_enum, default_value_t)]
    pub by: Criterion,
    /// Only this encoder.
    #[arg(long)]
    pub encoder: Option<String>,
    /// What machines cost.
    #[command(flatten)]
    pub prices: Prices,
}

/// What a leaderboard goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Criterion {
    /// Seconds of video per second.
    #[default]
    Speed,
    /// Joules for a minute of video.
    Energy,
    /// Money for an hour of video; needs --price.
    Price,
}

impl From<Criterion> for By {
    fn from(criterion: Criterion) -> Self {
        match criterion {
            Criterion::Speed => Self::Speed,
            Criterion::Energy => Self::Energy,
            Criterion::Price => Self::Price,
        }
    }
}

/// `flotilla bench compare`
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// A runner, by name or id, for its newest result; or the id of a result.
    pub first: String,
    /// The other.
    pub second: String,
}

/// `flotilla bench report`
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// Where to write the page.
    #[arg(long, value_name = "FILE")]
    pub html: PathBuf,
    /// Language of the page.
    #[arg(long, value_enum, default_value_t)]
    pub lang: Language,
    /// What machines cost.
    #[command(flatten)]
    pub prices: Prices,
}

/// Languages of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

/// `flotilla bench export`
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// Write CSV to this file. Default: to standard output.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// Runs one of them.
pub async fn run(args: BenchArgs, json: bool) -> Result<(), UserError> {
    match args.command {
        BenchCommand::Run(args) => run::run(args, json).await,
        BenchCommand::Leaderboard(args) => leaderboard::run(args, json).await,
        BenchCommand::Compare(args) => compare::run(args, json).await,
        BenchCommand::Report(args) => report::run(args, json).await,
        BenchCommand::Export(args) => {
            let board = board(&args.remote).await?;
            match (json, args.csv) {
                (true, _) => print_json(&board.results),
                (false, Some(path)) => write(&path, &export::csv(&board)),
                (false, None) => {
                    print!("{}", export::csv(&board));
                    Ok(())
                }
            }
        }
    }
}

/// All results that a coordinator has.
pub(super) async fn board(remote: &Remote) -> Result<BenchBoard, UserError> {
    Client::new(remote)?.get("/bench").await
}

/// The same; without any it is an error.
pub(super) async fn filled_board(remote: &Remote) -> Result<BenchBoard, UserError> {
    let board = board(remote).await?;
    match board.results.is_empty() {
        true => Err(UserError::new(
            Exit::Usage,
            "no runner of this fleet has been measured",
            "measure them with `flotilla bench run`",
        )),
        false => Ok(board),
    }
}

fn write(path: &PathBuf, text: &str) -> Result<(), UserError> {
    std::fs::write(path, text).map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        UserError::new(Exit::Storage, message, "name a file in a folder that this user can write")
    })
}
