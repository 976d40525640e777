//! Taking a result: a form of texts and files, whose files are written down as they come.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt;

use super::fault::Fault;
use super::job::{Job, State, Stored};
use super::routes::{cut, no_content, owned, problem, runner, unknown_runner};
use super::server::Shared;

/// A request has to be in within this time of the test's clock.
const REQUEST_MS: u64 = 300_000;

struct Form {
    texts: Map<String, Value>,
    files: Vec<Stored>,
    order: Vec<String>,
}

pub(super) async fn take(
    shared: &Arc<Shared>,
    uuid: &str,
    request: Request,
    fault: Option<Fault>,
) -> Response {
    let form = match Multipart::from_request(request, &()).await {
        Ok(form) => read(shared, form, fault.as_ref()).await,
        Err(error) => Err(error.into_response()),
    };
    let form = match form {
        Ok(form) => form,
        Err(response) => return response,
    };
    if runner(shared, &form.texts).is_none() {
        return unknown_runner();
    }
    let job = match owned(shared, uuid, &form.texts, false) {
        Ok(job) => job,
        Err(response) => return *response,
    };
    if let Err(what) = judge(&job, &form) {
        shared.lock().violation(format!("result of job {uuid}: {what}"));
        return problem(400, "", "Runner job payload is invalid");
    }
    for what in broken(&job, &form).await {
        shared.lock().violation(format!("result of job {uuid}: {what}"));
    }
    if let Some(job) = shared.lock().job(uuid) {
        job.state = State::Completing;
        let text = |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.to_owned()));
        job.texts =
            form.texts.iter().filter_map(text).filter(|(name, _)| name.starts_with("payload")).collect();
    }
    shared.lock().complete(uuid, form.files);
    shared.ring();
    if fault == Some(Fault::CutAnswer) {
        cut();
    }
    no_content()
}

async fn read(shared: &Shared, mut multipart: Multipart, fault: Option<&Fault>) -> Result<Form, Response> {
    let began = shared.lock().now_ms;
    let mut form = Form { texts: Map::new(), files: Vec::new(), order: Vec::new() };
    let mut taken = 0_u64;
    while let Some(field) = multipart.next_field().await.map_err(IntoResponse::into_response)? {
        let name = field.name().unwrap_or_default().to_owned();
        form.order.push(name.clone());
        if field.file_name().is_none() {
            let text = field.text().await.map_err(IntoResponse::into_response)?;
            form.texts.insert(name, text.into());
            continue;
        }
        let file = write(shared, field, &name, fault, began, &mut taken).await?;
        form.files.push(file);
    }
    Ok(form)
}

async fn write(
    shared: &Shared,
    mut field: Field<'_>,
    name: &str,
    fault: Option<&Fault>,
    began_ms: u64,
    taken: &mut u64,
) -> Result<Stored, Response> {
    let number = shared.names.fetch_add(1, Ordering::Relaxed);
    let path = shared.folder.path().join(format!("result-{number}"));
    let full = |_| problem(500, "", "the model's folder is full");
    let mut file = tokio::fs::File::create(&path).await.map_err(full)?;
    let part =
        name.strip_prefix("payload[").and_then(|name| name.strip_suffix(']')).unwrap_or(name).to_owned();
    let file_name = field.file_name().unwrap_or_default().to_owned();
    let content_type = field.content_type().unwrap_or_default().to_owned();
    while let Some(bytes) = field.chunk().await.map_err(IntoResponse::into_response)? {
        *taken += bytes.len() as u64;
        if matches!(fault, Some(Fault::CutUpload(after)) if *taken > *after) {
            cut();
        }
        if shared.lock().now_ms - began_ms > REQUEST_MS {
            return Err(problem(408, "", "Request Timeout"));
        }
        file.write_all(&bytes).await.map_err(full)?;
    }
    file.flush().await.map_err(full)?;
    Ok(Stored { part, file_name, content_type, path })
}

/// What makes PeerTube refuse a result.
fn judge(job: &Job, form: &Form) -> Result<(), String> {
    let (files, texts) = job.wanted();
    let mut found: Vec<&str> = form.files.iter().map(|file| file.part.as_str()).collect();
    let mut wanted = files.to_vec();
    found.sort_unstable();
    wanted.sort_unstable();
    if found != wanted {
        return Err(format!("files {found:?} instead of {files:?}"));
    }
    for text in texts {
        let value = form.texts.get(&format!("payload[{text}]")).and_then(Value::as_str);
        if value.is_none_or(str::is_empty) {
            return Err(format!("no {text}"));
        }
    }
    match form.files.iter().find(|file| file.file_name.is_empty()) {
        Some(file) => Err(format!("{} has no file name", file.part)),
        None => Ok(()),
    }
}

/// What PeerTube takes, and serves broken.
async fn broken(job: &Job, form: &Form) -> Vec<String> {
    let mut found = Vec::new();
    if form.order.get(..2) != Some(&["jobToken".to_owned(), "runnerToken".to_owned()]) {
        found.push(format!("parts in the order {:?}", form.order));
    }
    for file in &form.files {
        let (kind, ending) = match file.part.as_str() {
            "videoFile" => ("video/mp4", ".mp4"),
            "resolutionPlaylistFile" => ("application/vnd.apple.mpegurl", ".m3u8"),
            "vttFile" => ("text/vtt", ".vtt"),
            _ => ("image/jpeg", ".jpg"),
        };
        if file.content_type != kind || !file.file_name.ends_with(ending) {
            found.push(format!("{} is called {} of type {}", file.part, file.file_name, file.content_type));
        }
        if file.part == "resolutionPlaylistFile" {
            let text = tokio::fs::read_to_string(&file.path).await.unwrap_or_default();
            found.extend(wrong_playlist(&text, job.resolution(), form));
        }
    }
    found
}

/// The instance gives the MP4 a name of its own in the playlist, and hashes the byte ranges that it states.
fn wrong_playlist(text: &str, resolution: u64, form: &Form) -> Option<String> {
    let video = form.files.iter().find(|file| file.part == "videoFile")?;
    let ending = format!("-{resolution}-fragmented.mp4");
    let name = &video.file_name;
    let is_named = name.strip_suffix(&ending).is_some_and(|uuid| uuid::Uuid::parse_str(uuid).is_ok());
    if !is_named || *name != name.to_lowercase() {
        return Some(format!("the video is called {name}, not UUID{ending}"));
    }
    let names = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let ranges = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
    let is_range = |range: &str| {
        range
            .split_once('@')
            .is_some_and(|(length, start)| length.parse::<u64>().is_ok() && start.parse::<u64>().is_ok())
    };
    let count = names.clone().count();
    if count == 0 || names.clone().any(|line| line != name) {
        return Some(format!("the playlist names other files than {name}"));
    }
    let is_whole = ranges.clone().count() == count && ranges.clone().all(is_range);
    (!is_whole).then(|| "the playlist does not state each byte range as LENGTH@START".to_owned())
}
