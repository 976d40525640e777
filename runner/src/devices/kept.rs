//! What is known of this machine's devices between starts: results of trials and probations, in `devices.json` of the state
//! folder. Results hold as long as neither this program nor FFmpeg nor a driver nor a device changes, and a week at most.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::nodes::Nodes;
use super::{Bench, Finding, discover, drivers};
use crate::config;
use crate::hardware::standing::Probation;
use crate::identity::StateDir;
use crate::slots::trials::Trials;

/// Results are not trusted for longer, seconds: a device may have been worn out or taken away in silence.
const LONGEST_SECONDS: u64 = 7 * 24 * 3600;

/// What was found out, and for what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Program and libraries, as [`Trials::key`] tells them.
    pub programs: String,
    /// Drivers and devices, as [`drivers::all`] tells them.
    pub drivers: String,
    /// Seconds since the Unix epoch.
    pub tried_at: u64,
    /// What the trials found.
    pub findings: Vec<Finding>,
    /// Devices on probation, by name.
    #[serde(default)]
    pub probations: BTreeMap<String, Probation>,
}

impl Kept {
    /// What was kept, whatever it holds for.
    pub fn load(state: &StateDir) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state.devices_path()).ok()?).ok()
    }

    /// Keeps it.
    pub fn store(&self, state: &StateDir) -> io::Result<()> {
        state.replace(&state.devices_path(), &serde_json::to_vec_pretty(self)?)
    }

    /// Tries all devices of this machine.
    pub async fn tried(bench: &impl Bench, engine: &config::Engine, now: u64) -> Self {
        let nodes = Nodes::of_machine();
        let (drivers, findings) = (drivers::all(&nodes), discover(bench, &nodes).await);
        Self { programs: Trials::key(engine), drivers, tried_at: now, findings, probations: BTreeMap::new() }
    }

    /// What is known from earlier where it still holds, else what trials find now.
    pub async fn known_or_tried(
        state: &StateDir,
        bench: &impl Bench,
        engine: &config::Engine,
        now: u64,
    ) -> Self {
        let known = Self::load(state);
        let drivers = drivers::all(&Nodes::of_machine());
        if let Some(known) = known.filter(|known| known.holds(&Trials::key(engine), &drivers, now)) {
            return known;
        }
        let tried = Self::tried(bench, engine, now).await;
        if let Err(error) = tried.store(state) {
            tracing::warn!(%error, "what is known of devices cannot be kept");
        }
        tried
    }

    /// Nothing has changed since that could change a result.
    pub fn holds(&self, programs: &str, drivers: &str, now: u64) -> bool {
        let age = now.checked_sub(self.tried_at);
        self.programs == programs
            && self.drivers == drivers
            && age.is_some_and(|seconds| seconds <= LONGEST_SECONDS)
    }
}

/// Seconds since the Unix epoch.
pub fn now_seconds() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_hold_until_anything_changes() {
        let kept = Kept { programs: "p".into(), drivers: "d".into(), tried_at: 100, ..Kept::default() };
        for (programs, drivers, now, expected) in [
            ("p", "d", 100, true),
            ("p", "d", 100 + LONGEST_SECONDS, true),
            ("p", "d", 101 + LONGEST_SECONDS, false),
            ("p", "d", 99, false),
            ("q", "d", 100, false),
            ("p", "e", 100, false),
        ] {
            assert_eq!(kept.holds(programs, drivers, now), expected, "{programs} {drivers} {now}");
        }
    }

    #[test]
    fn what_is_kept_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        assert_eq!(Kept::load(&state), None);
        let probations = [("cuda".to_owned(), Probation::default().failed("why", 7))].into();
        let kept = Kept { tried_at: 7, probations, ..Kept::default() };
        kept.store(&state).unwrap();
        assert_eq!(Kept::load(&state), Some(kept));
    }
}
