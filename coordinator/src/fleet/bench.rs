//! Benchmarks in the conversation: a runner is told what is wanted, names what it heeds, and hands in what it found.
//!
//! A result is signed with HMAC-SHA256 (RFC 2104) under the digest of the runner's secret, which is all that is kept of the
//! secret here: the figures are the runner's own, whatever lies between it and us.

use flotilla_proto::fleet as wire;
use flotilla_proto::fleet::benchmark_status::End;
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;
use tonic::Status;

use super::unavailable;
use crate::domain::RunnerId;
use crate::domain::benchmark::Findings;
use crate::parts::Parts;
use crate::store::{NewBenchmark, RunnerRecord};

/// A whole result has some kilobytes.
const MAX_RESULT_BYTES: usize = 64 << 10;

/// Characters that are kept of a runner's reason.
const MAX_REASON_LENGTH: usize = 300;

/// Stands before what is signed, as in the runner.
const PURPOSE: &[u8] = b"flotilla-runner bench\n";

/// As a runner writes it.
#[derive(Deserialize)]
struct Signed {
    bench: Value,
    signature: Signature,
}

#[derive(Deserialize)]
struct Signature {
    runner_id: Option<String>,
    value: Option<String>,
}

/// Notes what a runner says of its benchmark. What nobody asked for is not heard.
pub async fn hear(parts: &Parts, runner: &RunnerRecord, said: &wire::BenchmarkStatus) -> Result<(), Status> {
    let now = parts.clock.now();
    if parts.benches.wanted(&runner.id, now).is_none_or(|order| order.id != said.id) {
        return Ok(());
    }
    let refused = match &said.end {
        None => {
            parts.benches.heeded(&runner.id, &said.id);
            return Ok(());
        }
        Some(End::Failure(reason)) => one_line(reason),
        Some(End::ResultJson(json)) => {
            // Forgotten meanwhile, it is heard at its next call.
            let Some(secret_digest) = parts.roster.secret_digest(&runner.id) else { return Ok(()) };
            match verified(json, &runner.id, &secret_digest) {
                Ok(findings) => return keep(parts, runner, said, findings).await,
                Err(reason) => format!("its result cannot be trusted: {reason}"),
            }
        }
    };
    tracing::warn!(runner.id = %runner.id, runner.name = %runner.name, reason = refused, "no benchmark");
    parts.benches.failed(&runner.id, &said.id, refused);
    parts.wake.all();
    Ok(())
}

async fn keep(
    parts: &Parts,
    runner: &RunnerRecord,
    said: &wire::BenchmarkStatus,
    findings: Findings,
) -> Result<(), Status> {
    tracing::info!(runner.id = %runner.id, runner.name = %runner.name, found = findings.summary, "measured");
    let benchmark = NewBenchmark { id: said.id.clone(), runner_id: runner.id.clone(), findings };
    parts.store.add_benchmark(benchmark, parts.clock.now()).await.map_err(unavailable)?;
    parts.benches.done(&runner.id, &said.id);
    parts.wake.all();
    Ok(())
}

/// What a runner is to be told.
pub fn order(parts: &Parts, runner: &RunnerRecord) -> Option<wire::BenchmarkOrder> {
    let now = parts.clock.now();
    let order = parts.benches.wanted(&runner.id, now)?;
    parts.benches.told(&runner.id, now);
    Some(wire::BenchmarkOrder { id: order.id, quick: order.quick })
}

/// Whether a call has to end because there is an order that it does not name.
pub fn is_news(parts: &Parts, runner: &RunnerRecord, request: &wire::SyncRequest) -> bool {
    let named = request.benchmark.as_ref().map(|said| said.id.as_str());
    parts.benches.is_news(&runner.id, named, parts.clock.now())
}

/// Figures that this runner has signed; or in one sentence why they are not.
fn verified(json: &str, runner_id: &RunnerId, secret_digest: &str) -> Result<Findings, String> {
    if json.len() > MAX_RESULT_BYTES {
        return Err(format!("it has {} bytes", json.len()));
    }
    let Signed { bench, signature } =
        serde_json::from_str(json).map_err(|error| format!("it does not read: {error}"))?;
    let (Some(signer), Some(value)) = (signature.runner_id, signature.value) else {
        return Err("it is not signed".to_owned());
    };
    if signer != runner_id.as_str() {
        return Err("another runner has signed it".to_owned());
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_digest.as_bytes());
    let message = [PURPOSE, signer.as_bytes(), b"\n", bench.to_string().as_bytes()].concat();
    let value = hex::decode(value).map_err(|_| "its signature is no hexadecimal".to_owned())?;
    hmac::verify(&key, &message, &value).map_err(|_| "its signature does not fit".to_owned())?;
    Findings::read(&bench)
}

fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_REASON_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::digest;
    use crate::domain::benchmark::fixtures::findings;

    fn signed(bench: &Value, runner_id: &str, secret: &str) -> Value {
        let key = hmac::Key::new(hmac::HMAC_SHA256, digest(secret).as_bytes());
        let message = [PURPOSE, runner_id.as_bytes(), b"\n", bench.to_string().as_bytes()].concat();
        let value = hex::encode(hmac::sign(&key, &message));
        json!({ "bench": bench, "signature": { "algorithm": "x", "runner_id": runner_id, "value": value } })
    }

    fn bench() -> Value {
        serde_json::to_value(findings(2.5, Some(60.125))).unwrap()
    }

    fn check(text: &str) -> Result<Findings, String> {
        verified(text, &"a".parse().unwrap(), &digest("secret"))
    }

    #[test]
    fn only_unchanged_figures_of_the_runner_itself_are_taken() {
        let good = signed(&bench(), "a", "secret");
        assert_eq!(check(&good.to_string()).unwrap(), findings(2.5, Some(60.125)));
        assert!(check(&signed(&bench(), "b", "secret").to_string()).unwrap_err().contains("another runner"));
        assert!(check(&signed(&bench(), "a", "guessed").to_string()).unwrap_err().contains("does not fit"));
        let mut unsigned = good.clone();
        unsigned["signature"]["value"] = Value::Null;
        assert!(check(&unsigned.to_string()).unwrap_err().contains("not signed"));
        let mut odd = good.clone();
        odd["signature"]["value"] = json!("zz");
        assert!(check(&odd.to_string()).unwrap_err().contains("hexadecimal"));
        let long = format!("{}{}", " ".repeat(MAX_RESULT_BYTES), good);
        assert!(check(&long).unwrap_err().contains("bytes"));
        assert!(check("{}").unwrap_err().contains("does not read"));
        let other = signed(&json!({ "format": 9 }), "a", "secret");
        assert!(check(&other.to_string()).unwrap_err().contains("does not read"), "signed, and no result");
    }

    proptest! {
        /// Whatever byte is changed: nothing else is ever taken for what was signed.
        #[test]
        fn changed_results_are_refused(at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
            let good = signed(&bench(), "a", "secret").to_string();
            let mut changed = good.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            if let Ok(found) = check(&changed) {
                // White space, or a name of the algorithm, says nothing.
                prop_assert_eq!(found, findings(2.5, Some(60.125)), "{}", changed);
            }
        }
    }
}
