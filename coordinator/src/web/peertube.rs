//! `/api/v1/peertube`: the instances that this coordinator works for.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | GET `/peertube` | | instances with their open jobs |
//! | POST `/peertube` | [`RegisterBody`] | 201 instance |
//! | POST `/peertube/unregister` | [`UnregisterBody`] | 204 |

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::extract::Json;
use super::problem::Problem;
use crate::config::{Secret, Terms};
use crate::instances::{InstanceView, Instances, Registration};

/// A registration.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// URL of the instance.
    pub url: String,
    /// As its admin page shows it: `ptrrt-…`.
    pub registration_token: String,
    /// Name of the runner there.
    pub name: String,
    /// For its admins.
    #[serde(default)]
    pub description: Option<String>,
    /// How it is served; absent: see docs/peertube.md.
    #[serde(default)]
    pub terms: Terms,
}

/// An instance to be left.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnregisterBody {
    /// Its URL.
    pub url: String,
}

pub(super) fn router(peertube: Instances) -> Router {
    Router::new()
        .route("/peertube", get(list).post(register))
        .route("/peertube/unregister", post(unregister))
        .with_state(peertube)
}

async fn list(State(peertube): State<Instances>) -> Json<Vec<InstanceView>> {
    Json(peertube.list())
}

async fn register(
    State(peertube): State<Instances>,
    Json(body): Json<RegisterBody>,
) -> Result<(StatusCode, Json<InstanceView>), Problem> {
    let wanted = Registration {
        url: body.url,
        registration_token: Secret::new(body.registration_token),
        name: body.name,
        description: body.description,
        terms: body.terms,
    };
    Ok((StatusCode::CREATED, Json(peertube.register(wanted).await?)))
}

async fn unregister(
    State(peertube): State<Instances>,
    Json(body): Json<UnregisterBody>,
) -> Result<StatusCode, Problem> {
    peertube.unregister(&body.url).await?;
    Ok(StatusCode::NO_CONTENT)
}
