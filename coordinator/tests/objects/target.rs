//! The stores under test and plain HTTP to them.

use std::env;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use flotilla_coordinator::objects::embedded::OpenError;
use flotilla_coordinator::objects::{EmbeddedServer, Location, Storage, StorageConfig};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A store, and a part of it that no other run uses.
pub struct Target {
    pub config: StorageConfig,
    pub storage: Storage,
    pub bucket: String,
    prefix: String,
}

impl Target {
    pub fn new(config: StorageConfig, bucket: &str) -> Self {
        let prefix = format!("conformance-{}", uuid::Uuid::now_v7().simple());
        Self { storage: Storage::new(&config), config, bucket: bucket.to_owned(), prefix }
    }

    pub fn from_environment() -> Option<Self> {
        let read = |name| env::var(format!("FLOTILLA_TEST_S3_{name}")).ok();
        let config = StorageConfig {
            endpoint: read("ENDPOINT")?,
            public_endpoint: None,
            region: read("REGION").unwrap_or_else(|| "garage".to_owned()),
            path_style: true,
            access_key: read("ACCESS_KEY")?,
            secret_key: read("SECRET_KEY")?,
        };
        Some(Self::new(config, &read("BUCKET")?))
    }

    pub fn at(&self, name: &str) -> Location {
        Location::new(&self.bucket, &self.key(name)).expect("a legal key")
    }

    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The SDK itself, with the defaults that other clients of a store have.
    pub fn sdk(&self) -> aws_sdk_s3::Client {
        use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
        let http = aws_smithy_http_client::Builder::new();
        let http = http.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let (access_key, secret_key) = (&self.config.access_key, &self.config.secret_key);
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.config.region.clone()))
            .endpoint_url(&self.config.endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(access_key, secret_key, None, None, "test"))
            .http_client(http);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

/// An embedded server on a loopback port.
pub struct Server {
    server: EmbeddedServer,
    endpoint: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start(root: &Path) -> Self {
        let server = open(root).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let router = server.mount(axum::Router::new());
        let serving = tokio::spawn(async move {
            let until = async { _ = stopped.await };
            axum::serve(listener, router).with_graceful_shutdown(until).await.expect("served");
        });
        Self { server, endpoint, stop, serving }
    }

    /// The server with a bucket of its own.
    pub async fn target(&self) -> Target {
        let target = Target::new(self.server.storage_config(&self.endpoint), "flotilla-test");
        target.storage.ensure_bucket(&target.bucket).await.expect("a bucket");
        target
    }

    /// Ends the server as a kill would: there is no other way to end it.
    pub async fn stop(self) {
        self.stop.send(()).expect("it still serves");
        self.serving.await.expect("it ends");
    }
}

/// Opens a root once the server before has let go of it: its last connection may end a moment after it has stopped.
async fn open(root: &Path) -> EmbeddedServer {
    let patience = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        match EmbeddedServer::open(root, None) {
            Err(OpenError::InUse(_)) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => return opened.expect("the root opens"),
        }
    }
}

/// A client that knows nothing of S3, as runners are.
pub fn plain_http() -> reqwest::Client {
    // Fails when another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// PUTs a part by its URL and returns its ETag, or the status it was refused with.
pub async fn put_part(url: &str, content: impl Into<Bytes>) -> Result<String, u16> {
    let reply = plain_http().put(url).body(content.into()).send().await.expect("a reply");
    match reply.status().is_success() {
        true => Ok(reply.headers()["etag"].to_str().expect("text").to_owned()),
        false => Err(reply.status().as_u16()),
    }
}

/// Bytes in which a part in the wrong place would show.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..length).map(|_| next()).collect()
}
