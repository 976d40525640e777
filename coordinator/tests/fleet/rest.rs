//! `/api/v1`: every refusal is a problem document that says what to do.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Asks with the admin token.
async fn ask(stage: &Stage, method: Method, path: &str, body: Option<&str>) -> (StatusCode, Value) {
    let url = format!("{}/api/v1{path}", stage.coordinator.url());
    let mut request =
        reqwest::Client::new().request(method, url).bearer_auth(stage.coordinator.admin_token());
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let reply = request.send().await.expect("the coordinator answers");
    let status = reply.status();
    let is_problem =
        reply.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
    assert_eq!(status.is_client_error(), is_problem, "{status}");
    let text = reply.text().await.expect("an answer has a body");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
    (status, body)
}

/// A refusal with its status and words, a hint, and whose fault it is.
async fn check_refused(
    stage: &Stage,
    (method, path, body): (Method, &str, Option<&str>),
    status: u16,
    words: &str,
    fault: &str,
) {
    let (found, problem) = ask(stage, method, path, body).await;
    assert_eq!(found.as_u16(), status, "{path} {problem}");
    assert!(problem["title"].as_str().is_some_and(|title| title.contains(words)), "{problem}");
    assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{problem}");
    let found = if problem["usage"] == true { "usage" } else { problem["class"].as_str().expect("a class") };
    assert_eq!(found, fault, "{problem}");
}

fn job(changes: &[(&str, Value)]) -> String {
    let mut job =
        json!({ "source": "s3://flotilla/in.mp4", "profile": "web", "destination": "s3://flotilla/out" });
    for (key, value) in changes {
        job[key] = value.clone();
    }
    job.to_string()
}

#[tokio::test]
async fn nobody_comes_in_without_the_admin_token() {
    let stage = Stage::new().await;
    let url = format!("{}/api/v1/jobs", stage.coordinator.url());
    let client = reqwest::Client::new();
    for request in
        [client.get(&url), client.get(&url).bearer_auth("guessed"), client.post(&url).bearer_auth("")]
    {
        let reply = request.send().await.expect("the coordinator answers");
        assert_eq!(reply.status(), StatusCode::UNAUTHORIZED);
        let problem: Value = reply.json().await.expect("a problem document");
        assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("admin-token")), "{problem}");
    }
    let health = reqwest::get(format!("{}/healthz", stage.coordinator.url())).await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok\n");
}

