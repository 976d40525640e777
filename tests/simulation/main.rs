//! The fleet in virtual time: the same seed gives the same history, so bounds on makespans are tests. See the README of
//! `benches` for the model.

use flotilla_benches::simulation::costs::Costs;
use flotilla_benches::simulation::scenario::shape_1080p;
use flotilla_benches::simulation::{History, Scenario, simulate};

fn run(scenario: &Scenario) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(simulate(scenario, &Costs::shipped())).expect("the simulation ends")
}

/// Everything is done, each task once; the makespan is at most `most` times the lower bound.
fn check(name: &str, scenario: &Scenario, most: f64) -> History {
    let history = run(scenario);
    let seed = scenario.seed;
    assert_eq!(history.published(), scenario.uploads.len(), "{name}, seed {seed}: jobs are lost");
    assert_eq!(history.seals, history.tasks, "{name}, seed {seed}: each task is sealed exactly once");
    assert!(history.ratio() >= 1.0, "{name}, seed {seed}: {} is less than is possible", history.ratio());
    assert!(history.ratio() <= most, "{name}, seed {seed}: {:.3} times the lower bound", history.ratio());
    history
}

#[test]
fn a_machine_of_many_processors_is_busy_to_the_end() {
    for cores in [8, 16] {
        let scenario = Scenario::machine(cores, shape_1080p(1200), 1).joined_by_store();
        let history = check("one machine", &scenario, 1.08);
        assert!(history.busy_share >= 0.9, "{cores} processors: {:.3} busy", history.busy_share);
    }
}

#[test]
fn a_mixed_fleet_ends_near_the_least_possible_time() {
    for seed in [1, 2] {
        check("eight runners", &Scenario::film(8, shape_1080p(2400), seed).joined_by_store(), EIGHT_RUNNERS);
    }
}

#[test]
fn a_queue_is_done_near_the_least_possible_time() {
    check("a queue", &Scenario::queue(4, 40, 120_000, 1).joined_by_store(), QUEUE);
}

#[test]
fn no_job_is_lost_when_runners_vanish() {
    for seed in [1, 2, 3] {
        let scenario = Scenario::queue(6, 12, 60_000, seed).joined_by_store().with_deaths(0.7, 300_000);
        assert!(!scenario.accidents.is_empty(), "seed {seed}: somebody vanishes");
        let history = check("deaths", &scenario, 6.0);
        assert!(history.attempts > history.tasks, "seed {seed}: what was lost is done again");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let scenario = Scenario::queue(4, 5, 60_000, 7).with_deaths(0.5, 100_000);
    let (first, second) = (run(&scenario), run(&scenario));
    assert_eq!((first.makespan_ms, first.attempts), (second.makespan_ms, second.attempts));
    assert_eq!(first.busy_share.to_bits(), second.busy_share.to_bits());
}

/// Of the present scheduler; see the README of `benches` for what is wanted.
const EIGHT_RUNNERS: f64 = 1.2;

/// The same.
const QUEUE: f64 = 1.1;
