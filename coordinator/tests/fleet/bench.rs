//! Benchmarks that a runner is asked for, in the conversation with it.

use flotilla_coordinator::jobs::{BenchBoard, BenchWish, BenchmarkView};
use flotilla_proto::fleet::benchmark_status::End;
use flotilla_proto::fleet::{BenchmarkOrder, BenchmarkStatus, SyncRequest};
use serde_json::{Value, json};

use crate::runner::HandPlayed;
use crate::stage::{Stage, soon};

/// As a runner of that identity signs it: written anew, so that both sides are held to what was agreed.
fn signed(identity: &str, bench: &Value) -> String {
    use ring::hmac;
    use sha2::{Digest, Sha256};
    let (runner_id, secret) = identity.split_once('.').expect("an identity has two parts");
    let key = hmac::Key::new(hmac::HMAC_SHA256, hex::encode(Sha256::digest(secret)).as_bytes());
    let message = format!("flotilla-runner bench\n{runner_id}\n{bench}");
    let value = hex::encode(hmac::sign(&key, message.as_bytes()));
    json!({ "bench": bench, "signature": { "runner_id": runner_id, "value": value } }).to_string()
}

fn figures(times_real_time: f64) -> Value {
    json!({
        "format": 1, "version": "0.1.0", "build": "release", "quick": true, "clip": "a clip",
        "host": { "description": "a machine", "cpu_count": 2, "memory_bytes": 1, "slots": 2, "kernel": "k",
            "ffmpeg": "f", "gpu": "none", "encoders": {} },
        "measurements": [{ "encoder": "libx264", "preset": "veryfast", "size": "540p ladder",
            "frames_per_slot": 60, "runs": 1, "frames_per_second": 30.0 * times_real_time,
            "times_real_time": times_real_time, "pixels_per_second_per_slot": 123_456, "is_usual": true,
            "spread_percent": null, "cpu_seconds_per_minute": 9.5, "peak_memory_bytes": 1, "output_kbps": 1.0,
            "joules_per_minute": null }],
        "energy_missing": "no counters", "quality": "not measured", "summary": "fast",
    })
}

fn said(id: &str, end: Option<End>) -> Option<BenchmarkStatus> {
    Some(BenchmarkStatus { id: id.to_owned(), end })
}

/// The order that a hanging call brings.
async fn told(runner: &HandPlayed) -> BenchmarkOrder {
    let order = async {
        loop {
            let answer = runner.sync(runner.state(1, &[])).await.expect("the coordinator answers");
            if let Some(order) = answer.benchmark {
                return order;
            }
        }
    };
    soon(order).await
}

/// Says something once, and answers what is wanted then.
async fn say(runner: &HandPlayed, said: Option<BenchmarkStatus>) -> Option<BenchmarkOrder> {
    let request = SyncRequest { benchmark: said, hold_ms: 0, ..runner.state(0, &[]) };
    runner.sync(request).await.expect("the coordinator answers").benchmark
}

async fn board(stage: &Stage) -> BenchBoard {
    stage.jobs().benchmarks().await.expect("they can be listed")
}

async fn ask(stage: &Stage, runners: &[&str]) -> Vec<String> {
    let wish = BenchWish { runners: runners.iter().map(|name| (*name).to_owned()).collect(), quick: true };
    let orders = stage.jobs().bench(&wish).await.expect("they are asked");
    orders.into_iter().map(|order| order.runner).collect()
}

#[tokio::test]
async fn a_runner_is_called_out_of_its_hold_measures_and_is_ranked_from_then_on() {
    let stage = Stage::new().await;
    let (runner, other) = (stage.runner("a", "one").await, stage.runner("b", "one").await);
    runner.ask(1, &[]).await;
    other.ask(1, &[]).await;
    let hanging = tokio::spawn({
        let runner = runner.clone();
        async move { told(&runner).await }
    });
    assert_eq!(ask(&stage, &["a"]).await, ["a"]);
    let order = soon(hanging).await.expect("it does not panic");
    assert!(order.quick);
    assert_eq!(board(&stage).await.open[0].state, "asked");
    assert_eq!(say(&runner, said(&order.id, None)).await, Some(order.clone()), "it is wanted all the while");
    assert_eq!(board(&stage).await.open[0].state, "at work");
    assert_eq!(say(&other, None).await, None, "nobody else is asked");

    let result = Some(End::ResultJson(signed(&runner.identity, &figures(2.5))));
    assert_eq!(say(&runner, said(&order.id, result.clone())).await, None, "it was heard");
    assert_eq!(say(&runner, said(&order.id, result)).await, None, "an answer that was lost is said again");
    let BenchBoard { open, results } = board(&stage).await;
    assert!(open.is_empty());
    let [BenchmarkView { id, runner: name, findings, .. }] = results.as_slice() else {
        panic!("{results:?}")
    };
    assert_eq!((id, name.as_str(), findings.measurements[0].times_real_time), (&order.id, "a", 2.5));

    let stage = stage.restart(async |_| {}).await;
    assert_eq!(board(&stage).await.results, results, "it survives");
}