#[tokio::test]
async fn requests_that_do_not_read_are_refused() {
    let stage = Stage::new().await;
    let check = async |method, path, body: Option<&str>, status, words| {
        check_refused(&stage, (method, path, body), status, words, "usage").await;
    };
    check(Method::GET, "/nothing", None, 404, "no such path").await;
    check(Method::PUT, "/jobs", None, 405, "method").await;
    check(Method::GET, "/jobs?limit=many", None, 422, "limit").await;
    check(Method::GET, "/jobs?limit=0", None, 422, "between 1 and 1000").await;
    check(Method::GET, "/jobs?limit=1001", None, 422, "between 1 and 1000").await;
    check(Method::GET, "/jobs?state=asleep", None, 422, "probing").await;
    check(Method::GET, "/jobs?stat=failed", None, 422, "stat").await;
    check(Method::GET, "/jobs/no_id", None, 422, "an id is").await;
    check(Method::GET, "/jobs/unheard-of", None, 404, "unheard-of").await;
    check(Method::POST, "/jobs/unheard-of/cancel", None, 404, "unheard-of").await;
    check(Method::DELETE, "/tokens/unheard-of", None, 404, "unheard-of").await;
    check(Method::POST, "/jobs", Some("{"), 422, "JSON").await;
    check(Method::POST, "/jobs", Some("{}"), 422, "source").await;
    check(Method::POST, "/tokens", Some(r#"{"uses":0}"#), 422, "at least one use").await;
    check(Method::POST, "/tokens", Some(r#"{"note":"two\nlines"}"#), 422, "one line").await;
}

#[tokio::test]
async fn jobs_that_cannot_be_done_are_refused() {
    let stage = Stage::new().await;
    let check = async |change: (&str, Value), status, words, fault| {
        check_refused(&stage, (Method::POST, "/jobs", Some(&job(&[change]))), status, words, fault).await;
    };
    check(("source", json!("/etc/passwd")), 422, "neither an s3://", "source").await;
    check(("source", json!("s3://flotilla/missing.mp4")), 422, "does not exist", "source").await;
    check(("source", json!("http://127.0.0.1:9/in.mp4")), 422, "cannot be fetched", "source").await;
    check(("profile", json!("wbe")), 422, "did you mean", "profile").await;
    check(("destination", json!("/srv/out")), 422, "s3://", "usage").await;
    check(("destination", json!("s3://flotilla/../out")), 422, "`..`", "usage").await;
    check(("chunk_seconds", json!(0)), 422, "chunk_seconds", "usage").await;
    check(("idempotency_key", json!("")), 422, "idempotency key", "usage").await;
    check(("destinations", json!(1)), 422, "destinations", "usage").await;
}

#[tokio::test]
async fn a_job_is_submitted_listed_and_called_off() {
    let stage = Stage::new().await;
    let source = "s3://flotilla/in.mp4".parse().unwrap();
    stage.storage().put(&source, "bytes of a video".into(), "video/mp4").await.unwrap();
    let keyed = job(&[("idempotency_key", json!("upload-7"))]);
    let (status, created) = ask(&stage, Method::POST, "/jobs", Some(&keyed)).await;
    assert_eq!((status, &created["state"]), (StatusCode::CREATED, &json!("probing")));
    let (_, repeated) = ask(&stage, Method::POST, "/jobs", Some(&keyed)).await;
    assert_eq!(repeated["id"], created["id"]);

    let (status, taken) = ask(&stage, Method::POST, "/jobs", Some(&job(&[]))).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(taken["title"].as_str().unwrap().contains(created["id"].as_str().unwrap()), "{taken}");

    let path = format!("/jobs/{}", created["id"].as_str().unwrap());
    let (_, detail) = ask(&stage, Method::GET, &path, None).await;
    assert_eq!(
        (&detail["tasks"][0]["task"]["kind"], detail["tasks"].as_array().unwrap().len()),
        (&json!("probe"), 1)
    );
    assert_eq!(
        ask(&stage, Method::GET, "/jobs?state=probing&limit=5", None).await.1.as_array().unwrap().len(),
        1
    );
    assert_eq!(ask(&stage, Method::GET, "/jobs?state=failed", None).await.1, json!([]));

    assert_eq!(ask(&stage, Method::POST, &format!("{path}/retry"), None).await.0, StatusCode::CONFLICT);
    let (status, cancelled) = ask(&stage, Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!((status, &cancelled["state"]), (StatusCode::OK, &json!("cancelled")));
    assert_eq!(ask(&stage, Method::POST, "/jobs", Some(&job(&[]))).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_published_place_is_not_written_again() {
    let stage = Stage::new().await;
    stage.storage().put(&"s3://flotilla/in.mp4".parse().unwrap(), "bytes".into(), "video/mp4").await.unwrap();
    stage
        .storage()
        .put(&"s3://flotilla/out/report.json".parse().unwrap(), "{}".into(), "text/plain")
        .await
        .unwrap();
    let (status, problem) = ask(&stage, Method::POST, "/jobs", Some(&job(&[]))).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(problem["title"].as_str().unwrap().contains("already holds"), "{problem}");
}

#[tokio::test]
async fn tokens_are_made_listed_without_their_secret_and_revoked() {
    let stage = Stage::new().await;
    let (status, created) =
        ask(&stage, Method::POST, "/tokens", Some(r#"{"note":"studio 3","uses":2}"#)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, listed) = ask(&stage, Method::GET, "/tokens", None).await;
    assert_eq!((&listed[0]["note"], &listed[0]["uses_left"]), (&json!("studio 3"), &json!(2)));
    assert!(!listed.to_string().contains(created["token"].as_str().unwrap()));
    let path = format!("/tokens/{}", created["id"].as_str().unwrap());
    assert_eq!(ask(&stage, Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&stage, Method::GET, "/tokens", None).await.1[0]["uses_left"], json!(0));
    let (_, profiles) = ask(&stage, Method::GET, "/profiles", None).await;
    assert!(profiles.as_array().unwrap().iter().any(|profile| profile["name"] == "web"));
    assert_eq!(ask(&stage, Method::GET, "/runners", None).await.1, json!([]));
}
