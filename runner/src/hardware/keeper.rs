//! The devices of a running daemon: what is offered, who holds which sessions, and what became of devices that failed. A
//! device that fails in the middle of work is offered no more until it has passed a trial again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use flotilla_engine::spec::DeviceName;
use flotilla_proto::fleet;
use tokio::sync::watch;

use super::equipment::{Equipment, name_of};
use super::standing::{Probation, Sessions};

/// After a session was refused, they are counted again so many seconds later.
const RECOUNT_SECONDS: u64 = 300;

/// All devices; clones share them.
#[derive(Clone, Debug)]
pub struct Devices {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts what concerns the coordinator: offers, and sessions that come free.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    devices: Vec<Device>,
}

#[derive(Debug)]
struct Device {
    equipment: Equipment,
    sessions: Sessions,
    /// Seconds since the Unix epoch; none: the limit stands.
    recount_at: Option<u64>,
    probation: Option<Probation>,
    /// Kept through a trial that was passed, until a task is done.
    record: Probation,
}

/// Sessions that an attempt holds.
#[derive(Debug)]
pub struct Hold {
    devices: Devices,
    /// Where its encoders run.
    pub place: DeviceName,
    count: u32,
}

impl Devices {
    /// None yet: trials take their time, and software need not wait for them.
    pub fn none() -> Self {
        let shared = Shared { state: Mutex::default(), news: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The devices that were found; those on probation are known, and not offered.
    pub fn found(&self, equipment: Vec<Equipment>, probations: &BTreeMap<String, Probation>) {
        let device = |equipment: Equipment| {
            let probation = probations.get(&equipment.name).cloned();
            let sessions = Sessions { limit: equipment.sessions, used: 0 };
            let record = probation.clone().unwrap_or_default();
            Device { equipment, sessions, recount_at: None, probation, record }
        };
        self.state().devices = equipment.into_iter().map(device).collect();
        self.tell();
    }

    /// Tells of news for the coordinator.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.shared.news.subscribe()
    }

    /// Encoders to offer now.
    pub fn encoders(&self) -> Vec<fleet::Encoder> {
        let state = self.state();
        let offered = state.devices.iter().filter(|device| device.is_offered());
        let encoders = offered.flat_map(|device| {
            let Equipment { name, offers, .. } = &device.equipment;
            offers.iter().map(move |offer| offer.to_wire(name, device.sessions.limit))
        });
        encoders.collect()
    }

    /// Sessions that could be started now.
    pub fn rooms(&self) -> Vec<fleet::DeviceRoom> {
        let state = self.state();
        let offered = state.devices.iter().filter(|device| device.is_offered());
        let room = |device: &Device| fleet::DeviceRoom {
            device: device.equipment.name.clone(),
            free_sessions: device.sessions.free(),
        };
        offered.map(room).collect()
    }

    /// Takes sessions of a device that has an encoder with that fingerprint; none: they are not there now.
    pub fn take(&self, encoder: &str, fingerprint: &str, count: u32) -> Option<Hold> {
        let mut state = self.state();
        let can = |device: &&mut Device| {
            device.has(encoder, fingerprint) && device.is_offered() && device.sessions.free() >= count
        };
        let device = state.devices.iter_mut().find(can)?;
        device.sessions.used += count;
        Some(Hold { devices: self.clone(), place: device.equipment.place.clone(), count })
    }

    /// Where each codec is decoded that a device decodes faster than software.
    pub fn decoders(&self) -> BTreeMap<String, DeviceName> {
        let state = self.state();
        let mut decoders = BTreeMap::new();
        for device in state.devices.iter().filter(|device| device.probation.is_none()) {
            for codec in &device.equipment.decodes {
                decoders.entry(codec.clone()).or_insert_with(|| device.equipment.place.clone());
            }
        }
        decoders
    }

    /// A task was done on a device: what went wrong before is forgiven.
    pub fn succeeded(&self, place: &DeviceName) {
        self.with(place, |device| device.record = Probation::default());
    }

    /// A device failed in the middle of work.
    pub fn failed(&self, place: &DeviceName, why: &str) {
        let name = name_of(place);
        self.with(place, |device| device.fail(why, now()));
        tracing::warn!(device = name, why, "the device is on probation: software does its work");
        self.tell();
    }

    /// A device had fewer sessions than an attempt held: others use it too.
    pub fn refused(&self, hold: &Hold) {
        let mut limit = 0;
        self.with(&hold.place, |device| {
            device.sessions = device.sessions.refused(hold.count);
            device.recount_at = Some(now().saturating_add(RECOUNT_SECONDS));
            limit = device.sessions.limit;
        });
        tracing::warn!(device = name_of(&hold.place), sessions = limit, "the device has no session left");
        self.tell();
    }

    /// Devices whose probation is over.
    pub fn to_try_again(&self, now: u64) -> Vec<DeviceName> {
        self.places(|device| device.probation.as_ref().is_some_and(|probation| probation.until <= now))
    }

    /// Devices whose sessions are to be counted again, each with one of its encoders.
    pub fn to_recount(&self, now: u64) -> Vec<(DeviceName, String)> {
        let state = self.state();
        let due = state.devices.iter().filter(|device| device.recount_at.is_some_and(|at| at <= now));
        let encoder = |device: &Device| Some(device.equipment.offers.first()?.encoder.clone());
        due.filter_map(|device| Some((device.equipment.place.clone(), encoder(device)?))).collect()
    }

    /// A device on probation was tried: what it was found to be; none: it failed again. So has one that does less than it did.
    pub fn tried(&self, place: &DeviceName, found: Option<Equipment>, now: u64) {
        self.with(place, |device| match found.filter(|found| found.does_all_of(&device.equipment)) {
            Some(found) => {
                tracing::info!(device = found.name, "the device has passed its trial again");
                device.sessions.limit = found.sessions.saturating_add(device.sessions.used);
                (device.equipment, device.probation) = (found, None);
            }
            None => device.fail("it failed its trial again", now),
        });
        self.tell();
    }

    /// So many sessions could be opened beside those that are held.
    pub fn counted(&self, place: &DeviceName, free: u32, now: u64) {
        self.with(place, |device| {
            device.sessions.limit = device.sessions.used.saturating_add(free);
            let is_shut = device.sessions.limit == 0;
            device.recount_at = is_shut.then(|| now.saturating_add(RECOUNT_SECONDS));
        });
        self.tell();
    }

    /// Devices on probation, by name.
    pub fn probations(&self) -> BTreeMap<String, Probation> {
        let state = self.state();
        let on = state
            .devices
            .iter()
            .filter_map(|device| Some((device.equipment.name.clone(), device.probation.clone()?)));
        on.collect()
    }

    fn places(&self, is_wanted: impl Fn(&Device) -> bool) -> Vec<DeviceName> {
        let state = self.state();
        let wanted = state.devices.iter().filter(|device| is_wanted(device));
        wanted.map(|device| device.equipment.place.clone()).collect()
    }

    fn with(&self, place: &DeviceName, change: impl FnOnce(&mut Device)) {
        let mut state = self.state();
        if let Some(device) = state.devices.iter_mut().find(|device| device.equipment.place == *place) {
            change(device);
        }
    }

    fn tell(&self) {
        self.shared.news.send_modify(|count| *count += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no thread panics while it holds this lock")
    }
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0)
}

impl Device {
    fn is_offered(&self) -> bool {
        self.probation.is_none() && self.sessions.limit > 0
    }

