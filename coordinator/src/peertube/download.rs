//! Files of a job. The runner's secrets go, in the body of a POST, to the instance alone; storage is read with a plain
//! GET. Each redirect is checked before it is followed.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::client::Runner;
use super::origin::{Place, Refusal};
use super::reply::{self, About};
use super::{CallError, JobToken};

/// As many redirects are followed: an instance, its storage, and a few names of that.
const REDIRECTS: usize = 5;

/// Which bytes are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub start: u64,
    /// The one after the last; none: all that follow.
    pub end: Option<u64>,
}

impl Window {
    /// The whole file.
    pub const WHOLE: Self = Self { start: 0, end: None };

    fn header(self) -> Option<String> {
        match (self.start, self.end) {
            (0, None) => None,
            (start, None) => Some(format!("bytes={start}-")),
            (start, Some(end)) => Some(format!("bytes={start}-{}", end.max(start + 1) - 1)),
        }
    }
}

/// A file that is being read.
pub struct Download {
    /// Where in the file `bytes` begin: where they were asked from, or 0 when the server does not know ranges.
    pub start: u64,
    /// The server knows ranges and gave the one asked for; also true for a whole file as asked.
    pub is_as_asked: bool,
    /// Length of the whole file, when the server tells.
    pub total_bytes: Option<u64>,
    /// The server's mark of this version of the file, as it wrote it.
    pub etag: Option<String>,
    /// What the server takes the file for.
    pub content_type: Option<String>,
    /// The bytes. They end with an error when they end early.
    pub bytes: BoxStream<'static, Result<Bytes, CallError>>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { start, total_bytes, etag, .. } = self;
        write!(to, "Download {{ start: {start}, total_bytes: {total_bytes:?}, etag: {etag:?} }}")
    }
}

impl Runner {
    /// Reads a file that the payload of a job names.
    pub async fn download(&self, url: &str, job: &JobToken, window: Window) -> Result<Download, CallError> {
        let (mut url, mut place) = self.instance().trust.read(url)?;
        let mut secrets = (place == Place::Home).then(|| self.job_secrets(job));
        for _ in 0..=REDIRECTS {
            let response = self.fetch(&url, secrets.as_ref(), window).await?;
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                let response = reply::check(response, About::Job).await?;
                return opened(response, window, self.instance().patience.stall);
            }
            let next = target(&url, response.headers())?;
            place = self.instance().trust.check(&next)?;
            if secrets.is_some() && keeps_body(status) {
                if place != Place::Home {
                    let reason = "it asks for the secrets of this runner to be sent to another server";
                    return Err(Refusal::new(&next, reason).into());
                }
            } else {
                secrets = None;
            }
            url = next;
        }
        Err(Refusal::new(&url, "it comes after more redirects than are followed").into())
    }

    async fn fetch(&self, url: &Url, secrets: Option<&Value>, window: Window) -> Result<Response, CallError> {
        let http = &self.instance().http;
        let mut request = match secrets {
            Some(secrets) => http.post(url.clone()).json(secrets),
            None => http.get(url.clone()),
        };
        if let Some(range) = window.header() {
            request = request.header(RANGE, range);
        }
        self.instance().in_time(request.send()).await
    }
}

/// 307 and 308 repeat the POST with its body; the others turn it into a GET.
fn keeps_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
}

fn target(from: &Url, headers: &HeaderMap) -> Result<Url, CallError> {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| from.join(to).ok());
    to.ok_or_else(|| CallError::Strange { reason: "it redirects to nowhere".into() })
}

fn opened(response: Response, window: Window, stall: Duration) -> Result<Download, CallError> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (etag, content_type) = (text(ETAG), text(CONTENT_TYPE));
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    let (start, end, total_bytes) = if is_part {
        let range = text(CONTENT_RANGE).as_deref().and_then(content_range);
        let (start, end, total) = range
            .ok_or_else(|| CallError::Strange { reason: "a part of a file without its range".into() })?;
        if start != window.start {
            return Err(CallError::Strange {
                reason: format!("it sent bytes from {start}, not {}", window.start),
            });
        }
        (start, Some(end), total)
    } else {
        (0, response.content_length(), response.content_length())
    };
    let is_as_asked = is_part || window == Window::WHOLE;
    let missing = end.map(|end| end - start);
    let bytes = body(response, missing, stall);
    Ok(Download { start, is_as_asked, total_bytes, etag, content_type, bytes })
}

/// First byte, byte after the last, and length of the whole: `bytes 5-9/100` or `bytes 5-9/*`.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (start, end) = (first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    (start < end && total.is_none_or(|total| end <= total)).then_some((start, end, total))
}

/// The bytes of a body: none for `stall`, or fewer than announced, is a failure. Storage behind PeerTube sends parts
/// without their length, where only the range tells that something is missing.
fn body(
    response: Response,
    missing: Option<u64>,
    stall: Duration,
) -> BoxStream<'static, Result<Bytes, CallError>> {
    let broken = |reason: &str| CallError::Unreachable { reason: reason.to_owned() };
    futures::stream::try_unfold((response, missing), move |(mut response, missing)| async move {
        let next = tokio::time::timeout(stall, response.chunk()).await;
        let next = next.map_err(|_| broken("no byte of the file came for too long"))?;
        match next.map_err(|error| reply::unreachable(&error.without_url()))? {
            Some(bytes) => {
                let left = missing.map(|missing| missing.checked_sub(bytes.len() as u64));
                if left == Some(None) {
                    return Err(CallError::Strange { reason: "the file is longer than announced".into() });
                }
                Ok(Some((bytes, (response, left.flatten()))))
            }
            None if missing.is_some_and(|missing| missing > 0) => Err(broken("the file ended early")),
            None => Ok(None),
        }
    })
    .into_stream()
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_written() {
        assert_eq!(content_range("bytes 5-9/100"), Some((5, 10, Some(100))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, 1, None)));
        for wrong in
            ["bytes 9-5/100", "bytes 5-200/100", "bytes */100", "5-9/100", "bytes 5-18446744073709551615/*"]
        {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn windows_are_asked_for_as_ranges() {
        assert_eq!(Window::WHOLE.header(), None);
        assert_eq!(Window { start: 5, end: None }.header().as_deref(), Some("bytes=5-"));
        assert_eq!(Window { start: 0, end: Some(10) }.header().as_deref(), Some("bytes=0-9"));
    }
}
