//! A fleet of daemons for one measurement: a coordinator, its object store and runners, each bound to the processors that
//! it is given. Everything is killed with the [`Site`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Watched, cpu_seconds};

/// How long a daemon may take to be ready; a runner tries its encoders first.
const START: Duration = Duration::from_secs(60);
/// Between two looks at anything.
const LOOK: Duration = Duration::from_millis(50);

/// A bucket, and how the coordinator and how everybody else reach it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// URL for the coordinator.
    pub endpoint: String,
    /// URL for runners.
    pub public_endpoint: String,
    /// As the server wants it.
    pub region: String,
    /// The bucket's name.
    pub name: String,
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

/// A job that was done.
#[derive(Clone, Debug)]
pub struct Job {
    /// From its submission to its publication.
    pub seconds: f64,
    /// The processes meanwhile.
    pub watched: Watched,
    /// Its `report.json`.
    pub report: Value,
}

/// A process that is killed when it is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a coordinator is started.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The program flotilla, with flotilla-runner beside it.
    pub flotilla: &'a Path,
    /// Where everything lies; made if it is not there.
    pub folder: &'a Path,
    /// Its store; none: the embedded one.
    pub external: Option<Bucket>,
    /// Processors that it may use, as `taskset` names them.
    pub processors: String,
    /// Folder of profiles beside the shipped ones.
    pub profiles: Option<&'a Path>,
}

/// Running daemons.
pub struct Site {
    flotilla: PathBuf,
    folder: PathBuf,
    external: Option<Bucket>,
    url: String,
    /// Before the coordinator: runners are stopped first.
    runners: Vec<Daemon>,
    coordinator: Daemon,
}

impl Site {
    /// Starts a coordinator.
    pub fn start(setup: Setup<'_>) -> Result<Self> {
        let folder = setup.folder.to_owned();
        fs::create_dir_all(&folder).context("no folder to work in")?;
        let file = folder.join("coordinator.toml");
        fs::write(&file, setup.config()).context("the configuration cannot be written")?;
        let log = folder.join("coordinator.log");
        let mut command = bound(&setup.processors, setup.flotilla);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(file);
        let coordinator = Daemon(spawn(command, &log)?);
        let url = wait("the coordinator's start", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            Ok(text.lines().find_map(|line| line.strip_prefix("ready ")).map(str::to_owned))
        })?;
        let flotilla = setup.flotilla.to_owned();
        Ok(Self { flotilla, folder, external: setup.external, url, runners: Vec::new(), coordinator })
    }

    /// Adds a runner with so many slots on these processors, and waits until it is ready. It reaches the coordinator by
    /// `url`.
    pub fn add_runner(&mut self, processors: &str, slots: usize, url: &str) -> Result<()> {
        let created = self.json(&["token", "create"])?;
        let token = created["token"].as_str().context("no token was made")?;
        let name = format!("runner-{}", self.runners.len() + 1);
        let mut command = bound(processors, &self.flotilla.with_file_name("flotilla-runner"));
        command.args(["run", "--slots", &slots.to_string(), "--url", url, "--token", token, "--name", &name]);
        command.env("FLOTILLA_RUNNER_STATE", self.folder.join(&name));
        let log = self.folder.join(format!("{name}.log"));
        self.runners.push(Daemon(spawn(command, &log)?));
        let wanted = self.runners.len();
        // It takes tasks while it still tries its devices, each kind in a child of its own.
        wait("the trials of the runner's devices", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            Ok(text.contains("all kinds of devices were tried").then_some(()))
        })?;
        wait("the runners' start", || {
            let runners = self.json(&["runners"])?;
            let list =
                runners.as_array().or_else(|| runners["runners"].as_array()).context("no list of runners")?;
            let ready = list.iter().filter(|runner| runner["slots"].as_u64().is_some_and(|slots| slots > 0));
            Ok((ready.count() >= wanted).then_some(()))
        })
    }

    /// Where the coordinator listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The coordinator's process.
    pub fn coordinator(&self) -> Result<i32> {
        i32::try_from(self.coordinator.0.id()).context("a process id is out of range")
    }

    /// Puts a clip into the bucket and has it transcoded; `more` are options of `flotilla submit`.
    pub fn transcode(&self, clip: &Path, more: &[&str]) -> Result<Job> {
        let bucket = self.bucket()?;
        curl(&bucket, &["--upload-file", &clip.to_string_lossy()], "bench/source")?;
        let (source, dest) =
            (format!("s3://{}/bench/source", bucket.name), format!("s3://{}/bench/out", bucket.name));
        let mut command = self.command(&["submit", &source, "--dest", &dest, "--wait", "--json"]);
        command.args(more);
        let mut watched = Watched::default();
        let started = Instant::now();
        let mut child = Daemon(command.stdout(Stdio::null()).spawn().context("flotilla does not start")?);
        let status = loop {
            if let Some(status) = child.0.try_wait().context("the command cannot be waited for")? {
                break status;
            }
            for daemon in self.runners.iter().chain([&self.coordinator]) {
                watched.look(i32::try_from(daemon.0.id())?);
            }
            std::thread::sleep(LOOK * 2);
        };
        let seconds = started.elapsed().as_secs_f64();
        ensure!(status.success(), "the job ended with {status}; see {}", self.folder.display());
        let report = curl(&bucket, &[], "bench/out/report.json")?;
        let report = serde_json::from_slice(&report).context("report.json is no JSON")?;
        Ok(Job { seconds, watched, report })
    }

    /// Fetches a file of the last job's result.
    pub fn fetch(&self, name: &str, to: &Path) -> Result<()> {
        let bytes = curl(&self.bucket()?, &[], &format!("bench/out/{name}"))?;
        fs::write(to, bytes).with_context(|| format!("{} cannot be written", to.display()))
    }

    fn bucket(&self) -> Result<Bucket> {
        if let Some(bucket) = &self.external {
            return Ok(bucket.clone());
        }
        let text = fs::read_to_string(self.folder.join("data/objects/credentials.json"))?;
        let keys: Value = serde_json::from_str(&text).context("the store's keys are no JSON")?;
        let key = |name: &str| keys[name].as_str().map(str::to_owned).context("the store has no keys");
        Ok(Bucket {
            endpoint: self.url.clone(),
            public_endpoint: self.url.clone(),
            region: "us-east-1".into(),
            name: "flotilla".into(),
            access_key: key("access_key")?,
            secret_key: key("secret_key")?,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.flotilla);
        command.args(arguments).env("FLOTILLA_DATA_DIR", self.folder.join("data")).stdin(Stdio::null());
        command
    }

    /// Processor time that all daemons have used so far, and their children that have ended, seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let daemons = self.runners.iter().chain([&self.coordinator]);
        let of_one = |daemon: &Daemon| {
            let (own, ended) = cpu_seconds(i32::try_from(daemon.0.id())?).context("a daemon has ended")?;
            Ok(own + ended)
        };
        daemons.map(of_one).sum()
    }

    /// Runs a command of `flotilla` and reads what it says.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command(arguments).arg("--json").output().context("flotilla does not start")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "flotilla {arguments:?}: {said}");
        serde_json::from_str(&said).context("flotilla says no JSON")
    }
}

