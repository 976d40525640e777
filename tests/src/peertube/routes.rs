//! The routes of runners, by hand: which checks come first is part of what is modelled.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State as Held};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::fault::{Fault, Route};
use super::job::{Job, State};
use super::server::Shared;
use super::world::Call;
use super::{files, socket, success};

const JSON_BYTES: usize = 500 << 10;
const LISTED: usize = 10;

/// Serves on a runtime of its own, whose end is the end of all connections.
pub(super) fn serve(listener: TcpListener, shared: Arc<Shared>) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("the machine gives a thread");
    listener.set_nonblocking(true).expect("a socket can be set so");
    let router = Router::new()
        .route("/socket.io/", any(socket::open))
        .fallback(answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).expect("the socket listens")
    };
    runtime.spawn(async move { axum::serve(listener, router).await });
    runtime
}

/// A refusal as PeerTube words it.
pub(super) fn problem(status: u16, code: &str, detail: &str) -> Response {
    let mut body = json!({ "type": "about:blank", "title": "refused", "status": status, "detail": detail });
    if !code.is_empty() {
        body["code"] = code.into();
    }
    let status = StatusCode::from_u16(status).expect("the model's statuses are real");
    (status, [(header::CONTENT_TYPE, "application/problem+json; charset=utf-8")], body.to_string())
        .into_response()
}

/// Ends the connection of the call that is being answered, without a word.
pub(super) fn cut() -> ! {
    std::panic::resume_unwind(Box::new("cut"))
}

async fn answer(Held(shared): Held<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some((route, job)) = route(request.method(), &path) else {
        shared.lock().violation(format!("{} {path} is no route of runners", request.method()));
        return problem(404, "", "Not found");
    };
    let fault = shared.lock().fault(route);
    // A call that is cut off has no status.
    let at = {
        let mut world = shared.lock();
        let at_ms = world.now_ms;
        world.calls.push(Call { route, job: job.clone(), status: 0, at_ms });
        world.calls.len() - 1
    };
    // An answer before the end of a body may be lost with the connection: a fault is told when all has been heard.
    let is_told = matches!(fault, Some(Fault::Status(_) | Fault::TooMany(_) | Fault::Redirect(..)));
    let request = if is_told { drained(request).await } else { request };
    let response = match fault {
        Some(Fault::Status(status)) => problem(status, "", "struck by a fault"),
        Some(Fault::TooMany(seconds)) => {
            let mut response = problem(429, "", "Too many requests");
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            response
        }
        Some(Fault::Redirect(status, to)) => {
            let status = StatusCode::from_u16(status).expect("the test's statuses are real");
            (status, [(header::LOCATION, to)]).into_response()
        }
        Some(Fault::Silence) => std::future::pending().await,
        fault => handle(&shared, route, job.as_deref(), &path, request, fault).await,
    };
    shared.lock().calls[at].status = response.status().as_u16();
    response
}

async fn drained(request: Request) -> Request {
    let (head, body) = request.into_parts();
    // A body that breaks off has an end as well.
    let _ = to_bytes(body, usize::MAX).await;
    Request::from_parts(head, Body::empty())
}

fn route(method: &Method, path: &str) -> Option<(Route, Option<String>)> {
    let parts: Vec<&str> = path.strip_prefix("/api/v1/runners/")?.split('/').collect();
    let (route, job) = match parts.as_slice() {
        ["register"] => (Route::Register, None),
        ["unregister"] => (Route::Unregister, None),
        ["jobs", "request"] => (Route::Request, None),
        ["jobs", job, "accept"] => (Route::Accept, Some(job)),
        ["jobs", job, "abort"] => (Route::Abort, Some(job)),
        ["jobs", job, "update"] => (Route::Update, Some(job)),
        ["jobs", job, "error"] => (Route::Error, Some(job)),
        ["jobs", job, "success"] => (Route::Success, Some(job)),
        ["jobs", job, "files", "videos", ..] => (Route::File, Some(job)),
        _ => return None,
    };
    (*method == Method::POST).then_some((route, job.map(|job| (*job).to_owned())))
}

