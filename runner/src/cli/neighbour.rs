//! `pause`, `resume` and `status`, and what of the good neighbour can be said to `run`. They work on the state folder, so
//! that they need no coordinator.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::error::Error;
use crate::identity::StateDir;
use crate::membership;
use crate::neighbour::hours::Hours;
use crate::neighbour::sensors::now_s;
use crate::neighbour::settings::Settings;
use crate::neighbour::status::Status;
use crate::neighbour::{Pause, pause};

/// When to work.
#[derive(Debug, Args)]
pub struct Flags {
    /// Take tasks only within these hours of local time; several with `;` between [default: always]
    #[arg(long, value_name = "[DAYS ]HH:MM-HH:MM", value_delimiter = ';', env = "FLOTILLA_RUNNER_HOURS")]
    hours: Vec<Hours>,
    /// Take no tasks while other programs use more of all processors than this [default: whatever they use]
    #[arg(long, value_name = "PERCENT", env = "FLOTILLA_RUNNER_MAX_LOAD", value_parser = clap::value_parser!(u8).range(1..=100))]
    max_load: Option<u8>,
}

/// Arguments of `pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// End the pause by itself after this time, such as 90m or 2h [default: `flotilla-runner resume` ends it]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Finish running tasks first; without it they are given back at once
    #[arg(long)]
    finish: bool,
}

impl Flags {
    /// The settings of the file, overruled.
    pub fn over(&self, file: &Settings) -> Settings {
        let mut settings = file.clone();
        if !self.hours.is_empty() {
            settings.hours.clone_from(&self.hours);
        }
        settings.max_load_percent = self.max_load.or(settings.max_load_percent);
        settings
    }
}

/// `flotilla-runner pause`
pub fn pause(state_dir: &Path, args: &PauseArgs) -> Result<(), Error> {
    let state = StateDir::open(state_dir)?;
    let end = |duration: Duration| now_s().saturating_add_unsigned(duration.as_secs());
    let pause = Pause { until_s: args.duration.map(end), finish: args.finish };
    pause::begin(&state, &pause)?;
    match (state.is_claimed()?, args.finish) {
        (false, _) => println!("{pause}; the runner does not run now"),
        (true, true) => println!("{pause}; running tasks are finished"),
        (true, false) => println!("{pause}; running tasks are given back"),
    }
    Ok(())
}

/// `flotilla-runner resume`
pub fn resume(state_dir: &Path) -> Result<(), Error> {
    let state = StateDir::open(state_dir)?;
    let was_paused = pause::current(&state, now_s()).is_some();
    pause::end(&state)?;
    println!("{}", if was_paused { "resumed" } else { "was not paused" });
    Ok(())
}

/// `flotilla-runner status`
pub fn status(config: &Config, json: bool) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let coordinators = membership::shown(config, &state);
    let is_running = state.is_claimed()?;
    let told = Status::read(&state).filter(|_| is_running);
    let pause = pause::current(&state, now_s()).map(|pause| pause.to_string());
    if json {
        let mut answer = serde_json::json!({ "running": is_running, "pause": pause, "daemon": told });
        if !coordinators.is_empty() {
            answer["coordinators"] = serde_json::json!(coordinators);
        }
        println!("{answer:#}");
        return Ok(());
    }
    match (is_running, told) {
        (false, _) => {
            println!("the runner does not run{}", pause.map_or(String::new(), |pause| format!("; {pause}")))
        }
        (true, None) => println!("starting"),
        (true, Some(Status { resting_reason: Some(reason), tasks })) => {
            println!(
                "resting: {reason}{}",
                if tasks > 0 { format!("; finishing {tasks} tasks") } else { String::new() }
            );
        }
        (true, Some(Status { resting_reason: None, tasks: 0 })) => println!("waiting for tasks"),
        (true, Some(Status { resting_reason: None, tasks })) => println!("working on {tasks} tasks"),
    }
    for coordinator in coordinators {
        println!("for {coordinator}");
    }
    Ok(())
}
