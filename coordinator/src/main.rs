//! The binary `flotilla`: reads the command line, runs it, ends with a documented exit code.

use std::process::ExitCode;

use clap::Parser;
use flotilla_coordinator::cli::{self, Cli, Command};
use flotilla_coordinator::telemetry;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    // The daemon tells what happens; commands tell only what goes wrong.
    let quiet = if matches!(cli.command, Command::Serve(_)) { "flotilla_coordinator=info" } else { "error" };
    telemetry::start(quiet, cli.verbose, cli.log_format);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs only threads");
    let done = runtime.block_on(cli::run(cli));
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(json);
            error.exit_code()
        }
    }
}
