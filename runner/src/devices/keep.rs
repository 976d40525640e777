//! While the daemon runs: the devices of this machine are found, those whose probation is over are tried again, sessions are
//! counted again after one was refused, and what became of a device is written down, so that a restart does not forget it
//! and `doctor` sees it.

use std::time::Duration;

use flotilla_engine::encode::hardware::is_hardware;
use flotilla_engine::spec::DeviceName;
use flotilla_proto::fleet;

use super::Bench;
use super::examine::{again, free_sessions};
use super::kept::{Kept, now_seconds};
use super::offers::equipment;
use crate::config;
use crate::hardware::Devices;
use crate::identity::StateDir;

/// Between two looks whether something is due.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after the devices of a daemon.
#[derive(Debug)]
pub struct Keeper<B> {
    /// Those it looks after.
    pub devices: Devices,
    /// What they are tried on.
    pub bench: B,
    /// How its engines are started: results hold for one engine.
    pub engine: config::Engine,
    /// Names of encoders that the owner lets be used; empty: all.
    pub wanted: Vec<String>,
    /// Where results are kept.
    pub state: StateDir,
}

impl<B: Bench> Keeper<B> {
    /// Finds the devices, unless their owner wants software alone, then keeps them until it is dropped.
    pub async fn run(self) {
        self.find().await;
        let mut news = self.devices.news();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = news.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.note();
                }
            }
            for place in self.devices.to_try_again(now_seconds()) {
                self.try_again(&place).await;
            }
            for (place, encoder) in self.devices.to_recount(now_seconds()) {
                let free = free_sessions(&self.bench, &place, &encoder).await;
                self.devices.counted(&place, free, now_seconds());
            }
        }
    }

    async fn find(&self) {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|name| is_hardware(name)) {
            return;
        }
        let mut kept = Kept::known_or_tried(&self.state, &self.bench, &self.engine, now_seconds()).await;
        kept.findings.retain(|finding| finding.is_wanted(&self.wanted));
        self.devices.found(equipment(&kept.findings), &kept.probations);
        for fleet::Encoder { name, device, sessions, .. } in self.devices.encoders() {
            tracing::info!(device, encoder = name, sessions, "a device is ready to encode");
        }
        tracing::info!("all kinds of devices were tried");
    }

    async fn try_again(&self, place: &DeviceName) {
        let mut findings = again(&self.bench, place).await;
        findings.retain(|finding| finding.is_wanted(&self.wanted));
        let found = equipment(&findings).into_iter().find(|one| one.place == *place);
        self.devices.tried(place, found, now_seconds());
    }

    fn note(&self) {
        let Some(mut kept) = Kept::load(&self.state) else { return };
        let probations = self.devices.probations();
        if kept.probations == probations {
            return;
        }
        kept.probations = probations;
        if let Err(error) = kept.store(&self.state) {
            tracing::warn!(%error, "what is known of devices cannot be kept");
        }
    }
}
