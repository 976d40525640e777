//! The command line of `flotilla`.

mod bench;
mod capacity;
mod client;
pub mod exit;
pub mod lists;
mod peertube;
mod profiles;
pub mod progress;
mod serve;
mod submit;
pub mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::domain::edit::Edit;
use crate::domain::ids::InvalidId;
use crate::domain::{JobId, JobState};
use crate::telemetry;
use crate::transcode::probe::{self, ProbeArgs};
use crate::transcode::{self, TranscodeArgs};
use exit::UserError;

/// Transcode videos with a fleet of machines, exactly.
#[derive(Debug, Parser)]
#[command(name = "flotilla", version, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// Print JSON instead of tables and bars.
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more: -v what happens, -vv every step.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Shape of the log on standard error.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: telemetry::LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 2 usage, 3 the source is at fault, 4 the profile, 5 no capable runner, 6 storage, 7 internal,
130 interrupted.

Examples:
  flotilla transcode clip.mp4 --out ladder        the whole way on this machine, in one command
  flotilla probe clip.mp4 --profile web           what is in it, and what would be made of it
  flotilla serve --data-dir /var/lib/flotilla     a coordinator for a fleet
  flotilla token create                           a join token for one more runner
  flotilla submit s3://videos/in.mp4 --profile web --dest s3://videos/out --wait";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Transcode one video on this machine: coordinator, object store and runners for the time of one job.
    Transcode(TranscodeArgs),
    /// Say what a source is and, with a profile, what would be made of it at what cost.
    Probe(ProbeArgs),
    /// Run the coordinator of a fleet until it is told to stop.
    Serve(ServeArgs),
    /// Give a running coordinator a job.
    Submit(SubmitArgs),
    /// List jobs, newest first.
    Jobs(JobsArgs),
    /// Show one job and its tasks.
    Job(JobArgs),
    /// Say why a job is where it is: what its open tasks wait for, or who works on them.
    Why(JobArgs),
    /// Call a job off; its runners stop within seconds.
    Cancel(JobArgs),
    /// Give a failed job another try; finished chunks are kept.
    Retry(JobArgs),
    /// List the runners that have joined.
    Runners(Remote),
    /// Have runners measure themselves; rank and compare them, write reports.
    Bench(bench::BenchArgs),
    /// Say how many of which machines so many uploads a day need.
    PlanCapacity(capacity::CapacityArgs),
    /// Make, list and revoke join tokens.
    Token(TokenArgs),
    /// Work for PeerTube instances as their runner: register, list, status, unregister.
    Peertube(peertube::PeertubeArgs),
    /// List the profiles that jobs may name, or show one.
    Profiles(ProfilesArgs),
}

/// Which coordinator is meant.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// URL of the coordinator. Default: the one that runs on --data-dir, else http://127.0.0.1:7400.
    #[arg(long, env = "FLOTILLA_URL")]
    pub url: Option<String>,
    /// Its admin token. Default: read from --data-dir.
    #[arg(long, env = "FLOTILLA_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
    /// Data folder of a coordinator on this machine.
    #[arg(long, env = "FLOTILLA_DATA_DIR", default_value = "flotilla-data")]
    pub data_dir: PathBuf,
}

/// `flotilla serve`
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Configuration file, TOML; see docs/configuration.md.
    #[arg(long, env = "FLOTILLA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for database, admin token and embedded object store; over the file's data.dir.
    #[arg(long, env = "FLOTILLA_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on, for example 0.0.0.0:7400; over the file's server.listen.
    #[arg(long, env = "FLOTILLA_LISTEN")]
    pub listen: Option<SocketAddr>,
}

