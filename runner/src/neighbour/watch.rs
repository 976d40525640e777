//! Looks at the pause file and the sensors while the daemon lives, and tells the verdict to whom it concerns.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::awake::Awake;
use super::pause;
use super::policy::{Policy, Readings, Verdict};
use super::sensors::Sensors;
use super::settings::Settings;
use super::status::Status;
use crate::identity::StateDir;

/// Between two looks at the pause file: a person who pauses waits no longer than this.
const LOOK: Duration = Duration::from_millis(250);
/// Between two looks at the sensors.
const SENSE: Duration = Duration::from_secs(5);

/// Decides again and again.
pub struct Watch<S> {
    policy: Policy,
    sensors: S,
    state: StateDir,
    readings: Readings,
    sensed_at: Instant,
    awake: Option<Awake>,
    told: watch::Sender<Verdict>,
    status: Option<Status>,
}

impl<S: Sensors> Watch<S> {
    /// Looks once, so that nothing begins that must rest, and answers where the verdict can be read from now on.
    pub fn new(settings: &Settings, mut sensors: S, state: StateDir) -> (Self, watch::Receiver<Verdict>) {
        let policy = Policy::new(settings);
        let readings = sensors.look();
        let (told, verdict) = watch::channel(Verdict::Work);
        let awake = settings.keep_awake.then(Awake::default);
        let mut watch =
            Self { policy, sensors, state, readings, sensed_at: Instant::now(), awake, told, status: None };
        watch.decide();
        (watch, verdict)
    }

    /// Watches for ever. `task_count` says how many tasks are held.
    pub async fn run(mut self, task_count: impl Fn() -> u32) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if self.sensed_at.elapsed() >= SENSE {
                let Some(sensed) = self.sense().await else { return };
                self = sensed;
            }
            self.decide();
            self.tell(task_count());
        }
    }

    /// Sensors are files that may answer slowly.
    async fn sense(mut self) -> Option<Self> {
        let sensing = tokio::task::spawn_blocking(move || {
            self.readings = self.sensors.look();
            self
        });
        // A sensor that panicked, or a runtime that ends.
        let mut sensed = sensing.await.ok()?;
        sensed.sensed_at = Instant::now();
        Some(sensed)
    }

    fn decide(&mut self) {
        self.readings.pause = pause::current(&self.state, self.sensors.now_s());
        let before = self.told.borrow().clone();
        let verdict = self.policy.verdict(&self.readings, &before);
        self.told.send_if_modified(|told| {
            let is_news = *told != verdict;
            *told = verdict;
            is_news
        });
    }

    fn tell(&mut self, tasks: u32) {
        if let Some(awake) = &mut self.awake {
            awake.hold(tasks > 0);
        }
        let resting_reason = self.told.borrow().rest().map(|rest| rest.reason.clone());
        let status = Some(Status { resting_reason, tasks });
        if status != self.status {
            self.status = status;
            self.status.iter().for_each(|status| status.tell(&self.state));
        }
    }
}
