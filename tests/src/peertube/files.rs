//! Files of a job's video, with ranges.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;

use super::fault::Fault;
use super::job::Job;
use super::routes::{cut, problem};
use super::server::Shared;
use super::world::VideoFile;

const PIECE_BYTES: usize = 64 << 10;

pub(super) async fn send(
    shared: &Shared,
    job: &Job,
    path: &str,
    headers: &HeaderMap,
    fault: Option<Fault>,
) -> Response {
    let Some((_, rest)) = path.split_once("/files/videos/") else { return problem(404, "", "Not found") };
    let Some((video, what)) = rest.split_once('/') else { return problem(404, "", "Not found") };
    if video != job.video {
        return problem(403, "", "Job is not associated to this video");
    }
    let best = |has: fn(&VideoFile) -> bool| {
        let world = shared.lock();
        let files = &world.videos.get(video)?.files;
        files.iter().filter(|file| has(file)).max_by_key(|file| file.resolution).map(|file| file.path.clone())
    };
    let version = shared.lock().version;
    let found = match what {
        "max-quality" => best(|file| file.has_video),
        "max-quality/audio" if version.separates_sound() => best(|file| file.has_audio),
        route if version.has_picture_at(route) => {
            shared.lock().videos.get(video).and_then(|video| video.preview.clone())
        }
        _ => match what.strip_prefix("studio/task-files/") {
            Some(name) if !is_of_a_task(job, name) => return problem(400, "", "File is not among the tasks"),
            Some(name) => shared.lock().task_files.get(name).cloned(),
            None => None,
        },
    };
    let Some(found) = found else { return problem(404, "", "There is no such file") };
    let bytes = match tokio::fs::read(&found).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return problem(404, "", "The file is gone");
        }
        // The instance is going away in the middle of it.
        Err(_) => cut(),
    };
    let bytes = Bytes::from(bytes);
    let total = bytes.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, start, end) = match asked.map(|text| range(text, total)) {
        None => (StatusCode::OK, 0, total),
        Some(Some((start, end))) => (StatusCode::PARTIAL_CONTENT, start, end),
        Some(None) => return problem(416, "", "Range not satisfiable"),
    };
    if let Some(job) = shared.lock().job(&job.uuid) {
        job.served_bytes += (end - start) as u64;
    }
    let part = bytes.slice(start..end);
    let mut response = (status, stream(part, fault)).into_response();
    let to = response.headers_mut();
    to.insert(header::ACCEPT_RANGES, header::HeaderValue::from_static("bytes"));
    to.insert(header::CONTENT_LENGTH, (end - start).into());
    let etag = format!("W/\"{total:x}\"");
    to.insert(header::ETAG, etag.parse().expect("a mark is plain text"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{total}", end - 1);
        to.insert(header::CONTENT_RANGE, range.parse().expect("a range is plain text"));
    }
    response
}

/// One of the studio tasks of the job asks for it.
fn is_of_a_task(job: &Job, name: &str) -> bool {
    let tasks = job.payload["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let files = tasks.iter().filter_map(|task| task["options"]["file"].as_str());
    files.filter_map(|url| url.rsplit('/').next()).any(|file| file == name)
}

fn stream(bytes: Bytes, fault: Option<Fault>) -> Body {
    let cut_at = match fault {
        Some(Fault::CutDownload(bytes)) => usize::try_from(bytes).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let kept = bytes.slice(..bytes.len().min(cut_at));
    let pieces: Vec<Bytes> = kept.chunks(PIECE_BYTES).map(|piece| kept.slice_ref(piece)).collect();
    let is_cut = cut_at < bytes.len();
    // The bytes before are sent first: the server flushes when the body has nothing ready.
    let cut = futures::stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut"))
    });
    let cut = cut.filter(move |_| futures::future::ready(is_cut));
    Body::from_stream(futures::stream::iter(pieces.into_iter().map(Ok)).chain(cut))
}

fn range(text: &str, total: usize) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let start: usize = first.parse().ok()?;
    let end = if last.is_empty() { total } else { last.parse::<usize>().ok()?.checked_add(1)?.min(total) };
    (start < end).then_some((start, end))
}