impl Setup<'_> {
    /// The coordinator's configuration file.
    fn config(&self) -> String {
        let mut config = format!("[data]\ndir = {:?}\n", self.folder.join("data"));
        if let Some(folder) = self.profiles {
            config += &format!("[profiles]\ndir = {folder:?}\n");
        }
        if let Some(bucket) = &self.external {
            config += &format!("[storage]\nendpoint = {:?}\n", bucket.endpoint);
            config +=
                &format!("public_endpoint = {:?}\nregion = {:?}\n", bucket.public_endpoint, bucket.region);
            config += &format!("bucket = {:?}\naccess_key = {:?}\n", bucket.name, bucket.access_key);
            config += &format!("secret_key = {:?}\n", bucket.secret_key);
        }
        config
    }
}

/// A program that runs on some processors only.
fn bound(processors: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", processors]).arg(program);
    command
}

fn spawn(mut command: Command, log: &Path) -> Result<Child> {
    let file = File::create(log).context("a log cannot be written")?;
    let again = file.try_clone().context("a log cannot be written")?;
    let child = command.stdin(Stdio::null()).stdout(file).stderr(again).spawn();
    child.with_context(|| format!("{command:?} does not start"))
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    while started.elapsed() < START {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(LOOK);
    }
    bail!("{what} took more than {} s", START.as_secs())
}

/// A signed request by a client that is none of ours.
fn curl(bucket: &Bucket, arguments: &[&str], key: &str) -> Result<Vec<u8>> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail-with-body", "--max-time", "60"])
        .args(["--aws-sigv4", &format!("aws:amz:{}:s3", bucket.region)])
        .args(["--user", &format!("{}:{}", bucket.access_key, bucket.secret_key)])
        .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
        .args(arguments)
        .arg(format!("{}/{}/{key}", bucket.public_endpoint, bucket.name))
        .output()
        .context("curl does not start")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "curl {key}: {complaint}");
    Ok(output.stdout)
}