    fn has(&self, encoder: &str, fingerprint: &str) -> bool {
        let mut offers = self.equipment.offers.iter();
        offers.any(|offer| offer.encoder == encoder && offer.fingerprint == fingerprint)
    }

    fn fail(&mut self, why: &str, now: u64) {
        self.record = self.record.failed(why, now);
        self.probation = Some(self.record.clone());
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let count = self.count;
        self.devices.with(&self.place, |device| {
            device.sessions.used = device.sessions.used.saturating_sub(count);
        });
        self.devices.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::super::equipment::Offer;
    use super::*;

    fn equipment() -> Equipment {
        let offer = |class: &str| Offer {
            name: format!("h264_nvenc@{class}"),
            encoder: "h264_nvenc".into(),
            fingerprint: "print".into(),
            version: String::new(),
            pixels_per_second: 1,
        };
        let offers = vec![offer("hd"), offer("uhd")];
        Equipment { name: "cuda".into(), place: place(), offers, sessions: 8, decodes: vec!["h264".into()] }
    }

    fn devices(probations: &BTreeMap<String, Probation>) -> Devices {
        let devices = Devices::none();
        devices.found(vec![equipment()], probations);
        devices
    }

    fn place() -> DeviceName {
        DeviceName { kind: "cuda".into(), node: None }
    }

    fn free(devices: &Devices) -> Option<u32> {
        devices.rooms().first().map(|room| room.free_sessions)
    }

    #[test]
    fn sessions_are_held_and_given_back() {
        let devices = devices(&BTreeMap::new());
        let news = devices.news();
        assert_eq!(free(&devices), Some(8));
        let held = devices.take("h264_nvenc", "print", 5).unwrap();
        assert_eq!(free(&devices), Some(3));
        for (encoder, fingerprint, count) in
            [("h264_nvenc", "print", 4), ("h264_nvenc", "another", 1), ("h264_qsv", "print", 1)]
        {
            assert!(devices.take(encoder, fingerprint, count).is_none(), "{encoder} {fingerprint} {count}");
        }
        drop(held);
        assert_eq!((free(&devices), news.has_changed().unwrap()), (Some(8), true));
    }

    #[test]
    fn what_one_device_has_no_session_for_another_that_is_alike_makes() {
        let of = |node: &str| DeviceName { kind: "cuda".into(), node: Some(node.into()) };
        let card = |node: &str| Equipment { name: name_of(&of(node)), place: of(node), ..equipment() };
        let devices = Devices::none();
        devices.found(vec![card("0"), card("1")], &BTreeMap::new());
        let held: Vec<_> = (0..3).map(|_| devices.take("h264_nvenc", "print", 5)).collect();
        let places: Vec<_> = held.iter().map(|hold| hold.as_ref().map(|hold| hold.place.clone())).collect();
        assert_eq!(places, [Some(of("0")), Some(of("1")), None]);
        devices.failed(&of("0"), "it hung");
        assert_eq!(devices.rooms().len(), 1, "the other goes on");
    }

    #[test]
    fn a_refusal_is_no_failure_and_lowers_what_is_offered() {
        let devices = devices(&BTreeMap::new());
        let held = devices.take("h264_nvenc", "print", 5).unwrap();
        devices.refused(&held);
        assert_eq!((devices.encoders()[0].sessions, devices.probations().len()), (4, 0));
        drop(held);
        assert_eq!(free(&devices), Some(4));
        assert_eq!(devices.to_recount(u64::MAX), [(place(), "h264_nvenc".to_owned())]);
        devices.counted(&place(), 7, 0);
        assert_eq!((free(&devices), devices.to_recount(u64::MAX)), (Some(7), vec![]));
        devices.counted(&place(), 0, 0);
        assert_eq!((free(&devices), devices.to_recount(u64::MAX).len()), (None, 1), "others hold them all");
    }

    #[test]
    fn a_device_that_failed_is_used_no_more_until_it_passes_a_trial() {
        let devices = devices(&BTreeMap::new());
        assert_eq!((devices.encoders().len(), devices.decoders().len()), (2, 1));
        devices.failed(&place(), "it hung");
        assert!(devices.encoders().is_empty() && devices.rooms().is_empty() && devices.decoders().is_empty());
        assert!(devices.take("h264_nvenc", "print", 1).is_none());
        assert_eq!((devices.to_try_again(0), devices.to_try_again(u64::MAX)), (vec![], vec![place()]));
        devices.tried(&place(), None, 0);
        assert_eq!(devices.probations()["cuda"].failures, 2);
        devices.tried(&place(), Some(equipment()), 0);
        assert_eq!((devices.encoders().len(), devices.probations().len()), (2, 0));
        devices.failed(&place(), "it hung");
        assert_eq!(devices.probations()["cuda"].failures, 3, "a trial alone makes nothing good");
        devices.tried(&place(), Some(equipment()), 0);
        devices.succeeded(&place());
        devices.failed(&place(), "it hung");
        assert_eq!(devices.probations()["cuda"].failures, 1);
    }

    #[test]
    fn a_probation_outlives_a_restart() {
        let first = devices(&BTreeMap::new());
        first.failed(&place(), "it hung");
        let restarted = devices(&first.probations());
        assert!(restarted.encoders().is_empty());
        restarted.failed(&place(), "it hung");
        assert_eq!(restarted.probations()["cuda"].failures, 2);
    }
}
