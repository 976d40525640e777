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
}

/// Speeds of a mixed fleet: from an old laptop to a new desktop, a factor of 8.
const SPEEDS: [f64; 7] = [0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0];

/// Slots of a mixed fleet.
const SLOTS: [u32; 4] = [1, 2, 4, 8];

/// So many machines, slow and fast, small and large. A fleet of one is one machine of speed 1 with four slots.
pub fn mixed_fleet(count: usize, rng: &mut StdRng) -> Vec<Machine> {
    if count == 1 {
        return vec![Machine { slots: 4, speed: 1.0 }];
    }
    let machine = |_| Machine {
        slots: SLOTS[rng.random_range(0..SLOTS.len())],
        speed: SPEEDS[rng.random_range(0..SPEEDS.len())],
    };
    (0..count).map(machine).collect()
}

/// What all slots do together.
pub fn total_speed(machines: &[Machine]) -> f64 {
    machines.iter().map(|machine| f64::from(machine.slots) * machine.speed).sum()
}