async fn handle(
    shared: &Arc<Shared>,
    route: Route,
    job: Option<&str>,
    path: &str,
    request: Request,
    fault: Option<Fault>,
) -> Response {
    let uuid = job.unwrap_or_default();
    if job.is_some() && uuid::Uuid::parse_str(uuid).is_err() {
        return problem(400, "", "Should have a valid job UUID");
    }
    if route == Route::Success {
        return success::take(shared, uuid, request, fault).await;
    }
    let headers = request.headers().clone();
    let body = match body(request, route).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    if route == Route::Register {
        return register(shared, &body);
    }
    let Some(runner) = runner(shared, &body) else { return unknown_runner() };
    match route {
        Route::Unregister => {
            shared.lock().runners.retain(|(token, _)| *token != runner);
            no_content()
        }
        Route::Request => request_jobs(shared, &body),
        Route::Accept => accept(shared, uuid, &runner, fault),
        _ => match owned(shared, uuid, &body, route == Route::Update) {
            Err(response) => *response,
            Ok(job) if route == Route::File => files::send(shared, &job, path, &headers, fault).await,
            Ok(job) => job_call(shared, route, &job, &body, fault),
        },
    }
}

fn job_call(
    shared: &Shared,
    route: Route,
    job: &Job,
    body: &Map<String, Value>,
    fault: Option<Fault>,
) -> Response {
    let field = if route == Route::Abort { "reason" } else { "message" };
    let text = body.get(field).and_then(Value::as_str).unwrap_or_default();
    if route == Route::Update {
        let refused = update(shared, job, body);
        if let Some(refused) = refused {
            return refused;
        }
    } else if text.is_empty() || text.chars().count() > 5000 {
        return problem(400, "", &format!("Should have a valid {field}"));
    } else if route == Route::Abort {
        shared.lock().abort(&job.uuid, text);
        shared.ring();
    } else {
        shared.lock().fail(&job.uuid, text);
        shared.ring();
    }
    if fault == Some(Fault::CutAnswer) {
        cut();
    }
    no_content()
}

fn update(shared: &Shared, job: &Job, body: &Map<String, Value>) -> Option<Response> {
    let mut world = shared.lock();
    let now = world.now_ms;
    let progress = match body.get("progress") {
        None => None,
        Some(Value::Number(number)) => Some(number.as_u64()),
        Some(Value::String(text)) => Some(text.parse().ok()),
        Some(_) => Some(None),
    };
    let is_wrong = progress.is_some_and(|progress| progress.is_none_or(|progress| progress > 100));
    if is_wrong {
        world.violation(format!("progress of job {} is no integer of 0 to 100", job.uuid));
        return Some(problem(400, "", "Should have a valid progress"));
    }
    let job = world.job(&job.uuid).filter(|job| job.state == State::Processing)?;
    job.touched_ms = now;
    if let Some(percent) = progress.flatten().filter(|percent| *percent > 0) {
        job.progress = u8::try_from(percent).ok();
    }
    None
}

