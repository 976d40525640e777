//! An object store that goes away for a while: nothing that was acknowledged waits for somebody to ask again, and nobody
//! pays for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use flotilla_coordinator::Coordinator;
use flotilla_coordinator::config::Secret;
use flotilla_coordinator::objects::EmbeddedServer;
use tonic::Code;

use crate::runner::done;
use crate::stage::{Stage, config};

/// An S3 server of somebody else's, with a switch.
struct Store {
    endpoint: String,
    access_key: String,
    secret_key: String,
    away: Arc<AtomicBool>,
}

impl Store {
    async fn start(folder: &std::path::Path) -> Self {
        let server = EmbeddedServer::open(&folder.join("elsewhere"), None).expect("the store starts");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let keys = server.storage_config(&endpoint);
        let away = Arc::new(AtomicBool::new(false));
        let switch = away.clone();
        let router = server.mount(Router::new()).layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                let switch = switch.clone();
                async move {
                    match switch.load(Ordering::SeqCst) {
                        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                        false => next.run(request).await,
                    }
                }
            },
        ));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, access_key: keys.access_key, secret_key: keys.secret_key, away }
    }
}

#[tokio::test]
async fn what_was_accepted_while_the_store_was_away_is_sealed_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::start(folder.path()).await;
    let mut config = config(folder.path());
    config.storage.endpoint = Some(store.endpoint.clone());
    config.storage.access_key = Some(store.access_key.clone());
    config.storage.secret_key = Some(Secret::new(&store.secret_key));
    // Nothing is renewed while calls wait for the store.
    config.leases.lease_ms = 120_000;
    let coordinator = Coordinator::start(config).await.expect("the coordinator starts");
    let stage = Stage { coordinator, clock: Arc::default(), folder };

    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let chunk = runner.take_chunk().await;
    let result = done(&chunk).await;
    store.away.store(true, Ordering::SeqCst);
    let refused = runner.complete(result).await.expect_err("it cannot be sealed");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(runner.ask(1, &[&chunk]).await.is_empty(), "no task can be granted");

    store.away.store(false, Ordering::SeqCst);
    let sealed = stage.wait_job(&job_id, "the seal", |view| view.progress.tasks_done == 3).await;
    assert!(sealed.failure.is_none());
    assert!(
        runner.work(&runner.take_chunk().await).await.accepted,
        "the task that could not be granted is free"
    );
}
