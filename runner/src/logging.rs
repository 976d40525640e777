//! Logs go to standard error, so that standard output stays the answer of the command.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for the process; `verbosity` counts the -v flags. RUST_LOG, where set, decides instead.
pub fn start(verbosity: u8, format: Format) {
    let level = match verbosity {
        0 => "warn,flotilla_runner=info",
        1 => "info,flotilla_runner=debug",
        _ => "debug,flotilla_runner=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that an embedding program has set already stays.
    let _ = match format {
        Format::Text => lines.with_target(false).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
}
