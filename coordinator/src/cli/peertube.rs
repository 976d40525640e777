//! `flotilla peertube …`: the instances that a running coordinator works for.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Remote;
use super::client::Client;
use super::exit::{Exit, UserError};
use super::lists::print_json;
use super::table::{ago, print, table};
use crate::clock::{Clock, SystemClock};
use crate::config::Terms;
use crate::instances::{InstanceView, named};
use crate::web::{RegisterBody, UnregisterBody};

/// `flotilla peertube`
#[derive(Clone, Debug, Args)]
pub struct PeertubeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: PeertubeCommand,
}

/// `flotilla peertube …`
#[derive(Clone, Debug, Subcommand)]
pub enum PeertubeCommand {
    /// Become a runner of an instance, and begin to work for it.
    Register(RegisterArgs),
    /// Leave an instance; its open jobs are given back.
    Unregister {
        /// Which coordinator.
        #[command(flatten)]
        remote: Remote,
        /// URL of the instance.
        instance: String,
    },
    /// List the instances.
    List(Remote),
    /// Show the jobs of all instances, or of one, that are being worked on.
    Status {
        /// Which coordinator.
        #[command(flatten)]
        remote: Remote,
        /// URL of the instance; default: all.
        instance: Option<String>,
    },
}

/// `flotilla peertube register`
#[derive(Clone, Debug, Args)]
pub struct RegisterArgs {
    /// Which coordinator.
    #[command(flatten)]
    pub remote: Remote,
    /// URL of the instance: https://videos.example.org
    pub instance: String,
    /// From the instance: Administration, System, Remote runners, Registration tokens.
    #[arg(long, env = "FLOTILLA_REGISTRATION_TOKEN", hide_env_values = true)]
    #[arg(required_unless_present = "registration_token_file")]
    pub registration_token: Option<String>,
    /// File that holds it, instead.
    #[arg(long, conflicts_with = "registration_token")]
    pub registration_token_file: Option<PathBuf>,
    /// Name of the runner there, unique on the instance.
    #[arg(long, default_value = "flotilla")]
    pub name: String,
    /// For the admins of the instance.
    #[arg(long)]
    pub description: Option<String>,
    /// Share of the fleet beside other instances and tenants.
    #[arg(long, default_value_t = Terms::default().weight, value_parser = clap::value_parser!(u32).range(1..))]
    pub weight: u32,
    /// Jobs at a time.
    #[arg(long, default_value_t = Terms::default().max_jobs, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_jobs: u32,
    /// Largest source, GiB.
    #[arg(long, default_value_t = Terms::default().max_source_gib, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_source_gib: u32,
    /// Longest download of a source, minutes.
    #[arg(long, default_value_t = Terms::default().max_fetch_minutes, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_fetch_minutes: u32,
    /// How long sources and renditions are held for later jobs, minutes.
    #[arg(long, default_value_t = Terms::default().hold_minutes)]
    pub hold_minutes: u32,
    /// Another host from which the instance's sources may come: its object storage. May be repeated.
    #[arg(long = "storage-host")]
    pub storage_hosts: Vec<String>,
    /// Encode only what is asked for, not what is usually asked for next.
    #[arg(long)]
    pub no_anticipation: bool,
}

/// Runs one of them.
pub async fn run(args: PeertubeArgs, json: bool) -> Result<(), UserError> {
    match args.command {
        PeertubeCommand::Register(args) => register(args, json).await,
        PeertubeCommand::Unregister { remote, instance: url } => {
            Client::new(&remote)?.tell("/peertube/unregister", &UnregisterBody { url: url.clone() }).await?;
            if json {
                return print_json(&json!({ "unregistered": url }));
            }
            println!("left {url}");
            Ok(())
        }
        PeertubeCommand::List(remote) => list(&remote, json).await,
        PeertubeCommand::Status { remote, instance } => status(&remote, instance, json).await,
    }
}

async fn register(args: RegisterArgs, json: bool) -> Result<(), UserError> {
    let registration_token = match (args.registration_token, args.registration_token_file) {
        (Some(token), _) => token,
        (None, Some(path)) => {
            std::fs::read_to_string(&path).map(|text| text.trim().to_owned()).map_err(|error| {
                let message = format!("registration token file {}: {error}", path.display());
                UserError::new(Exit::Usage, message, "check the path and its permissions")
            })?
        }
        (None, None) => unreachable!("the command line wants one of them"),
    };
    let terms = Terms {
        weight: args.weight,
        max_jobs: args.max_jobs,
        max_source_gib: args.max_source_gib,
        max_fetch_minutes: args.max_fetch_minutes,
        hold_minutes: args.hold_minutes,
        storage_hosts: args.storage_hosts,
        anticipate: !args.no_anticipation,
    };
    let (url, name, description) = (args.instance, args.name, args.description);
    let body = RegisterBody { url, registration_token, name, description, terms };
    let instance: InstanceView = Client::new(&args.remote)?.post("/peertube", &body).await?;
    if json {
        return print_json(&instance);
    }
    println!("registered at {} as {:?}", instance.url, instance.name);
    eprintln!("\nIts jobs come to this fleet from now on; look at them with: flotilla peertube status");
    Ok(())
}

async fn list(remote: &Remote, json: bool) -> Result<(), UserError> {
    let instances: Vec<InstanceView> = Client::new(remote)?.get("/peertube").await?;
    if json {
        return print_json(&instances);
    }
    let mut rows =
        table(&["instance", "name", "weight", "open", "answered", "given back", "failed", "state"]);
    for instance in instances {
        let tally = &instance.tally;
        rows.add_row([
            instance.url,
            instance.name,
            instance.terms.weight.to_string(),
            instance.orders.len().to_string(),
            tally.answered.to_string(),
            tally.aborted.to_string(),
            tally.failed.to_string(),
            instance.trouble.or(instance.away).unwrap_or_else(|| "well".into()),
        ]);
    }
    print(
        &rows,
        "no instances; register at one with `flotilla peertube register URL --registration-token T`",
    );
    Ok(())
}

async fn status(remote: &Remote, url: Option<String>, json: bool) -> Result<(), UserError> {
    let mut instances: Vec<InstanceView> = Client::new(remote)?.get("/peertube").await?;
    if let Some(url) = &url {
        instances.retain(|instance| instance.url == named(url));
        if instances.is_empty() {
            let message = format!("this coordinator is not registered at {url}");
            return Err(UserError::new(
                Exit::Usage,
                message,
                "list the instances with `flotilla peertube list`",
            ));
        }
    }
    if json {
        return print_json(&instances);
    }
    let now = SystemClock.now();
    let mut rows = table(&["instance", "job", "type", "done", "accepted", "fleet's job"]);
    for instance in instances {
        for order in instance.orders {
            rows.add_row([
                instance.url.clone(),
                order.uuid,
                order.kind,
                format!("{} %", order.progress),
                ago(order.accepted_at, now),
                order.job.map_or_else(|| "none yet".into(), |job| job.to_string()),
            ]);
        }
    }
    print(&rows, "no jobs of instances are being worked on");
    Ok(())
}
