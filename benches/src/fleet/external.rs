//! A job whose objects lie in an S3 server of their own: what the coordinator itself sends and receives. Two proxies
//! count: all runners' calls pass the one, all of the coordinator's requests to the store the other, and media none,
//! because runners are given the store's own address. The clip is in the store before, so nobody copies it.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flotilla_benches::process::{Role, resident_bytes};
use flotilla_benches::report::Report;
use flotilla_benches::site::{Bucket, Job, Setup, Site};
use serde_json::{Value, json};

use super::Args;
use super::account::{max_idle_mb, megabytes};
use super::proxy::Proxy;

/// A job may cost the coordinator so much traffic.
const MAX_TRAFFIC_MB: f64 = 1.0;

/// Runs one job; further rounds would count the same bytes.
pub fn measure(args: &Args, folder: &Path) -> Result<(String, Value)> {
    let mut bucket = from_environment().context(
        "--external needs an S3 server, named by FLOTILLA_TEST_S3_*; \
         `tests/s3/with-store.sh COMMAND` starts garage for a command",
    )?;
    let store = Proxy::start(bucket.endpoint.trim_start_matches("http://"))?;
    bucket.endpoint = store.url();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let setup = Setup {
        flotilla: &args.flotilla,
        folder: &folder.join("site"),
        external: Some(bucket),
        processors: format!("0-{}", cores - 1),
        profiles: None,
    };
    let mut site = Site::start(setup)?;
    let idle_bytes = resident_bytes(site.coordinator()?);
    let calls = Proxy::start(site.url().trim_start_matches("http://"))?;
    for processor in 0..args.runners.unwrap_or(2) {
        site.add_runner(&(processor as usize % cores).to_string(), 1, &calls.url())?;
    }
    let before = (calls.bytes(), store.bytes());
    let Job { seconds, watched, report } = site.transcode(&args.clip, &[])?;
    let (calls_bytes, store_bytes) = (calls.bytes() - before.0, store.bytes() - before.1);
    let report = Report::parse(&report)?;
    let rows = [
        ("coordinator idle, resident memory", megabytes(idle_bytes), "MB", Some(max_idle_mb())),
        ("coordinator, most memory", megabytes(watched.peak_bytes(Role::Coordinator)), "MB", None),
        (
            "runner daemon, most memory",
            megabytes(watched.peak_bytes(Role::Runner)),
            "MB",
            Some(max_idle_mb()),
        ),
        ("coordinator's traffic with runners", megabytes(calls_bytes), "MB", None),
        ("coordinator's traffic with the store", megabytes(store_bytes), "MB", None),
        ("coordinator's traffic, together", megabytes(calls_bytes + store_bytes), "MB", Some(MAX_TRAFFIC_MB)),
        ("coordinator's processor time", watched.cpu_seconds(Role::Coordinator), "s", None),
        ("runner daemons' processor time", watched.cpu_seconds(Role::Runner), "s", None),
        ("engines' processor time", report.cpu_ms as f64 / 1000.0, "s", None),
        ("submitted to published", seconds, "s", None),
    ];
    let mut text = String::new();
    for (name, value, unit, limit) in rows {
        let verdict = limit.map_or_else(String::new, |limit| {
            format!("of at most {limit}: {}", if value <= limit { "kept" } else { "NOT KEPT" })
        });
        let _ = writeln!(text, "{name:<40}{value:>9.3} {unit:<3} {verdict}");
    }
    let figure =
        |(name, value, unit, limit)| json!({ "name": name, "value": value, "unit": unit, "limit": limit });
    Ok((text, rows.into_iter().map(figure).collect()))
}

fn from_environment() -> Option<Bucket> {
    let variable = |name: &str| std::env::var(format!("FLOTILLA_TEST_S3_{name}")).ok();
    let endpoint = variable("ENDPOINT")?;
    Some(Bucket {
        public_endpoint: endpoint.clone(),
        endpoint,
        region: variable("REGION")?,
        name: variable("BUCKET")?,
        access_key: variable("ACCESS_KEY")?,
        secret_key: variable("SECRET_KEY")?,
    })
}
