//! An output of an attempt: cut into parts, hashed, and uploaded while the encode runs. At most two parts are
//! under way; a third makes [`Output::push`] wait, which the engine feels as a pipe that is drained slowly.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::{StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::part::{Part, Splitter};
use super::throttle::Throttle;
use super::{Error, Meter};
use crate::retry::Schedule;

/// Parts of one output on their way at a time.
const PARTS_IN_FLIGHT: usize = 2;
/// Piece of a part that goes at once where the upload is limited.
const PIECE_BYTES: usize = 16 << 10;
/// URLs asked for at once.
const GRANT_PARTS: u32 = 8;
/// Longest upload of a part: 8 MiB at 0.2 Mbit/s.
const PART_TIMEOUT: Duration = Duration::from_secs(320);

/// Where further upload URLs come from.
pub trait PartGrants: Send + Sync {
    /// One URL for each part from `first` to `last` of an output.
    fn grant(&self, output: u32, first: u32, last: u32) -> BoxFuture<'_, Result<Vec<String>, String>>;
}

/// What was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// All parts together.
    pub size_bytes: u64,
    /// SHA-256 over all bytes.
    pub sha256: [u8; 32],
    /// As the store gave them, in order.
    pub etags: Vec<String>,
    /// The bytes themselves, of an output that is kept here.
    pub kept: Vec<u8>,
}

/// An output on its way to the store.
pub struct Output {
    goal: Goal,
    splitter: Splitter,
    digest: Sha256,
    size_bytes: u64,
    in_flight: JoinSet<Result<(u32, String), Error>>,
    etags: BTreeMap<u32, String>,
}

/// Where the bytes go. They are hashed and counted in any case.
enum Goal {
    Store(Arc<Uploader>),
    Memory(Vec<u8>),
    Nowhere,
}

struct Uploader {
    http: reqwest::Client,
    meter: Arc<Meter>,
    grants: Arc<dyn PartGrants>,
    output: u32,
    /// By part number; the ones given with the lease at first.
    urls: Mutex<BTreeMap<u32, String>>,
}

impl Output {
    /// Output number `output` in parts of `part_size_bytes`, the first of them going to `part_urls`.
    pub fn new(
        http: &reqwest::Client,
        meter: &Arc<Meter>,
        grants: &Arc<dyn PartGrants>,
        output: u32,
        part_size_bytes: usize,
        part_urls: Vec<String>,
    ) -> Self {
        let urls = Mutex::new((1..).zip(part_urls).collect());
        let (http, meter, grants) = (http.clone(), meter.clone(), grants.clone());
        let uploader = Uploader { http, meter, grants, output, urls };
        Self::with(Goal::Store(Arc::new(uploader)), part_size_bytes)
    }

    /// An output that is hashed and counted in parts of `part_size_bytes`, and kept nowhere.
    pub fn counted(part_size_bytes: usize) -> Self {
        Self::with(Goal::Nowhere, part_size_bytes)
    }

    /// The same, kept in memory.
    pub fn kept(part_size_bytes: usize) -> Self {
        Self::with(Goal::Memory(Vec::new()), part_size_bytes)
    }

    fn with(goal: Goal, part_size_bytes: usize) -> Self {
        Self {
            goal,
            splitter: Splitter::new(part_size_bytes),
            digest: Sha256::new(),
            size_bytes: 0,
            in_flight: JoinSet::new(),
            etags: BTreeMap::new(),
        }
    }

