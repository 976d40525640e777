//! Entry of the `flotilla-runner` binary. The engine child is split off before anything else exists: it has
//! no async runtime, no logging and no configuration.

use std::process::ExitCode;

use clap::Parser;
use flotilla_runner::cli::{self, Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Engine { memory_mib, nice } = cli.command {
        return flotilla_runner::attempt::engine::main(memory_mib, nice);
    }
    match cli::execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n\nhint: {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}
