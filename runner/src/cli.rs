//! The command line: what can be said, and how it becomes a [`Config`]. Flags overrule the environment, which
//! overrules the file.

mod coordinators;
mod neighbour;

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::file::File;
use crate::config::{self, Config, Engine};
use crate::error::Error;
use crate::lifecycle::{self, Tokens};
use crate::slots::capability::{CANDIDATES, DEVICE_CANDIDATES};
use crate::slots::machine::Machine;
use crate::{app, bench, doctor, logging, membership};

/// Memory that one engine may use when nothing says otherwise, MiB.
const ENGINE_MEMORY_MIB: u64 = 8192;

const AFTER_HELP: &str = "\
Examples:
  flotilla-runner doctor                                     what this machine can encode, and why not
  flotilla-runner join https://fleet.example.org --token T   become a runner of that coordinator
  flotilla-runner bench --quick                              how fast this machine is, in half a minute
  flotilla-runner run --slots 2                              work, two tasks at a time
  flotilla-runner pause --for 2h                             no tasks for two hours; running ones are given back
  flotilla-runner join https://b.example.org --token T --share 2
                                                             work for a second one too, for two parts of three
  flotilla-runner leave                                      be forgotten, here and at the coordinator

Configuration file (TOML, every setting optional): state_dir; [coordinator] url, token_file, name,
share, allow_plaintext; [[coordinators]] the same, for several; [work] slots, engine_memory_mib, encoders; [neighbour] hours, max_load_percent, on_battery,
max_temperature_c, when_resting, nice, max_download_kib_per_second, max_upload_kib_per_second, keep_awake;
[log] format.

Signals: the first SIGINT or SIGTERM drains (running tasks are finished, then exit 0); the second stops at
once (running tasks are given back to the coordinator, exit 130).

Exit codes: 0 done, 2 usage, 5 nothing can be encoded here, 6 the coordinator or the network, 7 internal,
130 interrupted.";

/// Lends this machine to a Flotilla coordinator: pulls tasks, transcodes them and pushes the results.
#[derive(Debug, Parser)]
#[command(name = "flotilla-runner", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    general: General,
}

#[derive(Debug, Args)]
struct General {
    /// Configuration file (TOML); environment and flags overrule it
    #[arg(long, global = true, value_name = "FILE", env = "FLOTILLA_RUNNER_CONFIG")]
    config: Option<PathBuf>,
    /// Folder for the identity and the results of trials [default: /var/lib/flotilla-runner for root, else
    /// ~/.local/state/flotilla-runner]
    #[arg(long, global = true, value_name = "DIR", env = "FLOTILLA_RUNNER_STATE")]
    state_dir: Option<PathBuf>,
    /// Talk plain http to a coordinator on another machine; everybody between sees tokens and media
    #[arg(long, global = true)]
    allow_plaintext: bool,
    /// Log more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// How log lines look [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "FLOTILLA_RUNNER_LOG_FORMAT")]
    log_format: Option<logging::Format>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Become a runner of a coordinator, or of one more, and store the identity that it gives
    Join {
        /// URL of the coordinator, as its admin gives it
        url: String,
        /// Join token, as `flotilla token create` prints it
        #[arg(long, env = "FLOTILLA_RUNNER_TOKEN", hide_env_values = true)]
        token: String,
        /// Name that people see [default: the id that the coordinator gives]
        #[arg(long, env = "FLOTILLA_RUNNER_NAME")]
        name: Option<String>,
        /// How much of the machine it is for while several coordinators have work, beside the shares of the others [default: 1]
        #[arg(long, value_name = "WEIGHT")]
        share: Option<NonZeroU32>,
    },
    /// Take tasks and work on them until a signal says otherwise
    Run(Run),
    /// Try every encoder and say what this machine can do, and why not
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take no tasks for a while: at once, through restarts, whether or not the coordinator answers
    Pause(neighbour::PauseArgs),
    /// End a pause
    Resume,
    /// Say whether the runner works, or rests and why
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast this machine is: figures for you, and what the scheduler starts from
    #[command(after_help = bench::HELP)]
    Bench(bench::Options),
    /// Be forgotten: tells the coordinator and deletes the identity
    Leave {
        /// The coordinator to leave, of several
        url: Option<String>,
    },
    /// One task: the assignment comes in on standard input, the result goes out on standard output
    #[command(hide = true)]
    Engine {
        /// Memory that it may use, MiB; 0: as much as there is
        #[arg(long, default_value_t = 0)]
        memory_mib: u64,
        /// Niceness
        #[arg(long, default_value_t = 0)]
        nice: u8,
    },
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Tasks at a time [default: one per processor, each with at least 1 GiB of memory]
    #[arg(long, value_name = "N", env = "FLOTILLA_RUNNER_SLOTS")]
    slots: Option<NonZeroU32>,
    /// Memory that one engine may use, MiB; 0: no limit [default: 8192, or what the machine has where that is less]
    #[arg(long, value_name = "MIB", env = "FLOTILLA_RUNNER_ENGINE_MEMORY_MIB")]
    engine_memory_mib: Option<u64>,
    /// Offer only these encoders, comma-separated [default: all that pass their trial]
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FLOTILLA_RUNNER_ENCODERS")]
    encoders: Vec<String>,
    #[command(flatten)]
    neighbour: neighbour::Flags,
    /// Coordinator to join first when there is no identity yet; one that is away is waited for
    #[arg(long, env = "FLOTILLA_RUNNER_URL")]
    url: Option<String>,
    /// Join token for --url
    #[arg(long, env = "FLOTILLA_RUNNER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Name for --url that people see [default: the id that the coordinator gives]
    #[arg(long, env = "FLOTILLA_RUNNER_NAME")]
    name: Option<String>,
    /// Stop at once when standard input ends: for programs that start runners and must not leave any behind
    #[arg(long)]
    stop_with_stdin: bool,
}