/// `flotilla submit`
#[derive(Clone, Debug, Args)]
pub struct SubmitArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// s3://bucket/key, or an http(s) URL that the coordinator can reach.
    pub source: String,
    /// Profile to follow; `flotilla profiles` lists them.
    #[arg(long, default_value = "web")]
    pub profile: String,
    /// Where to publish: s3://bucket/prefix.
    #[arg(long)]
    pub dest: String,
    /// Fixed length of a chunk; default: by the length of the video and the size of the fleet.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub chunk_seconds: Option<u32>,
    /// Lower runs first; 100 is ordinary.
    #[arg(long, allow_negative_numbers = true)]
    pub priority: Option<i32>,
    /// Show the video while it is being encoded: the manifest appears early and its playlists grow.
    #[arg(long)]
    pub progressive_publish: bool,
    /// Whose job it is, for shares in the fleet [default: default]
    #[arg(long)]
    pub tenant: Option<String>,
    /// A picture to show where the source has sound only: a JPEG, PNG or WebP, named as the source is
    #[arg(long)]
    pub picture: Option<String>,
    /// What of the source is kept, as JSON: [{"kind": "cut", "start_us": 0, "end_us": 9000000}]; and what is put in, each
    /// file by its number from 0: [{"kind": "add_intro", "file": 0}]
    #[arg(long, value_name = "JSON")]
    pub edits: Option<Edits>,
    /// A file that an edit puts in, named as the source is; one for each
    #[arg(long, value_name = "FILE")]
    pub insert: Vec<String>,
    /// A repeated submission under the same key finds the first one's job.
    #[arg(long)]
    pub idempotency_key: Option<String>,
    /// Wait until the job is over; the exit code tells how it went.
    #[arg(long)]
    pub wait: bool,
}

/// Edits as REST takes them.
#[derive(Clone, Debug, Default)]
pub struct Edits(pub Vec<Edit>);

impl FromStr for Edits {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

/// `flotilla jobs`
#[derive(Clone, Debug, Args)]
pub struct JobsArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// Only jobs in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(JobState::ALL.map(JobState::as_str)))]
    pub state: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

/// A command on one job.
#[derive(Clone, Debug, Args)]
pub struct JobArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// The job's id.
    pub id: JobId,
}

/// `flotilla token`
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// What to do with tokens.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// `flotilla token …`
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, once.
    Create {
        /// Which coordinator.
        #[command(flatten)]
        remote: Remote,
        /// How many runners may join with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How long it is good for: 30m, 1h, 7d.
        #[arg(long, default_value = "1h")]
        life: humantime::Duration,
        /// What it is for.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List tokens.
    List(Remote),
    /// Make a token worthless.
    Revoke {
        /// Which coordinator.
        #[command(flatten)]
        remote: Remote,
        /// The token's id, as `token list` shows it.
        #[arg(value_parser = token_id)]
        id: String,
    },
}

/// `flotilla profiles`
#[derive(Clone, Debug, Args)]
pub struct ProfilesArgs {
    /// Folder of your own profiles, which add to the shipped ones or replace them.
    #[arg(long, env = "FLOTILLA_PROFILES")]
    pub profiles_dir: Option<PathBuf>,
    /// What to do; default: list.
    #[command(subcommand)]
    pub command: Option<ProfilesCommand>,
}

/// `flotilla profiles …`
#[derive(Clone, Debug, Subcommand)]
pub enum ProfilesCommand {
    /// Print a profile as TOML.
    Show {
        /// Its name.
        name: String,
    },
}

/// Ids become parts of URLs, so they are checked here.
fn token_id(text: &str) -> Result<String, InvalidId> {
    text.parse::<JobId>().map(|id| id.to_string())
}

/// Runs a command line to its end.
pub async fn run(cli: Cli) -> Result<(), UserError> {
    let json = cli.json;
    match cli.command {
        Command::Transcode(args) => transcode::run(args, json, cli.verbose).await,
        Command::Probe(args) => probe::run(args, json, cli.verbose).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Submit(args) => submit::run(args, json).await,
        Command::Jobs(args) => lists::jobs(args, json).await,
        Command::Job(args) => lists::job(args, json).await,
        Command::Why(args) => lists::why(args, json).await,
        Command::Cancel(args) => lists::cancel(args, json).await,
        Command::Retry(args) => lists::retry(args, json).await,
        Command::Runners(remote) => lists::runners(&remote, json).await,
        Command::Bench(args) => bench::run(args, json).await,
        Command::PlanCapacity(args) => capacity::run(args, json).await,
        Command::Token(args) => lists::token(args.command, json).await,
        Command::Peertube(args) => peertube::run(args, json).await,
        Command::Profiles(args) => profiles::run(&args, json),
    }
}
