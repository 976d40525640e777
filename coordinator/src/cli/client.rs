//! The REST client of the command line.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Remote;
use super::exit::{Exit, UserError};
use crate::data_dir::{admin_token_file, url_file};
use crate::web::Problem;

/// Where a coordinator listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7400";

/// A coordinator that does not answer within this time is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing that is only read takes a coordinator longer.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// A client of one coordinator.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// The coordinator that the flags, the environment or the data folder name.
    pub fn new(remote: &Remote) -> Result<Self, UserError> {
        let read =
            |path: std::path::PathBuf| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        let url = remote.url.clone().or_else(|| read(url_file(&remote.data_dir)));
        let token = remote.admin_token.clone().or_else(|| read(admin_token_file(&remote.data_dir)));
        let token = token.ok_or_else(|| {
            let looked = admin_token_file(&remote.data_dir);
            UserError::new(
                Exit::Usage,
                format!("no admin token: {} cannot be read", looked.display()),
                "start a coordinator with `flotilla serve`, or give --data-dir, or --url and --admin-token",
            )
        })?;
        // A second installation is no news: `flotilla transcode` embeds a coordinator that does the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().connect_timeout(PATIENCE).build();
        let http =
            http.map_err(|error| UserError::new(Exit::Internal, error.to_string(), "please report this"))?;
        let url = url.unwrap_or_else(|| DEFAULT_URL.into()).trim_end_matches('/').to_owned();
        Ok(Self { http, url, token })
    }

    /// GET a document.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, UserError> {
        self.answer(self.http.get(self.at(path)).timeout(LONG_PATIENCE)).await
    }

    /// POST a document, GET one back. Waits for ever: a submission is answered when its source has been fetched.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, UserError> {
        self.answer(self.http.post(self.at(path)).json(body)).await
    }

    /// POST a document to which there is nothing to answer.
    pub async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), UserError> {
        self.send(self.http.post(self.at(path)).json(body)).await.map(drop)
    }

    /// DELETE something.
    pub async fn delete(&self, path: &str) -> Result<(), UserError> {
        self.send(self.http.delete(self.at(path))).await.map(drop)
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, UserError> {
        let reply = self.send(request).await?;
        reply.json().await.map_err(|error| self.strange(&error.to_string()))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, UserError> {
        let reply = request.bearer_auth(&self.token).send().await.map_err(|error| self.away(&error))?;
        if reply.status().is_success() {
            return Ok(reply);
        }
        let status = reply.status();
        match reply.json::<Problem>().await {
            Ok(problem) => Err(problem.into()),
            Err(_) => Err(self.strange(&format!("status {status}"))),
        }
    }

    fn away(&self, error: &reqwest::Error) -> UserError {
        let reason = if error.is_timeout() { "it does not answer" } else { "it cannot be reached" };
        UserError::new(
            Exit::Internal,
            format!("no coordinator at {}: {reason}", self.url),
            "start one with `flotilla serve`, or name the right one with --url",
        )
    }

    fn strange(&self, what: &str) -> UserError {
        let message = format!("{} answered something that is not Flotilla's: {what}", self.url);
        UserError::new(
            Exit::Internal,
            message,
            "check --url; are coordinator and command of the same version?",
        )
    }
}
