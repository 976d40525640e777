//! PeerTube's runner API (versions 5.2 to 8.2), as its runners call it. Every call is a POST that carries its tokens in the
//! body.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::multipart::{Form, Part as FormPart};
use reqwest::{Method, Response, StatusCode, header, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::origin::{self, OriginError, Origins};
use crate::config::Secret;

/// A host that does not take a connection by then is away.
const CONNECT: Duration = Duration::from_secs(10);

/// An ordinary call.
const PATIENCE: Duration = Duration::from_secs(30);

/// An instance looks at a result, and moves it, before it answers; a proxy in between gives it ten minutes.
const ANSWER: Duration = Duration::from_secs(15 * 60);

/// A transfer in which nothing moves for so long has broken off.
const SILENCE: Duration = Duration::from_secs(60);

/// Redirects followed for a source.
const MAX_HOPS: u32 = 5;

/// Longest words that an instance takes as a reason.
const MAX_REASON_CHARS: usize = 4000;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The job is not ours any more, whatever became of it.
    #[error("the job is no longer ours")]
    Gone,
    /// Another runner was faster.
    #[error("another runner has the job")]
    Taken,
    /// The instance does not know this runner.
    #[error("the instance does not know this runner")]
    UnknownRunner,
    /// The instance refuses, with its reason.
    #[error("it refused ({status}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// In its words.
        detail: String,
    },
    /// It is away, or overloaded: later it may work.
    #[error("it cannot be reached: {0}")]
    Away(String),
    /// A URL that is not followed.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// What it answered does not read.
    #[error("it answered something else than a PeerTube does: {0}")]
    Strange(String),
}

impl ClientError {
    /// The same call may go well later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// A job on offer.
#[derive(Clone, Debug, Deserialize)]
pub struct Offered {
    /// Its id.
    pub uuid: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wanted.
    pub payload: Value,
}

/// A job that is ours.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// Its id.
    pub uuid: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wanted.
    pub payload: Value,
    /// Lower runs first.
    #[serde(default = "ordinary")]
    pub priority: i32,
    /// Opens its files, and takes its result.
    pub job_token: Secret,
}

fn ordinary() -> i32 {
    crate::jobs::ORDINARY_PRIORITY
}

/// A source on its way.
pub struct Download {
    /// Length of the whole file, where the server tells it.
    pub total_bytes: Option<u64>,
    /// Only the range that was asked for.
    pub is_partial: bool,
    /// Its bytes.
    pub body: Pin<Box<dyn Stream<Item = Result<Bytes, ClientError>> + Send>>,
}

/// A result.
#[derive(Clone)]
pub struct Answer {
    /// Files, in the order in which they are sent.
    pub parts: Vec<Part>,
    /// Plain fields.
    pub texts: Vec<(&'static str, String)>,
}

type Body = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A file of a result.
#[derive(Clone)]
pub struct Part {
    /// `payload[videoFile]`.
    pub field: &'static str,
    /// PeerTube takes no file without one.
    pub file_name: String,
    /// Decides the extension under which the instance stores it.
    pub content_type: &'static str,
    /// Its length.
    pub size_bytes: u64,
    /// Begins it, anew for every try.
    pub body: Arc<dyn Fn() -> Body + Send + Sync>,
}

impl Part {
    /// A short text.
    pub fn of_text(field: &'static str, file_name: &str, content_type: &'static str, text: String) -> Self {
        let (size_bytes, text) = (text.len() as u64, Bytes::from(text));
        let body = move || -> Body {
            let text = text.clone();
            Box::pin(futures::stream::once(async move { Ok(text) }))
        };
        Self { field, file_name: file_name.to_owned(), content_type, size_bytes, body: Arc::new(body) }
    }
}

/// A runner's end of one instance.
pub struct Client {
    http: reqwest::Client,
    /// Waits longer: for answers to results.
    patient: reqwest::Client,
    base: Url,
    shown: String,
    origins: Origins,
    token: Option<Secret>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl Client {
    /// A client of the instance at that root; without a runner's token it can only register.
    pub fn new(base: &Url, token: Option<Secret>, storage_hosts: &[String]) -> Result<Self, ClientError> {
        let (http, patient) = (connected(SILENCE)?, connected(ANSWER)?);
        let origins = Origins::new(base, storage_hosts)?;
        Ok(Self { http, patient, shown: origin::shown(base), base: base.clone(), origins, token })
    }

    /// The instance's root, as records name it.
    pub fn base(&self) -> &str {
        &self.shown
    }

    /// Becomes a runner of the instance; answers the runner's token.
    pub async fn register(
        &self,
        registration_token: &Secret,
        name: &str,
        description: Option<&str>,
    ) -> Result<Secret, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Registered {
            runner_token: Secret,
        }
        let mut body = json!({
            "registrationToken": registration_token.reveal(), "name": name, "version": env!("CARGO_PKG_VERSION"),
        });
        if let Some(description) = description.filter(|text| !text.is_empty()) {
            body["description"] = description.into();
        }
        let registered: Registered = read(self.post("register", &body).await?).await?;
        Ok(registered.runner_token)
    }

