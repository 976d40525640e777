//! The engine child's side of the process boundary, up to where the engine itself begins.

use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::signal::Signal;

/// Does one task over standard input and output. The kernel kills this process when its daemon dies, whatever
/// it is doing then; a daemon that died even earlier is noticed by the end of standard input.
pub fn main() -> ExitCode {
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        eprintln!("engine: would outlive its daemon: {error}");
        return ExitCode::FAILURE;
    }
    flotilla_engine::run::run(std::io::stdin(), std::io::stdout())
}