    /// Appends bytes; waits while too many parts are on their way.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.digest.update(&bytes);
        self.size_bytes += bytes.len() as u64;
        self.splitter.append(bytes);
        while let Some(part) = self.splitter.take_full() {
            self.send(part).await?;
        }
        Ok(())
    }

    /// Sends what is left and waits until the store has everything.
    pub async fn finish(mut self) -> Result<Uploaded, Error> {
        if let Some(part) = self.splitter.take_last() {
            self.send(part).await?;
        }
        while self.landed().await? {}
        let sha256 = self.digest.finalize().into();
        let kept = match self.goal {
            Goal::Memory(bytes) => bytes,
            Goal::Store(_) | Goal::Nowhere => Vec::new(),
        };
        Ok(Uploaded { size_bytes: self.size_bytes, sha256, etags: self.etags.into_values().collect(), kept })
    }

    async fn send(&mut self, part: Part) -> Result<(), Error> {
        let uploader = match &mut self.goal {
            Goal::Store(uploader) => uploader.clone(),
            Goal::Memory(bytes) => {
                part.pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
                return Ok(());
            }
            Goal::Nowhere => return Ok(()),
        };
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.landed().await?;
        }
        self.in_flight.spawn(async move { Ok((part.number, uploader.upload(&part).await?)) });
        Ok(())
    }

    /// Waits for one part; false when none is on its way.
    async fn landed(&mut self) -> Result<bool, Error> {
        let Some(part) = self.in_flight.join_next().await else { return Ok(false) };
        let (number, etag) =
            part.map_err(|error| Error::Network(format!("an upload broke off: {error}")))??;
        self.etags.insert(number, etag);
        Ok(true)
    }
}

impl Uploader {
    async fn upload(&self, part: &Part) -> Result<String, Error> {
        let mut tries = Schedule::transfer();
        loop {
            let error = match self.upload_once(part).await {
                Ok(etag) => return Ok(etag),
                Err(error) => error,
            };
            let is_expired = error == Error::Status(StatusCode::FORBIDDEN);
            if is_expired {
                self.urls.lock().await.remove(&part.number);
            }
            let wait = if is_expired || error.is_passing() { tries.next_wait() } else { None };
            let Some(wait) = wait else { return Err(error) };
            tracing::debug!(part = part.number, %error, wait_ms = wait.as_millis(), "uploading again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn upload_once(&self, part: &Part) -> Result<String, Error> {
        let url = self.url(part.number).await?;
        let (length, pieces) = (part.length, part.pieces.clone());
        // The store wants to know the length, which a stream does not tell.
        let request = self.http.put(url).header(header::CONTENT_LENGTH, length);
        let response = match self.meter.pace.up.clone().filter(|_| length > 0) {
            None => request.timeout(PART_TIMEOUT).body(at_once(pieces)).send().await?,
            Some(throttle) => {
                // One part at a time: each is there sooner than if they shared the wire.
                let _turn = throttle.turn().await;
                let request = request.timeout(PART_TIMEOUT + throttle.duration(length));
                request.body(slowly(pieces, throttle.clone())).send().await?
            }
        };
        if !response.status().is_success() {
            return Err(Error::Status(response.status()));
        }
        let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
        let etag = etag.ok_or(Error::Nonsense("gave no ETag for a part"))?.to_owned();
        self.meter.add_uploaded(length);
        Ok(etag)
    }

    /// The URL of a part; asks for a few at once when it is not known. The lock makes two parts ask only
    /// once.
    async fn url(&self, part: u32) -> Result<String, Error> {
        let mut urls = self.urls.lock().await;
        if let Some(url) = urls.get(&part) {
            return Ok(url.clone());
        }
        let refused = |reason| Error::NoGrant { part, reason };
        let granted = self.grants.grant(self.output, part, part + GRANT_PARTS - 1).await.map_err(refused)?;
        urls.extend((part..).zip(granted));
        urls.get(&part).cloned().ok_or_else(|| refused("the coordinator sent none".to_owned()))
    }
}

/// A body that goes as fast as it can.
fn at_once(pieces: Vec<Bytes>) -> reqwest::Body {
    if pieces.is_empty() {
        return reqwest::Body::from(Bytes::new());
    }
    reqwest::Body::wrap_stream(futures::stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
}

/// A body that goes as fast as it may.
fn slowly(pieces: Vec<Bytes>, throttle: Arc<Throttle>) -> reqwest::Body {
    let pieces = VecDeque::from(pieces);
    reqwest::Body::wrap_stream(futures::stream::unfold((pieces, throttle), async |(mut pieces, throttle)| {
        let mut rest = pieces.pop_front()?;
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        if !rest.is_empty() {
            pieces.push_front(rest);
        }
        throttle.pass(piece.len()).await;
        Some((Ok::<_, Infallible>(piece), (pieces, throttle)))
    }))
}
