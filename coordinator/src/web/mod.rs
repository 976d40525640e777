//! The REST edge and the port that everything shares: gRPC for runners, `/api/v1` for people and scripts, and, below
//! all other paths, the embedded object store.

mod api;
mod auth;
mod bench;
mod extract;
mod peertube;
mod problem;

pub use api::{JobDetail, SubmitBody, TokenCreated};
pub use peertube::{RegisterBody, UnregisterBody};
pub use problem::Problem;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::fleet;
use crate::instances::Instances;
use crate::jobs::Jobs;
use crate::objects::EmbeddedServer;
use crate::parts::Parts;

/// Serves on `listener` until the coordinator stops.
pub fn spawn(
    parts: &Arc<Parts>,
    verbs: (Jobs, Instances),
    embedded: Option<EmbeddedServer>,
    listener: TcpListener,
) {
    let router = router(parts, verbs, embedded);
    let lifecycle = parts.lifecycle.clone();
    let watch = lifecycle.clone();
    lifecycle.spawn(async move {
        let stopping = async move { watch.stopping().await };
        // An answer is small and waited for: it must not wait for more to send.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection may answer late");
            }
        });
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopping).await {
            tracing::error!(%error, "the server ended");
        }
    });
}

fn router(parts: &Arc<Parts>, verbs: (Jobs, Instances), embedded: Option<EmbeddedServer>) -> Router {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .nest("/api/v1", api::router(verbs, parts.admin_token.clone()))
        .route_service("/flotilla.fleet.v1.Fleet/{call}", fleet::service(parts.clone()));
    match embedded {
        Some(server) => server.mount(router),
        None => router,
    }
}