    /// Is a runner of the instance no more.
    pub async fn unregister(&self) -> Result<(), ClientError> {
        self.post("unregister", &json!({ "runnerToken": self.token() })).await.map(drop)
    }

    /// Jobs of these types that nobody has taken yet; at most ten.
    pub async fn request(&self, job_types: &[&str]) -> Result<Vec<Offered>, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Available {
            available_jobs: Vec<Offered>,
        }
        let version = env!("CARGO_PKG_VERSION");
        let body = json!({ "runnerToken": self.token(), "jobTypes": job_types, "version": version });
        let available: Available = read(self.post("jobs/request", &body).await?).await?;
        Ok(available.available_jobs)
    }

    /// Takes a job.
    pub async fn accept(&self, uuid: &str) -> Result<Accepted, ClientError> {
        #[derive(Deserialize)]
        struct Won {
            job: Accepted,
        }
        let reply = self.post(&job(uuid, "accept"), &json!({ "runnerToken": self.token() })).await;
        match reply {
            Err(ClientError::Refused { status: 400 | 409, .. }) => Err(ClientError::Taken),
            reply => Ok(read::<Won>(reply?).await?.job),
        }
    }

    /// A sign of life, with the progress in per cent.
    pub async fn update(&self, uuid: &str, job_token: &str, progress: u8) -> Result<(), ClientError> {
        let body = json!({ "runnerToken": self.token(), "jobToken": job_token, "progress": progress });
        self.post(&job(uuid, "update"), &body).await.map(drop)
    }

    /// Gives a job back; another runner can take it.
    pub async fn abort(&self, uuid: &str, job_token: &str, reason: &str) -> Result<(), ClientError> {
        let body = json!({ "runnerToken": self.token(), "jobToken": job_token, "reason": cut(reason) });
        self.post(&job(uuid, "abort"), &body).await.map(drop)
    }

    /// The job cannot be done; after a few times the instance gives it up.
    pub async fn error(&self, uuid: &str, job_token: &str, message: &str) -> Result<(), ClientError> {
        let body = json!({ "runnerToken": self.token(), "jobToken": job_token, "message": cut(message) });
        self.post(&job(uuid, "error"), &body).await.map(drop)
    }

    /// Sends a result. After an error that is passing it may have arrived all the same.
    pub async fn success(&self, uuid: &str, job_token: &str, answer: &Answer) -> Result<(), ClientError> {
        let mut form =
            Form::new().text("jobToken", job_token.to_owned()).text("runnerToken", self.token().to_owned());
        for (field, text) in &answer.texts {
            form = form.text(*field, text.clone());
        }
        for part in &answer.parts {
            let body = reqwest::Body::wrap_stream((part.body)());
            let file = FormPart::stream_with_length(body, part.size_bytes).file_name(part.file_name.clone());
            let file =
                file.mime_str(part.content_type).map_err(|error| ClientError::Strange(error.to_string()))?;
            form = form.part(part.field, file);
        }
        let request = self.patient.post(self.api(&job(uuid, "success"))).multipart(form);
        judge(request.send().await.map_err(away)?).await.map(drop)
    }

