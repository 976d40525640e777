//! What the status and body of an answer mean: PeerTube answers failures with problem documents (RFC 9457), others with
//! what they like.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::CallError;

/// The largest document that an instance has reason to send: ten jobs.
const DOCUMENT_BYTES: usize = 1 << 20;
/// The instance's words are shown to people and stored: no more than these characters of them.
const DETAIL_CHARS: usize = 300;
/// When an instance asks for patience without saying how much; the window of its rate limit.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(10);
const RETRY_AFTER_LONGEST: Duration = Duration::from_secs(120);

/// What a call was about; the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The runner: register, request, unregister.
    Runner,
    /// Taking a job.
    Accept,
    /// A job that is ours.
    Job,
    /// The result of a job that is ours.
    Success,
}

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    title: Option<String>,
}

/// The failure that an answer stands for; the answer itself when it stands for none.
pub(super) async fn check(response: Response, about: About) -> Result<Response, CallError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        let detail = shown(&format!("it redirects to {to}; register it by the URL that it has now"));
        return Err(CallError::Refused { status: status.as_u16(), detail });
    }
    let headers = response.headers().clone();
    // A body that breaks off leaves the status, which says enough.
    let body = body(response).await.unwrap_or_default();
    Err(meaning(status, &headers, &body, about))
}

/// Reads a document.
pub(super) async fn document<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    let body = body(response).await?;
    serde_json::from_slice(&body).map_err(|error| CallError::Strange { reason: error.to_string() })
}

async fn body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| unreachable(&error.without_url()))? {
        body.extend_from_slice(&bytes);
        if body.len() > DOCUMENT_BYTES {
            return Err(CallError::Strange { reason: format!("it is longer than {DOCUMENT_BYTES} bytes") });
        }
    }
    Ok(body)
}

fn meaning(status: StatusCode, headers: &HeaderMap, body: &[u8], about: About) -> CallError {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let code = problem.code.as_deref().unwrap_or_default();
    let words = problem.detail.or(problem.title);
    let words = words.as_deref().or(status.canonical_reason()).unwrap_or("no reason is given");
    let detail = shown(words);
    match (status.as_u16(), code, about) {
        (_, "unknown_runner_token", _) => CallError::UnknownRunner,
        // Servers that give no codes say it in words.
        (404, "", _) if detail.eq_ignore_ascii_case("unknown runner token") => CallError::UnknownRunner,
        (429, ..) => CallError::Busy { retry_after: retry_after(headers) },
        (413, ..) => CallError::TooLarge { detail },
        // What the instance had got of the result before its proxy lost it is not known.
        (500 | 502 | 504, _, About::Success) => CallError::MayHaveArrived { reason: detail },
        (502..=504, ..) => CallError::Unreachable { reason: detail },
        (404, _, About::Accept | About::Job | About::Success) => CallError::Gone { is_idle: false, detail },
        (400 | 409, _, About::Accept) => CallError::Taken { detail },
        (400, "runner_job_not_in_processing_state", _) => CallError::Gone { is_idle: true, detail },
        (status, ..) => CallError::Refused { status, detail },
    }
}

/// The reason at the end of the chain: the errors above it only say that there is one.
pub(super) fn unreachable(error: &reqwest::Error) -> CallError {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let reason =
        if error.is_timeout() { "it does not answer in time".into() } else { shown(&deepest.to_string()) };
    CallError::Unreachable { reason }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs).min(RETRY_AFTER_LONGEST)
}

fn shown(words: &str) -> String {
    words.chars().filter(|character| !character.is_control()).take(DETAIL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, about: About, expected: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let found = format!("{:?}", meaning(status, &HeaderMap::new(), body.as_bytes(), about));
        assert!(found.starts_with(expected), "{status} {body} {about:?}: {found}");
    }

    #[test]
    fn a_status_means_what_the_call_was_about() {
        let unknown = r#"{"status":404,"code":"unknown_runner_token","detail":"Unknown runner token"}"#;
        check(404, unknown, About::Runner, "UnknownRunner");
        check(404, unknown, About::Job, "UnknownRunner");
        check(404, "", About::Runner, "Refused { status: 404, detail: \"Not Found\" }");
        check(
            404,
            r#"{"detail":"Unknown runner job"}"#,
            About::Job,
            "Gone { is_idle: false, detail: \"Unknown runner job\" }",
        );
        check(404, "<html>", About::Success, "Gone");
        check(400, r#"{"code":"runner_job_not_in_processing_state"}"#, About::Job, "Gone { is_idle: true");
        check(400, r#"{"detail":"payload is invalid"}"#, About::Success, "Refused { status: 400");
        check(400, "", About::Accept, "Taken");
        check(409, r#"{"code":"runner_job_not_in_pending_state"}"#, About::Accept, "Taken");
        check(413, "", About::Success, "TooLarge");
        check(500, "", About::Job, "Refused { status: 500");
        check(502, "", About::Job, "Unreachable");
        check(504, "", About::Success, "MayHaveArrived");
        check(503, "", About::Success, "Unreachable");
        check(429, "", About::Runner, "Busy { retry_after: 10s }");
    }

    #[test]
    fn the_words_of_an_instance_are_cut_to_a_line() {
        let body = format!("{{\"detail\":\"one\\ntwo{}\"}}", "x".repeat(1000));
        let CallError::Refused { detail, .. } =
            meaning(StatusCode::IM_A_TEAPOT, &HeaderMap::new(), body.as_bytes(), About::Job)
        else {
            panic!("a teapot refuses")
        };
        assert!(detail.starts_with("onetwox") && detail.len() == DETAIL_CHARS, "{detail}");
    }

    #[test]
    fn patience_has_bounds() {
        let after = |value: &'static str| {
            retry_after(&HeaderMap::from_iter([(
                RETRY_AFTER,
                reqwest::header::HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(after("7"), Duration::from_secs(7));
        assert_eq!(after("86400"), RETRY_AFTER_LONGEST);
        assert_eq!(after("Wed, 21 Oct 2026 07:28:00 GMT"), RETRY_AFTER_DEFAULT);
    }
}
