//! The calls of a runner to one instance. All are POST, and secrets travel in bodies only, so that no log of a proxy
//! holds them. Redirects are not followed but where files are read.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

use super::CallError;
use super::answer::{Answer, Sent};
use super::origin::{Refusal, Trust};
use super::reply::{self, About};
use super::wire::{Acceptance, AcceptedJob, AvailableJob, JobToken, JobType, JobUuid, Listing, Registration};
use crate::config::Secret;

/// PeerTube reads `x.y.z` with at most a release candidate behind; ours is plain.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Node closes idle connections after 5 s: one that is taken up again just then breaks.
const IDLE: Duration = Duration::from_secs(4);
/// A call that is turned away by the rate limit is made this often in all.
const TRIES: u32 = 3;
/// Longest texts that PeerTube takes, characters.
const REASON_CHARS: usize = 5000;
const DESCRIPTION_CHARS: usize = 1000;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the whole of an ordinary call, and for the first byte of a file.
    pub call: Duration,
    /// For the next bytes to move, up or down.
    pub stall: Duration,
    /// For the answer to a result: the instance reads, moves and hashes it before it answers.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), call: seconds(30), stall: seconds(60), answer: seconds(12 * 60) }
    }
}

/// An instance, by its URL; clones share its connections.
#[derive(Clone, Debug)]
pub struct Instance(Arc<Inner>);

/// What calls are made with.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) trust: Trust,
    pub(super) patience: Patience,
}

/// An instance that knows us, and by which token.
#[derive(Clone, Debug)]
pub struct Runner {
    instance: Instance,
    token: Secret,
}

impl Instance {
    /// The instance at a URL without a path, such as `https://tube.example.org`. Files may also come from
    /// `storage_hosts`: see [`Trust::new`].
    pub fn new(base_url: &str, storage_hosts: &[String], patience: Patience) -> Result<Self, CallError> {
        let base = Url::parse(base_url).map_err(|_| Refusal::new(base_url, "it does not read as a URL"))?;
        let trust = Trust::new(&base, storage_hosts)?;
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(
                Refusal::new(&base, "an instance is named by its origin alone, without a path").into()
            );
        }
        // A second installation is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(patience.connect)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("flotilla/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| reply::unreachable(&error))?;
        Ok(Self(Arc::new(Inner { http, base, trust, patience })))
    }

    /// The URL that it was named by.
    pub fn url(&self) -> &Url {
        &self.0.base
    }

    /// Which places its payloads may name.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// Makes us known under a name that no other runner of the instance has. Refused: 404 for an unknown registration
    /// token, 400 for a name that is taken.
    pub async fn register(
        &self,
        registration_token: &Secret,
        name: &str,
        description: Option<&str>,
    ) -> Result<Registration, CallError> {
        let mut body = json!({
            "registrationToken": registration_token.reveal(),
            "name": name,
            "version": VERSION,
        });
        // An empty description is refused.
        if let Some(text) = description.filter(|text| !text.is_empty()) {
            body["description"] = cut(text, DESCRIPTION_CHARS).into();
        }
        let response = self.0.call("register", &body, About::Runner).await?;
        reply::document(response).await
    }

    /// Speaks as a runner that is registered already.
    pub fn runner(&self, token: Secret) -> Runner {
        Runner { instance: self.clone(), token }
    }
}

impl Runner {
    /// What is called.
    pub(super) fn instance(&self) -> &Inner {
        &self.instance.0
    }

    /// The instance's URL.
    pub fn url(&self) -> &Url {
        self.instance.url()
    }

    /// By which the instance knows us.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The instance forgets us; its other jobs of ours go back to the line.
    pub async fn unregister(&self) -> Result<(), CallError> {
        self.instance().call("unregister", &self.secrets(), About::Runner).await.map(drop)
    }

    /// At most ten waiting jobs of these types, the most urgent first. Instances before 7.0 list all types.
    pub async fn request(&self, job_types: &[JobType]) -> Result<Vec<AvailableJob>, CallError> {
        let names: Vec<&str> = job_types.iter().map(JobType::as_str).collect();
        let mut body = self.secrets();
        body["jobTypes"] = json!(names);
        body["version"] = VERSION.into();
        let response = self.instance().call("jobs/request", &body, About::Runner).await?;
        let mut jobs = reply::document::<Listing>(response).await?.into_jobs();
        jobs.retain(|job| job_types.contains(&job.job_type));
        Ok(jobs)
    }

    /// Takes a job. From here on it must be updated at least every two minutes.
    pub async fn accept(&self, job: &JobUuid) -> Result<AcceptedJob, CallError> {
        let path = format!("jobs/{job}/accept");
        let response = self.instance().call(&path, &self.secrets(), About::Accept).await?;
        Ok(reply::document::<Acceptance>(response).await?.job)
    }

