//! While the daemon runs: devices whose probation is over are tried again, sessions are counted again after one was
//! refused, and what became of a device is written down, so that a restart does not forget it and `doctor` sees it.

use std::time::Duration;

use flotilla_engine::spec::DeviceName;

use super::Bench;
use super::examine::{again, free_sessions};
use super::kept::{Kept, now_seconds};
use super::offers::equipment;
use crate::hardware::Devices;
use crate::identity::StateDir;

/// Between two looks whether something is due.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the devices of a daemon until it is dropped.
pub async fn keep(devices: Devices, bench: impl Bench, state: StateDir) {
    let mut news = devices.news();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
                note(&devices, &state);
            }
        }
        for place in devices.to_try_again(now_seconds()) {
            try_again(&devices, &bench, &place).await;
        }
        for (place, encoder) in devices.to_recount(now_seconds()) {
            devices.counted(&place, free_sessions(&bench, &place, &encoder).await, now_seconds());
        }
    }
}

async fn try_again(devices: &Devices, bench: &impl Bench, place: &DeviceName) {
    let found = equipment(&again(bench, place).await).into_iter().find(|one| one.place == *place);
    devices.tried(place, found, now_seconds());
}

fn note(devices: &Devices, state: &StateDir) {
    let Some(mut kept) = Kept::load(state) else { return };
    let probations = devices.probations();
    if kept.probations == probations {
        return;
    }
    kept.probations = probations;
    if let Err(error) = kept.store(state) {
        tracing::warn!(%error, "what is known of devices cannot be kept");
    }
}