/// JSON, or a form of texts where PeerTube takes one.
async fn body(request: Request, route: Route) -> Result<Map<String, Value>, Response> {
    let is_form = content_type(request.headers()).starts_with("multipart/form-data");
    if is_form && route == Route::Update {
        let mut form = Multipart::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        let mut body = Map::new();
        while let Some(field) = form.next_field().await.map_err(IntoResponse::into_response)? {
            let name = field.name().unwrap_or_default().to_owned();
            body.insert(name, field.text().await.map_err(IntoResponse::into_response)?.into());
        }
        return Ok(body);
    }
    let bytes = to_bytes(request.into_body(), JSON_BYTES).await;
    let bytes = bytes.map_err(|_| problem(413, "", "request entity too large"))?;
    serde_json::from_slice(&bytes).map_err(|_| problem(400, "", "the body does not read as JSON"))
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn register(shared: &Shared, body: &Map<String, Value>) -> Response {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let name = text("name").unwrap_or_default();
    let is_long = |text: &str, longest: usize| text.is_empty() || text.chars().count() > longest;
    if is_long(name, 100) || text("description").is_some_and(|text| is_long(text, 1000)) {
        return problem(400, "", "Should have a valid name and description");
    }
    let mut world = shared.lock();
    if world.version.checks_version() && !is_version(body.get("version")) {
        return problem(400, "", "Should have a valid version");
    }
    if text("registrationToken") != Some(shared.registration_token.as_str()) {
        return problem(404, "", "Registration token not found");
    }
    if world.runners.iter().any(|(_, known)| known == name) {
        return problem(400, "", "This runner name already exists on this instance");
    }
    let token = format!("ptrt-{}", uuid::Uuid::new_v4());
    world.runners.push((token.clone(), name.to_owned()));
    axum::Json(json!({ "id": world.runners.len(), "runnerToken": token })).into_response()
}

fn is_version(version: Option<&Value>) -> bool {
    let Some(version) = version else { return true };
    let text = version.as_str().unwrap_or_default().split('-').next().unwrap_or_default();
    let numbers: Vec<&str> = text.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
}

fn request_jobs(shared: &Shared, body: &Map<String, Value>) -> Response {
    let mut world = shared.lock();
    let types = body.get("jobTypes");
    let asked = types.and_then(Value::as_array).into_iter().flatten();
    world.asked_types.extend(asked.filter_map(Value::as_str).map(str::to_owned));
    let types = types.filter(|_| world.version.filters_types());
    let is_versed = !world.version.checks_version() || is_version(body.get("version"));
    if types.is_some_and(|types| !types.is_array()) || !is_versed {
        return problem(400, "", "Should have valid job types and version");
    }
    let is_wanted = |job: &&Job| {
        types.and_then(Value::as_array).is_none_or(|types| types.iter().any(|kind| *kind == job.kind))
    };
    let mut jobs: Vec<&Job> = world.jobs.iter().filter(|job| job.state == State::Pending).collect();
    jobs.retain(is_wanted);
    jobs.sort_by_key(|job| job.priority);
    let listed: Vec<Value> = jobs.into_iter().take(LISTED).map(Job::listed).collect();
    axum::Json(json!({ "availableJobs": listed })).into_response()
}

fn accept(shared: &Shared, uuid: &str, runner: &str, fault: Option<Fault>) -> Response {
    let mut world = shared.lock();
    let Some(job) = world.job(uuid) else { return problem(404, "", "Unknown runner job") };
    if job.state != State::Pending {
        return problem(400, "", "This job is not in pending state");
    }
    if fault == Some(Fault::LostRace) {
        world.accept(uuid, "another runner's");
        return problem(409, "runner_job_not_in_pending_state", "This job is not in pending state");
    }
    let accepted = world.accept(uuid, runner).map(|job| job.accepted());
    if fault == Some(Fault::CutAnswer) {
        drop(world);
        cut();
    }
    axum::Json(json!({ "job": accepted })).into_response()
}

/// The runner's token, when it is one.
pub(super) fn runner(shared: &Shared, body: &Map<String, Value>) -> Option<String> {
    let token = body.get("runnerToken")?.as_str()?;
    shared.lock().runners.iter().find(|(known, _)| known == token).map(|(token, _)| token.clone())
}

/// The job, when it is this runner's by token and in a state to be spoken of.
pub(super) fn owned(
    shared: &Shared,
    uuid: &str,
    body: &Map<String, Value>,
    is_update: bool,
) -> Result<Job, Box<Response>> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let mut world = shared.lock();
    let (runner, token) = (text("runnerToken"), text("jobToken"));
    let is_theirs = |job: &&mut Job| {
        token.is_some() && job.token.as_deref() == token && job.runner_token.as_deref() == runner
    };
    let Some(job) = world.job(uuid).filter(is_theirs) else {
        return Err(problem(404, "", "Unknown runner job").into());
    };
    match job.state {
        State::Processing => Ok(job.clone()),
        State::Completing | State::Completed if is_update => Ok(job.clone()),
        _ => Err(problem(400, "runner_job_not_in_processing_state", "Job is not in processing state").into()),
    }
}

pub(super) fn unknown_runner() -> Response {
    problem(404, "unknown_runner_token", "Unknown runner token")
}

pub(super) fn no_content() -> Response {
    (StatusCode::NO_CONTENT, Body::empty()).into_response()
}
