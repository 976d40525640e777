//! `/api/v1/bench`: benchmarks across the fleet.
//!
//! | method and path | body | answer |
//! |---|---|---|
//! | GET `/bench` | | [`BenchBoard`]: results, and what is still waited for |
//! | POST `/bench` | [`BenchWish`] | 202 what was asked of whom |

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::extract::Json;
use super::problem::Problem;
use crate::jobs::{BenchBoard, BenchOrderView, BenchWish, Jobs};

pub(super) fn router(jobs: Jobs) -> Router {
    Router::new().route("/bench", get(board).post(run)).with_state(jobs)
}

async fn board(State(jobs): State<Jobs>) -> Result<Json<BenchBoard>, Problem> {
    Ok(Json(jobs.benchmarks().await?))
}

async fn run(
    State(jobs): State<Jobs>,
    Json(wish): Json<BenchWish>,
) -> Result<(StatusCode, Json<Vec<BenchOrderView>>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(jobs.bench(&wish).await?)))
}
