//! Wires the daemon together; the only file that knows all parts. Also the two short commands around it.

use std::num::NonZeroU32;
use std::sync::Arc;

use flotilla_proto::fleet::SyncRequest;
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::Context;
use crate::bench;
use crate::config::{Address, Config, Join};
use crate::coordinator::{self, Client};
use crate::devices::Engines;
use crate::devices::keep::Keeper;
use crate::error::Error;
use crate::hardware::Devices;
use crate::identity::{Identity, StateDir};
use crate::lifecycle::Tokens;
use crate::link::Link;
use crate::neighbour::{self, MachineSensors};
use crate::slots::benchmark::Benchmark;
use crate::slots::machine::Machine;
use crate::slots::trials::Trials;
use crate::slots::{Slots, capability};
use crate::transfer::{self, Pace, Throttle};

/// Runs the daemon until the tokens end it. Joins first when there is no identity yet and the configuration
/// says where.
pub async fn run(config: Config, tokens: Tokens) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let _claim = state.claim()?;
    let http = transfer::http_client().map_err(no_http)?;
    let identity = identity(&config, &state).await?;
    let client = client(&config, &identity)?;

    let machine = Machine::examine();
    let key = Trials::key(&config.engine);
    let trials = capability::known_or_tried(&state, &key, &config.engine, &config.encoders).await;
    let slot_count = config.slots.unwrap_or(machine.slot_count()).get();
    let benchmark = Benchmark::load(&state, &key);
    let capabilities = capability::capabilities(&machine, slot_count, &trials, benchmark.as_ref());
    let meter = bench::meter(&config, &state, &identity, (&machine, slot_count, trials));
    let names: Vec<_> = capabilities.encoders.iter().map(|encoder| encoder.name.as_str()).collect();
    tracing::info!(
        encoders = names.join(" "),
        slots = slot_count,
        machine = machine.description,
        "ready to encode"
    );
    if names.is_empty() {
        return Err(Error::NothingToOffer);
    }

    let (pace, devices) = (pace(&config.neighbour), Devices::none());
    let keeper = Keeper {
        devices: devices.clone(),
        bench: Engines { engine: config.engine.clone() },
        engine: config.engine.clone(),
        wanted: config.encoders.clone(),
        state: state.clone(),
    };
    let _keeping = AbortOnDropHandle::new(tokio::spawn(keeper.run()));
    let context = Context { http, coordinator: client.clone(), engine: config.engine, pace, devices };
    let slots = Slots::new(slot_count, context);
    let sensors = MachineSensors::new(&config.neighbour);
    let (watch, verdict) = neighbour::Watch::new(&config.neighbour, sensors, state);
    let held = slots.clone();
    let _watching = AbortOnDropHandle::new(tokio::spawn(watch.run(move || held.held_count())));
    let session_id = uuid::Uuid::new_v4().to_string();
    tracing::info!(
        coordinator = identity.url,
        runner.id = identity.runner_id,
        session.id = session_id,
        "running"
    );
    let link = Link::new(client, slots, tokens.clone(), session_id, capabilities, (verdict, meter));
    let failed = |cause| Error::Coordinator { doing: "working", url: identity.url, cause };
    let gave_back = link.run().await.map_err(failed)?;
    if gave_back { Err(Error::Interrupted) } else { Ok(()) }
}

fn pace(settings: &neighbour::Settings) -> Pace {
    let throttle = |kib: NonZeroU32| Arc::new(Throttle::new(u64::from(kib.get()) << 10));
    Pace {
        down: settings.max_download_kib_per_second.map(throttle),
        up: settings.max_upload_kib_per_second.map(throttle),
    }
}

/// Becomes a runner of a coordinator; refuses where this state folder belongs to another one already.
pub async fn join(config: Config) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    if let Some(identity) = state.identity()? {
        return Err(already_joined(&identity));
    }
    let identity = identity(&config, &state).await?;
    println!("joined {} as {}", identity.url, identity.runner_id);
    Ok(())
}

/// Makes the coordinator forget this runner, and this machine the identity.
pub async fn leave(config: Config) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let Some(identity) = state.identity()? else {
        return Err(Error::usage("this runner has not joined a coordinator", "nothing is left to do"));
    };
    let client = client(&config, &identity)?;
    let session_id = uuid::Uuid::new_v4().to_string();
    let farewell = SyncRequest { session_id, draining: true, leaving: true, ..Default::default() };
    match client.sync(farewell).await {
        // One that is not known there has nothing to leave.
        Ok(_) | Err(coordinator::Error::Denied(_)) => state.forget_identity()?,
        Err(cause) => return Err(Error::Coordinator { doing: "leaving", url: identity.url, cause }),
    }
    println!("left {}", identity.url);
    Ok(())
}

/// The stored identity, or a new one from the coordinator that the configuration names.
async fn identity(config: &Config, state: &StateDir) -> Result<Identity, Error> {
    let address = |join: &Join| Address::parse(&join.url, config.allow_plaintext);
    let wanted = config.join.as_ref().map(address).transpose()?;
    match (state.identity()?, &config.join, wanted) {
        (Some(identity), _, Some(wanted)) if wanted.as_str() != identity.url => {
            Err(already_joined(&identity))
        }
        (Some(identity), _, _) => Ok(identity),
        (None, Some(Join { token: Some(token), name, .. }), Some(wanted)) => {
            let failed =
                |cause| Error::Coordinator { doing: "joining", url: wanted.as_str().to_owned(), cause };
            let identity = coordinator::join(wanted.as_str(), token, name).await.map_err(failed)?;
            state.store_identity(&identity)?;
            Ok(identity)
        }
        (None, _, _) => Err(Error::usage(
            "this runner has not joined a coordinator",
            "run `flotilla-runner join URL --token TOKEN` first, or give --url and --token",
        )),
    }
}

fn client(config: &Config, identity: &Identity) -> Result<Client, Error> {
    let address = Address::parse(&identity.url, config.allow_plaintext)?;
    let failed = |cause| Error::Coordinator { doing: "connecting", url: address.as_str().to_owned(), cause };
    Client::new(identity).map_err(failed)
}

fn already_joined(identity: &Identity) -> Error {
    let message = format!("this runner has joined {} already", identity.url);
    Error::usage(message, "run `flotilla-runner leave` first, or use another folder with --state-dir")
}

fn no_http(error: reqwest::Error) -> Error {
    Error::internal(
        format!("no HTTP client: {error}"),
        "check the system's certificates (package ca-certificates)",
    )
}
