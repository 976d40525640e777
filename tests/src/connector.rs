//! A server of PeerTube's runner protocol that is not ours, in a process of its own: see `tests/peertube/server.py`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::fleet::Process;
use crate::wait::wait_for;

/// How long it may take to be ready.
const START: Duration = Duration::from_secs(60);

/// States of jobs, by the protocol's numbers.
pub const COMPLETED: u64 = 3;
/// See [`COMPLETED`].
pub const PROCESSING: u64 = 2;

/// A running server.
pub struct Connector {
    process: Process,
    folder: PathBuf,
    port: u16,
    registration_token: String,
}

impl Connector {
    /// Starts one whose state lies in `folder`.
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let (process, registration_token) = serve(folder, port);
        Self { process, folder: folder.to_owned(), port, registration_token }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// With which a runner registers.
    pub fn registration_token(&self) -> &str {
        &self.registration_token
    }

    /// Kills it without warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        (self.process, self.registration_token) = serve(&self.folder, self.port);
    }

    /// Uploads a video: its jobs wait for a runner.
    pub fn upload(&self, clip: &Path) {
        let form = format!("videoFile=@{}", clip.display());
        self.curl(&["-F", &form, &format!("{}/upload", self.url())]);
    }

    /// All jobs, oldest first.
    pub fn jobs(&self) -> Vec<Value> {
        let text = self.curl(&[&format!("{}/jobs", self.url())]);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("jobs are JSON, {error}: {text}"))
    }

    /// Deletes a job, as an admin does.
    pub fn delete(&self, job: &Value) {
        let uuid = job["uuid"].as_str().expect("a job has a uuid");
        self.curl(&["-X", "POST", &format!("{}/jobs/{uuid}/delete", self.url())]);
    }

    /// Forgets all runners, as an admin does who deletes their registration token.
    pub fn forget_runners(&self) {
        self.curl(&["-X", "POST", &format!("{}/runners/forget", self.url())]);
    }

    /// Waits until every job is completed, and answers them.
    pub fn wait_completed(&self, count: usize, at_most: Duration) -> Vec<Value> {
        wait_for("the completion of all jobs", at_most, || {
            let jobs = self.jobs();
            let is_done = |job: &Value| job["state"] == COMPLETED;
            assert!(jobs.iter().all(|job| job["failures"] == 0), "{jobs:#?}");
            (jobs.len() == count && jobs.iter().all(is_done)).then_some(jobs)
        })
    }

    /// Where the one video that was uploaded is stored.
    pub fn published(&self) -> PathBuf {
        self.folder.join("instance/media/videos/source")
    }

    fn curl(&self, arguments: &[&str]) -> String {
        let output = Command::new("curl").args(["-sS", "--fail-with-body"]).args(arguments).output();
        let output = output.expect("curl is installed");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said} {}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

fn serve(folder: &Path, port: u16) -> (Process, String) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = environment(tests);
    let log = folder.join("instance.log");
    // The line of an earlier process must not be taken for this one's.
    let _ = fs::rename(&log, folder.join("instance-before.log"));
    let configure = |command: &mut Command| {
        command.args(["-W", "ignore"]).arg(tests.join("peertube/server.py"));
        command.arg(folder.join("instance")).arg(port.to_string());
    };
    let mut process = Process::start(&python, configure, &log);
    let token = wait_for("the server's start", START, || {
        let ready = process.said("ready ");
        assert!(ready.is_some() || process.is_running(), "the server ended; see {}", log.display());
        ready
    });
    (process, token)
}

/// Its Python, installed when it is not there.
fn environment(tests: &Path) -> PathBuf {
    let folder = tests.with_file_name("target").join("peertube-server");
    let status = Command::new(tests.join("peertube/install.sh")).arg(&folder).status();
    assert!(status.is_ok_and(|status| status.success()), "tests/peertube/install.sh fails; it says why");
    folder.join("bin/python")
}
