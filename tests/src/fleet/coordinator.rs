//! A coordinator process, and its command line against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use super::bucket::Bucket;
use super::process::Process;
use super::programs::coordinator_program;
use crate::wait::wait_for;

/// Leases short enough that a test can outlive one; the order of the three matters, not their size.
const LEASES: &str = "[leases]\nlease_ms = 4000\nself_stop_ms = 2500\nhold_ms = 500\n";

/// How long a coordinator may take to be ready.
const START: Duration = Duration::from_secs(30);

/// Where a coordinator keeps its objects.
#[derive(Clone, Debug)]
pub enum Store {
    /// In its own folder.
    Embedded,
    /// In somebody's S3 server.
    External(Bucket),
}

/// A running `flotilla serve`.
pub struct Coordinator {
    /// The daemon.
    pub process: Process,
    folder: PathBuf,
    url: String,
    store: Store,
}

/// A submitted job.
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it publishes, below the bucket.
    pub prefix: String,
}

impl Coordinator {
    /// Starts a coordinator whose data, configuration and log lie in `folder`.
    pub fn start(folder: &Path, store: Store) -> Self {
        Self::start_with(folder, store, "")
    }

    /// As [`Coordinator::start`], with more sections in its configuration.
    pub fn start_with(folder: &Path, store: Store, more: &str) -> Self {
        let mut config = format!("[data]\ndir = {:?}\n{LEASES}{more}", folder.join("data"));
        config += &format!("[profiles]\ndir = {:?}\n", profiles());
        if let Store::External(bucket) = &store {
            config += &format!("[storage]\nendpoint = {:?}\nregion = {:?}\n", bucket.endpoint, bucket.region);
            config += &format!("bucket = {:?}\naccess_key = {:?}\n", bucket.name, bucket.access_key);
            config += &format!("secret_key = {:?}\n", bucket.secret_key);
        }
        fs::write(folder.join("coordinator.toml"), config).expect("the configuration can be written");
        let (process, url) = serve(folder, "127.0.0.1:0");
        Self { process, folder: folder.to_owned(), url, store }
    }

    /// Kills it without warning and starts it again at the same address.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts a killed one again at the same address.
    pub fn restart(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.process, self.url) = serve(&self.folder, &address);
    }

    /// Where runners and people reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a command of `flotilla` against it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(coordinator_program());
        command.args(arguments).env("FLOTILLA_DATA_DIR", self.folder.join("data"));
        command.output().expect("flotilla starts")
    }

    /// Runs a command that must succeed, and reads what it says.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {} {said} {complaint}", output.status);
        serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{arguments:?} said no JSON, {error}: {said}"))
    }

    /// A token with which one runner can join.
    pub fn token(&self) -> String {
        let created = self.json(&["token", "create"]);
        created["token"].as_str().expect("a new token is shown").to_owned()
    }

    /// Gives it a job.
    pub fn submit(&self, source: &str, profile: &str, chunk_seconds: u32, prefix: &str) -> Job {
        let job = self.try_submit(source, profile, chunk_seconds, prefix);
        job.unwrap_or_else(|sentence| panic!("{source} is refused: {sentence}"))
    }

    /// Gives it a job that it may refuse at once; the error is its sentence.
    pub fn try_submit(
        &self,
        source: &str,
        profile: &str,
        chunk_seconds: u32,
        prefix: &str,
    ) -> Result<Job, String> {
        let destination = format!("s3://{}/{prefix}", self.bucket().name);
        let chunk = chunk_seconds.to_string();
        let words =
            ["submit", source, "--profile", profile, "--dest", &destination, "--chunk-seconds", &chunk];
        let output = self.run(&[&words[..], &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        let answer: Value = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("submit said no JSON, {error}: {said}"));
        match answer["id"].as_str() {
            Some(id) => Ok(Job { id: id.to_owned(), prefix: prefix.to_owned() }),
            None => Err(answer["message"].as_str().expect("an error has a sentence").to_owned()),
        }
    }

    /// A job as it stands, with its tasks.
    pub fn job(&self, job: &Job) -> Value {
        self.json(&["job", &job.id])
    }

    /// Waits until a job is published.
    ///
    /// # Panics
    /// At once when the job fails instead.
    pub fn wait_published(&self, job: &Job, at_most: Duration) -> Value {
        wait_for("the job's publication", at_most, || {
            let now = self.job(job);
            let state = now["state"].as_str().expect("a job has a state").to_owned();
            assert!(!["failed", "cancelled"].contains(&state.as_str()), "the job is {state}: {now:#}");
            (state == "published").then_some(now)
        })
    }

    /// The bucket in which sources, scratch and results lie.
    pub fn bucket(&self) -> Bucket {
        match &self.store {
            Store::External(bucket) => bucket.clone(),
            Store::Embedded => {
                let path = self.folder.join("data/objects/credentials.json");
                let text = fs::read_to_string(path).expect("the embedded store has credentials");
                let keys: Value = serde_json::from_str(&text).expect("credentials are JSON");
                let key = |name: &str| keys[name].as_str().expect("both keys are there").to_owned();
                Bucket {
                    endpoint: self.url.clone(),
                    region: "us-east-1".into(),
                    name: "flotilla".into(),
                    access_key: key("access_key"),
                    secret_key: key("secret_key"),
                }
            }
        }
    }
}

fn serve(folder: &Path, listen: &str) -> (Process, String) {
    let log = folder.join("coordinator.log");
    // The line of an earlier process must not be taken for this one's.
    let _ = fs::rename(&log, folder.join("coordinator-before.log"));
    let configure = |command: &mut Command| {
        command.args(["serve", "--listen", listen, "-v", "--config"]).arg(folder.join("coordinator.toml"));
    };
    let mut process = Process::start(&coordinator_program(), configure, &log);
    let url = wait_for("the coordinator's start", START, || {
        let ready = process.said("ready ");
        assert!(ready.is_some() || process.is_running(), "the coordinator ended; see {}", log.display());
        ready
    });
    (process, url)
}

/// Profiles made for the journeys.
fn profiles() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}
