//! The result of a job as it is uploaded: parts of a multipart form in the order in which PeerTube's own runner sends
//! them, each read from a stream while it is sent.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use reqwest::multipart::{self, Form};
use tokio::sync::Notify;

use super::CallError;

/// A result.
#[derive(Debug)]
pub struct Answer {
    texts: Vec<(&'static str, String)>,
    files: Vec<Part>,
}

/// A file of a result. The instance names it by its content type, so name and type must agree.
pub struct Part {
    name: &'static str,
    file_name: String,
    content_type: &'static str,
    size_bytes: u64,
    bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Answer {
    /// Of every job that asks for a video alone.
    pub fn video(video: Part) -> Self {
        Self { texts: Vec::new(), files: vec![video] }
    }

    /// Of an HLS job: a fragmented MP4 called `UUID-RESOLUTION-fragmented.mp4`, and the playlist that names it.
    pub fn hls(video: Part, playlist: Part) -> Self {
        Self { texts: Vec::new(), files: vec![video, playlist] }
    }

    /// Of a transcription job.
    pub fn transcription(language: impl Into<String>, captions: Part) -> Self {
        Self { texts: vec![("payload[inputLanguage]", language.into())], files: vec![captions] }
    }

    /// Of a storyboard job.
    pub fn storyboard(picture: Part) -> Self {
        Self { texts: Vec::new(), files: vec![picture] }
    }

    /// The form to send, and a watch on how far it got.
    pub(super) fn into_form(
        self,
        job_token: &str,
        runner_token: &str,
    ) -> Result<(Form, Arc<Sent>), CallError> {
        let total = self.files.iter().map(|file| file.size_bytes).sum();
        let sent = Arc::new(Sent {
            total,
            count: AtomicU64::new(0),
            moved: Notify::new(),
            failure: Mutex::default(),
        });
        let mut form = Form::new().percent_encode_noop();
        form = form.text("jobToken", job_token.to_owned()).text("runnerToken", runner_token.to_owned());
        for (name, value) in self.texts {
            form = form.text(name, value);
        }
        for file in self.files {
            let (name, file_name, content_type, length) =
                (file.name, file.file_name, file.content_type, file.size_bytes);
            let body = reqwest::Body::wrap_stream(counted(file.bytes, length, sent.clone()));
            let part = multipart::Part::stream_with_length(body, length).file_name(file_name);
            let part = part.mime_str(content_type);
            form = form.part(name, part.map_err(|error| CallError::Strange { reason: error.to_string() })?);
        }
        Ok((form, sent))
    }
}

impl Part {
    /// An MP4 of a known size. `file_name` ends in `.mp4`.
    pub fn video(
        file_name: impl Into<String>,
        size_bytes: u64,
        bytes: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self::new("payload[videoFile]", file_name.into(), "video/mp4", size_bytes, bytes.boxed())
    }

    /// A media playlist. `file_name` ends in `.m3u8`.
    pub fn playlist(file_name: impl Into<String>, text: String) -> Self {
        Self::whole("payload[resolutionPlaylistFile]", file_name, "application/vnd.apple.mpegurl", text)
    }

    /// Captions. `file_name` ends in `.vtt`.
    pub fn captions(file_name: impl Into<String>, text: String) -> Self {
        Self::whole("payload[vttFile]", file_name, "text/vtt", text)
    }

    /// A grid of pictures. `file_name` ends in `.jpg`.
    pub fn storyboard(file_name: impl Into<String>, jpeg: impl Into<Bytes>) -> Self {
        Self::whole("payload[storyboardFile]", file_name, "image/jpeg", jpeg)
    }

    fn whole(
        name: &'static str,
        file_name: impl Into<String>,
        content_type: &'static str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes: Bytes = bytes.into();
        let size_bytes = bytes.len() as u64;
        let stream = futures::stream::once(async move { Ok(bytes) }).boxed();
        Self::new(name, file_name.into(), content_type, size_bytes, stream)
    }

    fn new(
        name: &'static str,
        file_name: String,
        content_type: &'static str,
        size_bytes: u64,
        bytes: BoxStream<'static, std::io::Result<Bytes>>,
    ) -> Self {
        Self { name, file_name, content_type, size_bytes, bytes }
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Part").field("name", &self.name).field("size_bytes", &self.size_bytes).finish()
    }
}

/// How far an upload got.
#[derive(Debug)]
pub(super) struct Sent {
    total: u64,
    count: AtomicU64,
    /// Rung whenever bytes have been taken.
    pub(super) moved: Notify,
    failure: Mutex<Option<String>>,
}

impl Sent {
    /// Every byte of the files has been handed to the connection.
    pub(super) fn is_whole(&self) -> bool {
        self.count.load(Ordering::Acquire) >= self.total
    }

    /// Why the files could not be read, when that was it.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, reason: String) -> std::io::Error {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.clone());
        std::io::Error::other(reason)
    }
}

/// Passes a file on, counts it, and holds it to its length: a form that is not as long as announced would hang.
fn counted(
    bytes: BoxStream<'static, std::io::Result<Bytes>>,
    length: u64,
    sent: Arc<Sent>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let end = futures::stream::once(async { None });
    bytes.map(Some).chain(end).scan(0_u64, move |passed, piece| {
        let step = match piece {
            Some(Ok(bytes)) => {
                *passed += bytes.len() as u64;
                sent.count.fetch_add(bytes.len() as u64, Ordering::AcqRel);
                sent.moved.notify_one();
                if *passed > length {
                    Err(sent.fail(format!("it is longer than {length} bytes")))
                } else {
                    Ok(bytes)
                }
            }
            Some(Err(error)) => Err(sent.fail(error.to_string())),
            None if *passed < length => Err(sent.fail(format!("it ended after {passed} of {length} bytes"))),
            None => return futures::future::ready(None),
        };
        futures::future::ready(Some(step))
    })
}