    /// Says that a job lives, and how far it is, percent.
    pub async fn update(&self, job: &JobUuid, token: &JobToken, progress: u8) -> Result<(), CallError> {
        let form = || {
            Form::new()
                .text("progress", progress.min(100).to_string())
                .text("jobToken", token.reveal().to_owned())
                .text("runnerToken", self.token.reveal().to_owned())
        };
        let url = self.instance().at(&format!("jobs/{job}/update"))?;
        let request = || self.instance().http.post(url.clone()).multipart(form());
        self.instance().patiently(request, About::Job).await.map(drop)
    }

    /// Gives a job back at no cost.
    pub async fn abort(&self, job: &JobUuid, token: &JobToken, reason: &str) -> Result<(), CallError> {
        self.end(job, "abort", token, "reason", reason).await
    }

    /// Says that a job failed: the fifth time ends it for good.
    pub async fn error(&self, job: &JobUuid, token: &JobToken, message: &str) -> Result<(), CallError> {
        self.end(job, "error", token, "message", message).await
    }

    async fn end(
        &self,
        job: &JobUuid,
        verb: &str,
        token: &JobToken,
        field: &str,
        text: &str,
    ) -> Result<(), CallError> {
        let mut body = self.job_secrets(token);
        // An empty text is refused.
        let text = if text.is_empty() { "no reason is given" } else { text };
        body[field] = cut(text, REASON_CHARS).into();
        self.instance().call(&format!("jobs/{job}/{verb}"), &body, About::Job).await.map(drop)
    }

    /// Hands over a job's result. It is sent once: after [`CallError::MayHaveArrived`] the caller has to find out.
    pub async fn success(&self, job: &JobUuid, token: &JobToken, answer: Answer) -> Result<(), CallError> {
        let (form, sent) = answer.into_form(token.reveal(), self.token.reveal())?;
        let url = self.instance().at(&format!("jobs/{job}/success"))?;
        let sending = self.instance().http.post(url).multipart(form).send();
        let response = tokio::select! {
            response = sending => response.map_err(|error| lost(&error.without_url(), &sent)),
            error = silence(&sent, self.instance().patience) => Err(error),
        };
        reply::check(response?, About::Success).await.map(drop)
    }

    fn secrets(&self) -> Value {
        json!({ "runnerToken": self.token.reveal() })
    }

    pub(super) fn job_secrets(&self, job: &JobToken) -> Value {
        json!({ "runnerToken": self.token.reveal(), "jobToken": job.reveal() })
    }
}

impl Inner {
    fn at(&self, path: &str) -> Result<Url, Refusal> {
        let url = self.base.join(&format!("api/v1/runners/{path}"));
        url.map_err(|_| Refusal::new(&self.base, "its URL takes no path"))
    }

    async fn call(&self, path: &str, body: &Value, about: About) -> Result<Response, CallError> {
        let url = self.at(path)?;
        self.patiently(|| self.http.post(url.clone()).json(body), about).await
    }

    /// Makes a call, and makes it again when the instance asks for patience.
    async fn patiently(
        &self,
        request: impl Fn() -> RequestBuilder,
        about: About,
    ) -> Result<Response, CallError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let response = self.in_time(request().timeout(self.patience.call).send()).await?;
            match reply::check(response, about).await {
                Err(CallError::Busy { retry_after }) if tries < TRIES => {
                    tokio::time::sleep(retry_after).await
                }
                ended => return ended,
            }
        }
    }

    pub(super) async fn in_time(
        &self,
        sending: impl Future<Output = reqwest::Result<Response>>,
    ) -> Result<Response, CallError> {
        let response = tokio::time::timeout(self.patience.call, sending).await;
        let late = |_| CallError::Unreachable { reason: "it does not answer in time".into() };
        response.map_err(late)?.map_err(|error| reply::unreachable(&error.without_url()))
    }
}

/// Returns when an upload does not move any more, or is not answered once it is whole.
async fn silence(sent: &Sent, patience: Patience) -> CallError {
    while !sent.is_whole() {
        if tokio::time::timeout(patience.stall, sent.moved.notified()).await.is_err() && !sent.is_whole() {
            return CallError::Unreachable { reason: "the upload did not move for too long".into() };
        }
    }
    tokio::time::sleep(patience.answer).await;
    CallError::MayHaveArrived { reason: "no answer came in time".into() }
}

/// What an upload whose connection broke has come to.
fn lost(error: &reqwest::Error, sent: &Sent) -> CallError {
    if let Some(reason) = sent.failure() {
        return CallError::Unreadable { reason };
    }
    match reply::unreachable(error) {
        CallError::Unreachable { reason } if sent.is_whole() && !error.is_connect() => {
            CallError::MayHaveArrived { reason }
        }
        other => other,
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
