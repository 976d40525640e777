//! What no scheduler can beat.

use super::fleet::{Machine, total_speed};
use super::job::{PUBLISH_MS, Planned, Work};

/// What a bound needs to know of a job.
#[derive(Clone, Copy, Debug)]
pub struct Least {
    /// When it was submitted.
    pub arrival_ms: i64,
    /// Work without any cost of cutting.
    pub ideal_ms: f64,
    /// As in [`Planned`].
    pub chain: [Work; 3],
}

impl Least {
    /// Of a planned job.
    pub fn of(planned: &Planned, arrival_ms: i64) -> Self {
        Self { arrival_ms, ideal_ms: planned.ideal_ms, chain: planned.chain }
    }
}

/// The larger of: all work that arrives from some moment on, done at the speed of the whole fleet; and the longest job: its
/// probe on the fastest slot, then its longest task there or all its work by the whole fleet, then its largest assembly.
/// No work of a job begins before its probe is done, and no assembly before all its chunks are. Milliseconds from 0.
pub fn lower_ms(jobs: &[Least], machines: &[Machine]) -> f64 {
    let fastest = machines.iter().map(|machine| machine.speed).fold(0.0, f64::max);
    let chain = |job: &Least| {
        let [probe, middle, end] = job.chain;
        let work_ms = (job.ideal_ms - probe.cpu_ms) / total_speed(machines);
        let middle_ms = middle.takes_ms(fastest).max(work_ms);
        job.arrival_ms as f64
            + probe.takes_ms(fastest)
            + middle_ms
            + end.takes_ms(fastest)
            + PUBLISH_MS as f64
    };
    let longest = jobs.iter().map(chain).fold(0.0, f64::max);
    let mut by_arrival: Vec<&Least> = jobs.iter().collect();
    by_arrival.sort_by_key(|job| std::cmp::Reverse(job.arrival_ms));
    let mut work = 0.0;
    let all = by_arrival.into_iter().map(|job| {
        work += job.ideal_ms;
        job.arrival_ms as f64 + work / total_speed(machines)
    });
    all.fold(longest, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(arrival_ms: i64, ideal_ms: f64, longest: f64) -> Least {
        let work = Work { cpu_ms: longest, link_ms: 0.0 };
        Least { arrival_ms, ideal_ms, chain: [Work::default(), work, Work::default()] }
    }

    #[test]
    fn work_chain_or_a_late_arrival_bounds() {
        let fleet = [Machine::plain(2, 1.0), Machine::plain(1, 2.0)];
        assert_eq!(lower_ms(&[job(0, 40_000.0, 1000.0)], &fleet), 10_300.0);
        assert_eq!(lower_ms(&[job(0, 40_000.0, 30_000.0)], &fleet), 15_300.0);
        assert_eq!(lower_ms(&[job(0, 4000.0, 1.0), job(9000, 8000.0, 1.0)], &fleet), 11_300.0);
    }
}
