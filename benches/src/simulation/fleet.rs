//! The machines of a simulated fleet.

use rand::Rng;
use rand::rngs::StdRng;

/// A runner's machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Tasks at a time.
    pub slots: u32,
    /// Of each slot; 1 is a processor of the machine on which costs were recorded.
    pub speed: f64,
    /// What its benchmark told of it; 0: it was not benched.
    pub benchmark: f64,
}

impl Machine {
    /// One that was not benched.
    pub fn plain(slots: u32, speed: f64) -> Self {
        Self { slots, speed, benchmark: 0.0 }
    }
}

/// By so much a benchmark is wrong, either way.
const BENCHMARK_ERROR: f64 = 0.2;

/// Speeds of a mixed fleet: from an old laptop to a new desktop, a factor of 8.
const SPEEDS: [f64; 7] = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0];

/// Slots of a mixed fleet.
const SLOTS: [u32; 4] = [1, 2, 4, 8];

/// So many machines, slow and fast, small and large. A fleet of one is one machine of speed 1 with four slots.
pub fn mixed_fleet(count: usize, rng: &mut StdRng) -> Vec<Machine> {
    if count == 1 {
        return vec![Machine::plain(4, 1.0)];
    }
    let machines: Vec<Machine> = (0..count)
        .map(|_| {
            let slots = SLOTS[rng.random_range(0..SLOTS.len())];
            Machine::plain(slots, SPEEDS[rng.random_range(0..SPEEDS.len())])
        })
        .collect();
    // Drawn afterwards, so that the same seed makes the same fleet with benchmarks and without.
    let benched = |machine: Machine| {
        let error = rng.random_range(1.0 - BENCHMARK_ERROR..1.0 + BENCHMARK_ERROR);
        Machine { benchmark: machine.speed * error, ..machine }
    };
    machines.into_iter().map(benched).collect()
}

/// What all slots do together.
pub fn total_speed(machines: &[Machine]) -> f64 {
    machines.iter().map(|machine| f64::from(machine.slots) * machine.speed).sum()
}
