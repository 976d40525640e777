//! Wires the daemon together; the only file that knows all parts.

mod serving;

use std::num::NonZeroU32;
use std::sync::Arc;

use flotilla_proto::fleet;
use tokio_util::task::AbortOnDropHandle;

use self::serving::Serving;
use crate::attempt::Context;
use crate::bench;
use crate::config::Config;
use crate::devices::Engines;
use crate::devices::keep::Keeper;
use crate::error::Error;
use crate::hardware::Devices;
use crate::identity::StateDir;
use crate::lifecycle::Tokens;
use crate::link::Link;
use crate::membership::pending::Pending;
use crate::membership::{self, Membership};
use crate::neighbour::{self, MachineSensors};
use crate::slots::benchmark::Benchmark;
use crate::slots::machine::Machine;
use crate::slots::trials::Trials;
use crate::slots::{Slots, capability};
use crate::transfer::{self, Pace, Throttle};

/// Runs the daemon until the tokens end it, for all coordinators at once. Joins first where there is no identity yet and the
/// configuration says where.
pub async fn run(config: Config, tokens: Tokens) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let _claim = state.claim()?;
    let http = transfer::http_client().map_err(no_http)?;
    let pending = Pending::new(&state);
    let start = membership::all(&config, &state, &pending).await?;

    let machine = Machine::examine();
    let key = Trials::key(&config.engine);
    let trials = capability::known_or_tried(&state, &key, &config.engine, &config.encoders).await;
    let slot_count = config.slots.unwrap_or(machine.slot_count()).get();
    let benchmark = Benchmark::load(&state, &key);
    let capabilities = capability::capabilities(&machine, slot_count, &trials, benchmark.as_ref());
    check(&capabilities, &machine)?;

    let (pace, devices) = (pace(&config.neighbour), Devices::none());
    let engines = Engines::new(&config.engine);
    let keeper = Keeper {
        devices: devices.clone(),
        bench: engines.clone(),
        engine: config.engine.clone(),
        wanted: config.encoders.clone(),
        state: state.clone(),
    };
    let keeping = AbortOnDropHandle::new(tokio::spawn(keeper.run()));
    let slots = Slots::new(slot_count);
    let sensors = MachineSensors::new(&config.neighbour);
    let (watch, verdict) = neighbour::Watch::new(&config.neighbour, sensors, state.clone());
    let held = slots.clone();
    let _watching = AbortOnDropHandle::new(tokio::spawn(watch.run(move || held.held_count())));
    let capabilities = tokio::sync::watch::Sender::new(capabilities);
    let config = Arc::new(config);
    let serving = Serving::new(config.clone(), state.clone(), pending, tokens);
    let link = move |Membership { identity, share, client }: Membership, tokens: Tokens| {
        let meter = bench::meter(&config, &state, &identity, (&machine, slot_count, trials.clone()));
        let context = Context {
            http: http.clone(),
            coordinator: client.clone(),
            engine: config.engine.clone(),
            pace: pace.clone(),
            devices: devices.clone(),
        };
        let allotment = slots.allot(share, context);
        let session_id = uuid::Uuid::new_v4().to_string();
        tracing::info!(
            coordinator = identity.url,
            runner.id = identity.runner_id,
            session.id = session_id,
            share,
            "running"
        );
        // What was decided before it came is no news to it.
        let mut verdict = verdict.clone();
        verdict.mark_unchanged();
        Link::new(client, allotment, tokens, session_id, capabilities.clone(), (verdict, meter))
    };
    let done = serving.run(start, link).await;
    keeping.abort();
    // It runs for ever, so there is nothing to hear from it: from here on it starts no trial.
    let _ = keeping.await;
    engines.ended().await;
    done
}

/// Says what is offered; nothing is an error.
fn check(capabilities: &fleet::Capabilities, machine: &Machine) -> Result<(), Error> {
    let names: Vec<_> = capabilities.encoders.iter().map(|encoder| encoder.name.as_str()).collect();
    tracing::info!(
        encoders = names.join(" "),
        slots = capabilities.slots,
        machine = machine.description,
        "ready to encode"
    );
    if names.is_empty() { Err(Error::NothingToOffer) } else { Ok(()) }
}

fn pace(settings: &neighbour::Settings) -> Pace {
    let throttle = |kib: NonZeroU32| Arc::new(Throttle::new(u64::from(kib.get()) << 10));
    Pace {
        down: settings.max_download_kib_per_second.map(throttle),
        up: settings.max_upload_kib_per_second.map(throttle),
    }
}

fn no_http(error: reqwest::Error) -> Error {
    Error::internal(
        format!("no HTTP client: {error}"),
        "check the system's certificates (package ca-certificates)",
    )
}
