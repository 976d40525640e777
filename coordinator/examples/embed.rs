//! A coordinator inside another program: what an instance does to have a fleet of its own.
//!
//! `cargo run -p flotilla-coordinator --example embed`

use flotilla_coordinator::Coordinator;
use flotilla_coordinator::config::Config;
use flotilla_coordinator::jobs::NewToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.data.dir = folder.path().to_owned();

    let coordinator = Coordinator::start(config).await?;
    let (_, token) = coordinator.jobs().create_token(NewToken::default()).await?;
    println!("runners join with: flotilla-runner join {} --token {token}", coordinator.url());
    println!("profiles: {}", coordinator.jobs().profiles().names().collect::<Vec<_>>().join(", "));
    println!("jobs so far: {}", coordinator.jobs().list(None, 10).await?.len());
    coordinator.stop().await;
    Ok(())
}