#[tokio::test]
async fn results_that_are_not_the_runners_own_are_refused_with_a_reason() {
    let stage = Stage::new().await;
    let (runner, other) = (stage.runner("a", "one").await, stage.runner("b", "one").await);
    let check = async |json: String, expected: &str| {
        runner.ask(1, &[]).await;
        ask(&stage, &["a"]).await;
        let order = told(&runner).await;
        assert_eq!(say(&runner, said(&order.id, Some(End::ResultJson(json)))).await, None);
        let board = board(&stage).await;
        let reason = board.open[0].reason.as_deref().unwrap_or_default();
        assert!(reason.contains(expected) && board.results.is_empty(), "{expected}: {board:?}");
    };
    check(signed(&other.identity, &figures(9.0)), "another runner").await;
    let better = signed(&runner.identity, &figures(1.0)).replace("1.0", "9.0");
    check(better, "does not fit").await;
    let unsigned = json!({ "bench": figures(1.0), "signature": { "algorithm": "unsigned" } });
    check(unsigned.to_string(), "not signed").await;
    check("x".repeat(70_000), "70000 bytes").await;
    let mut endless = figures(1.0);
    endless["measurements"][0]["times_real_time"] = json!(-1.0);
    check(signed(&runner.identity, &endless), "is none").await;
}

#[tokio::test]
async fn a_runner_that_cannot_says_why_and_is_asked_again_only_when_somebody_asks() {
    let stage = Stage::new().await;
    let runner = stage.runner("a", "one").await;
    runner.ask(1, &[]).await;
    ask(&stage, &[]).await;
    let order = told(&runner).await;
    let failure = End::Failure("no\nengine".into());
    assert_eq!(say(&runner, said(&order.id, Some(failure))).await, None);
    let failed = &board(&stage).await.open[0];
    assert_eq!((failed.state.as_str(), failed.reason.as_deref()), ("failed", Some("noengine")));
    ask(&stage, &[]).await;
    let again = told(&runner).await;
    assert_ne!(again.id, order.id);
    assert_eq!(board(&stage).await.open[0].state, "asked");
}

#[tokio::test]
async fn one_that_is_asked_gets_no_work_and_one_that_is_not_gets_it() {
    let stage = Stage::new().await;
    let runner = stage.runner("a", "one").await;
    runner.ask(1, &[]).await;
    ask(&stage, &[]).await;
    stage.submit("film").await;
    let first = runner.sync(SyncRequest { hold_ms: 0, ..runner.state(1, &[]) }).await.unwrap();
    assert!(first.start.is_empty() && first.benchmark.is_some());
    // One that is too old to know of benchmarks goes on working.
    let second = runner.sync(SyncRequest { hold_ms: 0, ..runner.state(1, &[]) }).await.unwrap();
    assert_eq!(second.start.len(), 1);
    let other = stage.runner("b", "one").await;
    assert_eq!(say(&other, None).await, None);
}

#[tokio::test]
async fn whom_to_ask_is_checked() {
    let stage = Stage::new().await;
    let wish = |name: &str| BenchWish { runners: vec![name.to_owned()], quick: true };
    let refused = async |wish: &BenchWish| stage.jobs().bench(wish).await.unwrap_err().to_string();
    assert!(refused(&BenchWish::default()).await.contains("no runner is live"));
    let runner = stage.runner("a", "one").await;
    runner.ask(1, &[]).await;
    assert!(refused(&wish("b")).await.contains("no live runner is called \"b\""));
    stage.clock.pass_ms(120_000);
    assert!(refused(&wish("a")).await.contains("no live runner"), "it has not been heard of for long");
}
