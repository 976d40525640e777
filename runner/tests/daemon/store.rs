//! A fake object store: one source that is read in ranges, parts that are put, refusals on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};

/// What it holds and what it was asked for.
#[derive(Debug, Default)]
pub struct Contents {
    pub source: Vec<u8>,
    /// By output and part.
    pub parts: BTreeMap<(u32, u32), Bytes>,
    /// What the uploads said of their length.
    pub lengths: Vec<Option<String>>,
    /// Ranges asked for, start and end inclusive.
    pub ranges: Vec<(usize, usize)>,
    /// Answers to the next reads instead of bytes.
    pub read_refusals: Vec<StatusCode>,
    /// Answers to the next uploads instead of an ETag.
    pub upload_refusals: Vec<StatusCode>,
    /// Uploads are not answered as long as this is so.
    pub uploads_hang: bool,
}

#[derive(Clone)]
pub struct FakeStore {
    contents: Arc<Mutex<Contents>>,
    pub url: String,
}

impl FakeStore {
    pub async fn start(source: Vec<u8>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let contents = Arc::new(Mutex::new(Contents { source, ..Contents::default() }));
        let store = Self { contents, url };
        let routes = Router::new()
            .route("/source", get(read))
            .route("/part/{output}/{part}", put(upload))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(store.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        store
    }

    pub fn source_url(&self) -> String {
        format!("{}/source", self.url)
    }

    pub fn part_url(&self) -> String {
        format!("{}/part", self.url)
    }

    pub fn with<T>(&self, action: impl FnOnce(&mut Contents) -> T) -> T {
        action(&mut self.contents.lock().unwrap())
    }
}

async fn read(State(store): State<FakeStore>, headers: HeaderMap) -> Response {
    let range = headers[header::RANGE].to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    store.with(|contents| {
        contents.ranges.push((first, last));
        if let Some(refusal) = contents.read_refusals.pop() {
            return refusal.into_response();
        }
        let total = contents.source.len();
        let content_range = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{total}"))];
        (StatusCode::PARTIAL_CONTENT, content_range, contents.source[first..=last].to_vec()).into_response()
    })
}

async fn upload(
    State(store): State<FakeStore>,
    Path(part): Path<(u32, u32)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let length = headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap().to_owned());
    while store.with(|contents| contents.uploads_hang) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    store.with(|contents| {
        contents.lengths.push(length);
        if let Some(refusal) = contents.upload_refusals.pop() {
            return refusal.into_response();
        }
        contents.parts.insert(part, bytes);
        [(header::ETAG, format!("\"{}-{}\"", part.0, part.1))].into_response()
    })
}
