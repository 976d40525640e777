//! `flotilla serve`: the daemon.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::ServeArgs;
use super::exit::UserError;
use crate::app::{Coordinator, StartError};
use crate::config::Config;
use crate::lifecycle::interrupted;

/// Serves until SIGINT or SIGTERM. State is durable at every moment, so there is nothing to save on the way out.
pub async fn run(args: ServeArgs) -> Result<(), UserError> {
    let mut config = Config::load(args.config.as_deref()).map_err(StartError::from)?;
    if let Some(dir) = args.data_dir {
        config.data.dir = dir;
    }
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    allow_many_connections();
    let coordinator = Coordinator::start(config).await?;
    // On standard output and flushed by the newline: scripts wait for this line.
    println!("ready {}", coordinator.url());
    interrupted().await;
    tracing::info!("stopping; running attempts go on at their runners");
    coordinator.stop().await;
    Ok(())
}

/// Every runner keeps a connection open; what most systems allow a program at first is 1,024 of them.
fn allow_many_connections() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit on open files stays as it is; it bounds how many runners can connect");
    }
}
