//! One ranged GET request, pumped into a bounded channel by a task of its own, so that bytes arrive while the
//! engine works on the ones before. Dropping the [`Fetch`] drops the connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Response, StatusCode, header};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::window::Window;
use super::{Error, Meter};

/// Together the read-ahead of one request: 4 pieces of at most 64 KiB. Sources are read far slower than they come.
const PIECE_BYTES: usize = 64 << 10;
const PIECES: usize = 4;
/// A store that says nothing for this long is taken for dead.
const SILENCE: Duration = Duration::from_secs(30);

/// An object that can be read in ranges; clones share the connection pool.
#[derive(Clone, Debug)]
pub struct Object {
    /// The daemon's client.
    pub http: reqwest::Client,
    /// Presigned GET.
    pub url: Arc<str>,
    /// Length of the whole object.
    pub size_bytes: u64,
    /// Counts what arrives.
    pub meter: Arc<Meter>,
}

/// A running request.
#[derive(Debug)]
pub struct Fetch {
    /// What was asked for.
    pub window: Window,
    pieces: mpsc::Receiver<Result<Bytes, Error>>,
    _task: AbortOnDropHandle<()>,
}

impl Fetch {
    /// Sends the request, in the background.
    pub fn start(object: Object, window: Window) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        let task = tokio::spawn(async move {
            if let Err(error) = pump(&object, window, &sender).await {
                // A receiver that is gone has jumped elsewhere.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { window, pieces, _task: AbortOnDropHandle::new(task) }
    }

    /// The next bytes in order; none after the last byte of the window.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        self.pieces.recv().await
    }
}

async fn pump(object: &Object, window: Window, to: &mpsc::Sender<Result<Bytes, Error>>) -> Result<(), Error> {
    let mut response = request(object, window).await?;
    let mut missing = window.end - window.start;
    while missing > 0 {
        let mut bytes =
            in_time(response.chunk()).await?.ok_or_else(|| broken("the connection ended early"))?;
        object.meter.add_downloaded(bytes.len());
        bytes.truncate(usize::try_from(missing).unwrap_or(usize::MAX));
        missing -= bytes.len() as u64;
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            if let Some(throttle) = &object.meter.pace.down {
                throttle.pass(piece.len()).await;
            }
            if to.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn request(object: &Object, window: Window) -> Result<Response, Error> {
    let range = format!("bytes={}-{}", window.start, window.end - 1);
    let response = in_time(object.http.get(&*object.url).header(header::RANGE, range).send()).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {}
        // A server may ignore a range; that costs nothing where the window starts at the first byte.
        StatusCode::OK if window.start == 0 => {}
        StatusCode::OK => return Err(Error::Nonsense("does not serve ranges")),
        StatusCode::RANGE_NOT_SATISFIABLE => return Err(Error::Nonsense("holds an object of another size")),
        status => return Err(Error::Status(status)),
    }
    match total_bytes(&response) {
        Some(total) if total != object.size_bytes => Err(Error::Nonsense("holds an object of another size")),
        _ => Ok(response),
    }
}

/// The size of the whole object, where `Content-Range: bytes 0-9/100` (RFC 9110 §14.4) states it.
fn total_bytes(response: &Response) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.parse().ok()
}

async fn in_time<T>(step: impl Future<Output = Result<T, reqwest::Error>>) -> Result<T, Error> {
    let silent = |_| broken("the store fell silent");
    Ok(tokio::time::timeout(SILENCE, step).await.map_err(silent)??)
}

fn broken(what: &str) -> Error {
    Error::Network(what.to_owned())
}
