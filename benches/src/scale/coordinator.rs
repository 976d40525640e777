//! A coordinator process and its REST interface.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use flotilla_benches::process;
use serde_json::{Value, json};

/// A running `flotilla serve`; killed when dropped.
pub struct Coordinator {
    child: Child,
    /// Where runners reach it.
    pub url: String,
    admin_token: String,
    web: reqwest::Client,
}

impl Coordinator {
    /// Starts it with its data in `folder`.
    pub fn start(program: &Path, folder: &Path) -> Result<Self> {
        ensure!(program.is_file(), "{} is not there; run `make release` first", program.display());
        // Busy runners never end, so they are stragglers: copies of their tasks would be dispatched between those that
        // are timed.
        let config = folder.join("flotilla.toml");
        std::fs::write(&config, "[scheduling]\nduplicate_stragglers = false\n")?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        command.arg("--data-dir").arg(folder);
        let log = std::fs::File::create(folder.join("coordinator.log"))?;
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).spawn().context("flotilla does not start")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let ready = lines.find_map(|line| line.ok()?.strip_prefix("ready ").map(str::to_owned));
        let url = ready.context("the coordinator ended; see coordinator.log")?;
        let admin_token = std::fs::read_to_string(folder.join("admin-token"))?.trim().to_owned();
        Ok(Self { child, url, admin_token, web: reqwest::Client::new() })
    }

    /// A token with which so many runners can join.
    pub async fn token(&self, uses: usize) -> Result<String> {
        let created = self.post("tokens", &json!({ "uses": uses, "life_seconds": 3600 })).await?;
        Ok(created["token"].as_str().context("a new token is shown")?.to_owned())
    }

    /// Submits a job; answers its id.
    pub async fn submit(&self, source: &str, name: &str) -> Result<String> {
        let destination = format!("s3://flotilla/scale/{name}");
        let body = json!({ "source": source, "profile": "web", "destination": destination });
        let job = self.post("jobs", &body).await?;
        Ok(job["id"].as_str().context("a job has an id")?.to_owned())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.web.post(format!("{}/api/v1/{path}", self.url)).bearer_auth(&self.admin_token);
        let response = request.json(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{path} was answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Memory that it holds, kB.
    pub fn resident_kb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS is there")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Processor time that it has used, seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let (own, _) = process::cpu_seconds(i32::try_from(self.child.id())?).context("it has ended")?;
        Ok(own)
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
