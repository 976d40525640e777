//! Another server than the instance: it gives one file to everybody, and notes down all that it is sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use bytes::Bytes;
use tokio::runtime::Runtime;

/// A server that is not the instance.
pub struct Elsewhere {
    heard: Arc<Mutex<Vec<String>>>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Elsewhere {
    /// Starts one that gives these bytes.
    ///
    /// # Panics
    /// When the machine gives no port or no thread.
    pub fn start(bytes: impl Into<Bytes>) -> Self {
        let (bytes, heard) = (bytes.into(), Arc::<Mutex<Vec<String>>>::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("the machine gives a thread");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be set so");
        let address = listener.local_addr().expect("it is bound");
        let notes = heard.clone();
        let router = Router::new().fallback(move |request: Request| async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
            let note =
                format!("{} {} {:?} {}", head.method, head.uri, head.headers, String::from_utf8_lossy(&body));
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
            bytes
        });
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("the socket listens");
            axum::serve(listener, router).await
        });
        Self { heard, address, runtime: Some(runtime) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests, heads and bodies.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
