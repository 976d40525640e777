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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::super::pause::Pause;
    use super::*;

    /// A machine on battery, with a clock that is set by hand.
    #[derive(Clone, Default)]
    struct Laptop(Arc<AtomicI64>);

    impl Sensors for Laptop {
        fn now_s(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }

        fn look(&mut self) -> Readings {
            Readings { on_battery: Some(true), ..Readings::default() }
        }
    }

    fn state(folder: &tempfile::TempDir) -> StateDir {
        StateDir::open(folder.path()).unwrap()
    }

    #[test]
    fn what_must_rest_rests_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { on_battery: false, ..Settings::default() };
        let (_watch, verdict) = Watch::new(&settings, Laptop::default(), state(&folder));
        assert_eq!(verdict.borrow().rest().map(|rest| rest.reason.clone()).as_deref(), Some("on battery"));
        let (_watch, verdict) = Watch::new(&Settings::default(), Laptop::default(), state(&folder));
        assert_eq!(*verdict.borrow(), Verdict::Work);
    }

    #[tokio::test]
    async fn a_pause_ends_by_itself_and_what_is_done_can_be_read() {
        let (folder, laptop) = (tempfile::tempdir().unwrap(), Laptop::default());
        pause::begin(&state(&folder), &Pause { until_s: Some(60), finish: false }).unwrap();
        let (watch, mut verdict) = Watch::new(&Settings::default(), laptop.clone(), state(&folder));
        let watching = tokio::spawn(watch.run(|| 3));
        verdict.wait_for(|verdict| verdict.rest().is_some()).await.unwrap();
        laptop.0.store(60, Ordering::Relaxed);
        verdict.wait_for(|verdict| *verdict == Verdict::Work).await.unwrap();
        let works = Status { resting_reason: None, tasks: 3 };
        while Status::read(&state(&folder)).as_ref() != Some(&works) {
            tokio::task::yield_now().await;
        }
        watching.abort();
    }
}