    /// Opens a source, or a range of it (without an end: `u64::MAX`).
    pub async fn download(
        &self,
        url: &str,
        job_token: &str,
        range: Option<Range<u64>>,
    ) -> Result<Download, ClientError> {
        let mut url = self.origins.check(url)?;
        let mut method = Method::POST;
        for _ in 0..=MAX_HOPS {
            let mut request = self.http.request(method.clone(), url.clone());
            if method == Method::POST {
                request = request.json(&json!({ "runnerToken": self.token(), "jobToken": job_token }));
            }
            if let Some(range) = &range {
                request = request.header(header::RANGE, range_header(range));
            }
            let reply = request.send().await.map_err(away)?;
            let Some(next) = self.redirected(&reply, &url)? else {
                return judge(reply).await.map(opened);
            };
            // 301 and 302 turn into a plain GET; 307 and 308 keep the body, which only the instance itself may see.
            let keeps =
                matches!(reply.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !keeps || !self.origins.is_own(&next) {
                method = Method::GET;
            }
            url = next;
        }
        Err(ClientError::Strange(format!("more than {MAX_HOPS} redirects for a source")))
    }

    fn redirected(&self, reply: &Response, from: &Url) -> Result<Option<Url>, ClientError> {
        if !reply.status().is_redirection() {
            return Ok(None);
        }
        let to = reply.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let next = to.and_then(|to| from.join(to).ok());
        let next = next.ok_or_else(|| ClientError::Strange("a redirect to nowhere".into()))?;
        Ok(Some(self.origins.check(next.as_str())?))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Response, ClientError> {
        let request = self.http.post(self.api(path)).json(body).timeout(PATIENCE);
        judge(request.send().await.map_err(away)?).await
    }

    fn api(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/api/v1/runners/{path}"));
        url
    }

    fn token(&self) -> &str {
        self.token.as_ref().map_or("", Secret::reveal)
    }
}

/// Redirects are followed by hand: the tokens must not go along.
fn connected(silence: Duration) -> Result<reqwest::Client, ClientError> {
    let builder = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(silence);
    let client = builder.redirect(redirect::Policy::none()).build();
    client.map_err(|error| ClientError::Strange(error.to_string()))
}

/// Ids come from outside: they are no part of a path but this one.
fn job(uuid: &str, verb: &str) -> String {
    let plain: String =
        uuid.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    format!("jobs/{plain}/{verb}")
}

fn cut(text: &str) -> String {
    match text.is_empty() {
        true => "no reason is known".to_owned(),
        false => text.chars().take(MAX_REASON_CHARS).collect(),
    }
}

fn range_header(range: &Range<u64>) -> String {
    match range.end {
        u64::MAX => format!("bytes={}-", range.start),
        end => format!("bytes={}-{}", range.start, end.saturating_sub(1)),
    }
}

fn opened(reply: Response) -> Download {
    let is_partial = reply.status() == StatusCode::PARTIAL_CONTENT;
    let stated = reply.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let of_range = stated.and_then(|text| text.rsplit_once('/')?.1.parse().ok());
    let total_bytes = if is_partial { of_range } else { reply.content_length() };
    let body = reply.bytes_stream().map(|bytes| bytes.map_err(away));
    Download { total_bytes, is_partial, body: Box::pin(body) }
}

async fn read<T: DeserializeOwned>(reply: Response) -> Result<T, ClientError> {
    let bytes = reply.bytes().await.map_err(away)?;
    serde_json::from_slice(&bytes).map_err(|error| ClientError::Strange(error.to_string()))
}

/// Errors are problem documents (RFC 9457) with a code of PeerTube's.
async fn judge(reply: Response) -> Result<Response, ClientError> {
    let status = reply.status();
    if status.is_success() {
        return Ok(reply);
    }
    if status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
    {
        return Err(ClientError::Away(format!("status {status}")));
    }
    let is_job = reply.url().path().contains("/runners/jobs/") && !reply.url().path().ends_with("/request");
    let text = reply.text().await.unwrap_or_default();
    let problem: Option<Problem> = serde_json::from_str(&text).ok();
    let code = problem.as_ref().and_then(|problem| problem.code.as_deref()).unwrap_or_default();
    let detail =
        problem.as_ref().and_then(|problem| problem.detail.clone().or_else(|| problem.error.clone()));
    match code {
        "unknown_runner_token" => Err(ClientError::UnknownRunner),
        "runner_job_not_in_processing_state" => Err(ClientError::Gone),
        _ if status == StatusCode::NOT_FOUND && is_job => Err(ClientError::Gone),
        _ => Err(ClientError::Refused {
            status: status.as_u16(),
            detail: detail.unwrap_or_else(|| text.chars().take(200).collect()),
        }),
    }
}

fn away(error: reqwest::Error) -> ClientError {
    // A URL may carry a signature.
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(reason) = cause {
        words = format!("{words}: {reason}");
        cause = reason.source();
    }
    ClientError::Away(words)
}
