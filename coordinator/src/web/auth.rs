//! Who may use the REST interface: whoever holds the admin token. Compared in constant time.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// Lets a request through that carries `Authorization: Bearer ADMIN_TOKEN`.
pub async fn admin(State(token): State<Arc<str>>, request: Request, next: Next) -> Result<Response, Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Digests are compared, so that the time taken tells nothing about the token.
    match Sha256::digest(given.as_bytes()) == Sha256::digest(token.as_bytes()) {
        true => Ok(next.run(request).await),
        false => Err(Problem::unauthorized()),
    }
}
