//! What the last benchmark found, kept between starts. It holds as long as the results of the trials do, and its speeds
//! for the number of slots that were at work.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::identity::StateDir;

/// The last benchmark, as far as others want to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Benchmark {
    /// As [`Trials::key`](super::trials::Trials::key) made it.
    pub key: String,
    /// Slots that were at work, all at the same time.
    pub slots: u32,
    /// Output pixels that one of these slots encoded in a second, by encoder, with its usual preset.
    pub pixels_per_second: BTreeMap<String, u64>,
    /// One line for people.
    pub summary: String,
}

impl Benchmark {
    /// Pixels per second of a slot while so many are at work; 0: not known.
    pub fn speed(&self, encoder: &str, slot_count: u32) -> u64 {
        let known = self.pixels_per_second.get(encoder).copied();
        known.filter(|_| slot_count == self.slots).unwrap_or(0)
    }

    /// The one kept for `key`; none when there is none, or for another state of things.
    pub fn load(state: &StateDir, key: &str) -> Option<Self> {
        let text = std::fs::read(state.bench_path()).ok()?;
        let kept: Self = serde_json::from_slice(&text).ok()?;
        (kept.key == key).then_some(kept)
    }

    /// Keeps it in the place of the one before.
    pub fn store(&self, state: &StateDir) -> io::Result<()> {
        state.replace(&state.bench_path(), &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::trial::Passed;
    use crate::slots::capability::{Trial, capabilities};
    use crate::slots::machine::Machine;

    fn benchmark() -> Benchmark {
        Benchmark {
            key: "now".into(),
            slots: 2,
            pixels_per_second: [("libx264".to_owned(), 7)].into(),
            summary: "fast".into(),
        }
    }

    #[test]
    fn it_holds_for_the_same_programs() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        assert_eq!(Benchmark::load(&state, "now"), None);
        benchmark().store(&state).unwrap();
        assert_eq!(Benchmark::load(&state, "now"), Some(benchmark()));
        assert_eq!(Benchmark::load(&state, "later"), None);
    }

    #[test]
    fn the_coordinator_is_told_the_speed_for_the_same_slots_only() {
        let machine = Machine { cpu_count: 2, memory_bytes: 1, description: String::new() };
        let passed = Passed { fingerprint: "f".into(), version: "v".into() };
        let trials =
            ["libx264", "aac"].map(|name| Trial { encoder: name.into(), result: Ok(passed.clone()) });
        for (slots, benchmark, expected) in
            [(2, Some(benchmark()), [7, 0]), (1, Some(benchmark()), [0, 0]), (2, None, [0, 0])]
        {
            let told = capabilities(&machine, slots, &trials, benchmark.as_ref());
            let speeds: Vec<_> = told.encoders.iter().map(|encoder| encoder.pixels_per_second).collect();
            assert_eq!(speeds, expected, "{slots} slots, {benchmark:?}");
        }
    }
}
