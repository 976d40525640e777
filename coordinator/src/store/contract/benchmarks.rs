//! Results of benchmarks.

use super::fixtures::*;
use crate::domain::benchmark::fixtures::findings;
use crate::domain::dispatch::speed::BENCHMARK;
use crate::store::*;

async fn add(store: &dyn Store, runner: &str, benchmark: &str, times_real_time: f64, now: i64) {
    let findings = findings(times_real_time, None);
    let benchmark = NewBenchmark { id: benchmark.to_owned(), runner_id: id(runner), findings };
    store.add_benchmark(benchmark, at(now)).await.unwrap();
}

async fn kept(store: &dyn Store) -> Vec<(String, String)> {
    let records = store.benchmarks().await.unwrap();
    records.into_iter().map(|record| (record.runner_name, record.id)).collect()
}

pub async fn the_last_results_of_a_runner_are_kept_and_go_with_it(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    join(store, "b", &[], 0).await;
    add(store, "b", "first", 1.0, 1).await;
    for number in 0..12 {
        add(store, "a", &format!("result-{number:02}"), 2.0, 10 + number).await;
    }
    // An answer that was lost is told again.
    add(store, "a", "result-11", 9.0, 99).await;
    add(store, "unheard-of", "odd", 1.0, 100).await;
    let mut expected: Vec<_> =
        (2..12).rev().map(|number| ("a".to_owned(), format!("result-{number:02}"))).collect();
    expected.push(("b".to_owned(), "first".to_owned()));
    assert_eq!(kept(store).await, expected);
    let newest = &store.benchmarks().await.unwrap()[0];
    assert_eq!((newest.measured_at, &newest.findings), (at(21), &findings(2.0, None)));
    store.forget_runner(&id("a"), at(200)).await.unwrap();
    assert_eq!(kept(store).await, [("b".to_owned(), "first".to_owned())]);
}

pub async fn a_result_is_a_measurement_of_speed(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    add(store, "a", "first", 1.0, 1).await;
    add(store, "a", "second", 2.0, 2).await;
    let speeds = store.speeds(&id("a")).await.unwrap();
    let told: Vec<_> = speeds.iter().map(|speed| (speed.class.as_str(), speed.pixels_per_second)).collect();
    assert_eq!(told, [(BENCHMARK, findings(2.0, None).speed().unwrap())], "the newest, not a mean");
}
