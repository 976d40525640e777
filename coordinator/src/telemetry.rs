//! Logging of the binary: to standard error, so that standard output stays for results. Embedding programs set up their
//! own.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// Shape of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors.
    Json,
}

/// Starts logging. `RUST_LOG`, when set, decides in place of `verbose`.
pub fn start(quiet: &str, verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => quiet,
        1 => "flotilla_coordinator=info",
        _ => "flotilla_coordinator=debug,info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
