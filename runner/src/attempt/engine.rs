//! The engine child's side of the process boundary, up to where the engine itself begins.

use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

/// Does one task over standard input and output. The kernel kills this process when its daemon dies, whatever
/// it is doing then; a daemon that died even earlier is noticed by the end of standard input. The memory that it may
/// use is bounded before it reads anything; 0: by the machine alone. It yields the processors to whoever is less nice.
pub fn main(memory_mib: u64, nice: u8) -> ExitCode {
    yield_to_others(nice);
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        eprintln!("engine: would outlive its daemon: {error}");
        return ExitCode::FAILURE;
    }
    // The limit on data, not on addresses: libraries and what allocators set aside take many of those and no memory.
    let memory_bytes = memory_mib.saturating_mul(1 << 20);
    if memory_mib > 0
        && let Err(error) = setrlimit(Resource::RLIMIT_DATA, memory_bytes, memory_bytes)
    {
        eprintln!("engine: its memory cannot be limited to {memory_mib} MiB: {error}");
        return ExitCode::FAILURE;
    }
    let code = flotilla_engine::run::run(std::io::stdin(), std::io::stdout());
    // The daemon measures this process after its last word, and then hangs up.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    code
}

/// An engine that was started nicer stays so: it may not go back.
fn yield_to_others(nice: u8) {
    let now = rustix::process::getpriority_process(None).unwrap_or(0);
    if let Err(error) = rustix::process::setpriority_process(None, now.max(nice.into())) {
        eprintln!("engine: not nicer than {now}: {error}");
    }
}
