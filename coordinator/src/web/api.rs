//! `/api/v1`: what the command line and scripts use.
//!
//! | method and path | body or query | answer |
//! |---|---|---|
//! | POST `/jobs` | [`SubmitBody`] | 201 job |
//! | GET `/jobs` | `?state=running&limit=100` | jobs, newest first |
//! | GET `/jobs/{id}` | | job with its tasks |
//! | GET `/jobs/{id}/why` | | why its open tasks are where they are |
//! | POST `/jobs/{id}/cancel`, `/jobs/{id}/retry` | | job |
//! | GET `/runners` | | runners |
//! | POST `/tokens` | [`NewToken`] | 201 token, shown once |
//! | GET `/tokens`; DELETE `/tokens/{id}` | | tokens; 204 |
//! | GET `/profiles` | | profiles |
//!
//! Benchmarks: see `bench`. Instances: see `peertube`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Router, middleware};
use flotilla_profiles::Profile;
use serde::{Deserialize, Serialize};

use super::extract::{Json, Query};
use super::problem::Problem;
use super::{auth, bench, peertube};
use crate::domain::dispatch::DEFAULT_TENANT;
use crate::domain::edit::Edit;
use crate::domain::{JobId, JobState};
use crate::instances::Instances;
use crate::jobs::{
    JobView, Jobs, JobsError, NewToken, ProfileChoice, RunnerView, SourceRef, Submission, TaskView, WhyView,
};
use crate::store::TokenRecord;

/// A submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// `s3://bucket/key`, `http://…` or `https://…`.
    pub source: String,
    /// Name of a profile.
    pub profile: String,
    /// `s3://bucket/prefix`.
    pub destination: String,
    /// Fixed chunk length, seconds; absent: the planner decides.
    #[serde(default)]
    pub chunk_seconds: Option<u32>,
    /// Lower runs first; absent: 100.
    #[serde(default)]
    pub priority: Option<i32>,
    /// Show the video while it is being encoded; absent: as the coordinator is configured.
    #[serde(default)]
    pub progressive_publish: Option<bool>,
    /// Whose it is, for shares in the fleet; absent: "default".
    #[serde(default)]
    pub tenant: Option<String>,
    /// A repeated submission under the same key finds the first one's job.
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// Named as the source is: a JPEG, PNG or WebP, to be shown where the source has sound only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// What of the source is kept, and what is put in, in order; absent: all of it and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// Named as the source is: the files that the edits put in, each for one edit, which names it by its number from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inserts: Vec<String>,
}

/// A job with its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Its tasks, in the plan's order.
    pub tasks: Vec<TaskView>,
}

/// A new token. Shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenCreated {
    /// For lists and revocation.
    pub id: String,
    /// What `flotilla-runner join --token` wants.
    pub token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    limit: Option<u32>,
}

/// Most jobs in one list.
const MAX_LIST: u32 = 1000;

/// All routes, behind the admin token.
pub fn router((jobs, peertube): (Jobs, Instances), admin_token: String) -> Router {
    let token: Arc<str> = admin_token.into();
    Router::new()
        .route("/jobs", get(list).post(submit))
        .route("/jobs/{id}", get(detail))
        .route("/jobs/{id}/why", get(why))
        .route("/jobs/{id}/cancel", post(cancel))
        .route("/jobs/{id}/retry", post(retry))
        .route("/runners", get(runners))
        .route("/tokens", get(tokens).post(create_token))
        .route("/tokens/{id}", delete(revoke_token))
        .route("/profiles", get(profiles))
        .with_state(jobs.clone())
        .merge(bench::router(jobs))
        .merge(peertube::router(peertube))
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(middleware::from_fn_with_state(token, auth::admin))
}

async fn submit(
    State(jobs): State<Jobs>,
    Json(body): Json<SubmitBody>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let destination = body.destination.parse();
    let destination = destination.map_err(|error| JobsError::Invalid(format!("destination {error}")))?;
    let submission = Submission {
        source: SourceRef::remote(&body.source)?,
        profile: ProfileChoice::Named(body.profile),
        destination,
        chunk_seconds: body.chunk_seconds,
        priority: body.priority.unwrap_or(crate::jobs::ORDINARY_PRIORITY),
        progressive_publish: body.progressive_publish.unwrap_or_else(|| jobs.publishes_progressively()),
        tenant: body.tenant.unwrap_or_else(|| DEFAULT_TENANT.into()),
        idempotency_key: body.idempotency_key,
        picture: body.picture.as_deref().map(SourceRef::remote).transpose()?,
        sound: None,
        edits: body.edits,
        inserts: body.inserts.iter().map(|insert| SourceRef::remote(insert)).collect::<Result<_, _>>()?,
    };
    let job_id = jobs.submit(submission).await?;
    Ok((StatusCode::CREATED, Json(jobs.view(&job_id).await?)))
}

async fn list(
    State(jobs): State<Jobs>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Vec<JobView>>, Problem> {
    let state = match query.state {
        None => None,
        Some(text) => Some(JobState::parse(&text).ok_or_else(|| {
            let states = JobState::ALL.map(JobState::as_str).join(", ");
            JobsError::Invalid(format!("state {text:?} is none of {states}"))
        })?),
    };
    let limit = query.limit.unwrap_or(100);
    if !(1..=MAX_LIST).contains(&limit) {
        return Err(JobsError::Invalid(format!("limit {limit} is not between 1 and {MAX_LIST}")).into());
    }
    Ok(Json(jobs.list(state, limit).await?))
}

async fn detail(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Json<JobDetail>, Problem> {
    let job_id = job_id(&id)?;
    let (job, tasks) = (jobs.view(&job_id).await?, jobs.tasks(&job_id).await?);
    Ok(Json(JobDetail { job, tasks }))
}

async fn why(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Json<WhyView>, Problem> {
    Ok(Json(jobs.why(&job_id(&id)?).await?))
}

async fn cancel(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let job_id = job_id(&id)?;
    jobs.cancel(&job_id).await?;
    Ok(Json(jobs.view(&job_id).await?))
}

async fn retry(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let job_id = job_id(&id)?;
    jobs.retry(&job_id).await?;
    Ok(Json(jobs.view(&job_id).await?))
}

async fn runners(State(jobs): State<Jobs>) -> Result<Json<Vec<RunnerView>>, Problem> {
    Ok(Json(jobs.runners().await?))
}

async fn tokens(State(jobs): State<Jobs>) -> Result<Json<Vec<TokenRecord>>, Problem> {
    Ok(Json(jobs.tokens().await?))
}

async fn create_token(
    State(jobs): State<Jobs>,
    Json(wanted): Json<NewToken>,
) -> Result<(StatusCode, Json<TokenCreated>), Problem> {
    let (record, token) = jobs.create_token(wanted).await?;
    Ok((StatusCode::CREATED, Json(TokenCreated { id: record.id, token })))
}

async fn revoke_token(State(jobs): State<Jobs>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    jobs.revoke_token(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn profiles(State(jobs): State<Jobs>) -> Json<Vec<Profile>> {
    let library = jobs.profiles();
    Json(library.names().filter_map(|name| library.get(name).ok().cloned()).collect())
}

fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|error| JobsError::Invalid(format!("job {text:?}: {error}")).into())
}