/// Does what the command line says. The engine command is none of this: see `main`.
pub fn execute(cli: Cli) -> Result<(), Error> {
    let file = File::read(cli.general.config.as_deref())?;
    let format = cli.general.log_format.or(file.log.format).unwrap_or_default();
    logging::start(cli.general.verbose, format);
    let config = resolve(&cli, &file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One thread must stay free for the heartbeat while another hashes an upload.
        .worker_threads(std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8)))
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("no threads to work with: {error}"), "check `ulimit -u`"))?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Join { .. } => membership::join(config).await,
            Command::Leave { url } => membership::leave(config, url).await,
            Command::Doctor { json } => doctor::examine(&config, json).await,
            Command::Pause(args) => neighbour::pause(&config.state_dir, &args),
            Command::Resume => neighbour::resume(&config.state_dir),
            Command::Status { json } => neighbour::status(&config, json),
            Command::Bench(options) => bench::run(config, options).await,
            Command::Run(Run { stop_with_stdin, .. }) => {
                let tokens = Tokens::default();
                lifecycle::watch_signals(tokens.clone())?;
                if stop_with_stdin {
                    lifecycle::watch_stdin(tokens.clone());
                }
                app::run(config, tokens).await
            }
            Command::Engine { .. } => unreachable!("main runs the engine before there is a runtime"),
        }
    });
    runtime.shutdown_background();
    done
}

fn resolve(cli: &Cli, file: &File) -> Result<Config, Error> {
    let General { state_dir, allow_plaintext, .. } = &cli.general;
    let slots = if let Command::Run(run) = &cli.command { run.slots } else { None };
    let own = if let Command::Run(run) = &cli.command { run.engine_memory_mib } else { None };
    let memory_mib = own.or(file.work.engine_memory_mib).unwrap_or_else(default_engine_memory_mib);
    let encoders = match &cli.command {
        Command::Run(run) if !run.encoders.is_empty() => run.encoders.clone(),
        _ => file.work.encoders.clone(),
    };
    let known = || CANDIDATES.iter().chain(DEVICE_CANDIDATES);
    if let Some(unknown) = encoders.iter().find(|name| !known().any(|known| known == name)) {
        let hint = format!("choose among {}", known().copied().collect::<Vec<_>>().join(", "));
        return Err(Error::usage(format!("there is no encoder {unknown}"), hint));
    }
    let neighbour = match &cli.command {
        Command::Run(run) => run.neighbour.over(&file.neighbour),
        _ => file.neighbour.clone(),
    };
    let engine = Engine::from_environment(memory_mib, neighbour.nice).map_err(|error| {
        Error::internal(format!("this program cannot find itself: {error}"), "is /proc mounted?")
    })?;
    Ok(Config {
        state_dir: state_dir.clone().or(file.state_dir.clone()).unwrap_or_else(config::default_state_dir),
        joins: coordinators::wanted(&cli.command, file)?,
        joins_beside: !file.coordinators.is_empty(),
        slots: slots.or(file.work.slots),
        encoders,
        allow_plaintext: *allow_plaintext || coordinators::all_are_plain(file),
        engine,
        neighbour,
    })
}

/// Two seconds of a ladder of 8192x4320 take 6.2 GiB; a smaller machine gives what it has.
fn default_engine_memory_mib() -> u64 {
    ENGINE_MEMORY_MIB.min(Machine::examine().memory_bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_overrule_the_file() {
        let file: File =
            toml::from_str("state_dir = '/f'\n[coordinator]\nurl = 'http://f'\n[work]\nslots = 1\n").unwrap();
        let parse = |words: &[&str]| resolve(&Cli::try_parse_from(words).unwrap(), &file).unwrap();
        let from_file = parse(&["flotilla-runner", "run"]);
        assert_eq!((from_file.slots, &*from_file.joins[0].url), (NonZeroU32::new(1), "http://f"));
        let from_flags =
            parse(&["flotilla-runner", "run", "--slots", "4", "--url", "http://g", "--state-dir", "/g"]);
        assert_eq!((from_flags.slots, &*from_flags.joins[0].url), (NonZeroU32::new(4), "http://g"));
        assert_eq!(from_flags.state_dir, PathBuf::from("/g"));
    }
}
