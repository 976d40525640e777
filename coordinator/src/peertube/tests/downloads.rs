//! Files, ranges, redirects, and where secrets go.

use flotilla_tests::peertube::{Elsewhere, Fault, Route};
use futures::TryStreamExt;

use super::{Stage, hasty};
use crate::peertube::{AcceptedJob, CallError, Download, Patience, Payload, Window};

fn url(job: &AcceptedJob) -> String {
    match &job.payload {
        Payload::WebVideo(web) => web.input.video_file_url.clone(),
        other => panic!("{other:?}"),
    }
}

async fn read(download: Download) -> Result<Vec<u8>, CallError> {
    let pieces: Vec<bytes::Bytes> = download.bytes.try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn a_file_is_read_whole_or_from_where_it_broke_off() {
    let stage = Stage::new().await;
    let source: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (_, job) = stage.job(&source).await;
    let whole = stage.runner.download(&url(&job), &job.token, Window::WHOLE).await.unwrap();
    assert_eq!((whole.start, whole.total_bytes, whole.is_as_asked), (0, Some(200_000), true));
    let etag = whole.etag.clone();
    assert_eq!(read(whole).await.unwrap(), source);
    let rest = Window { start: 150_000, end: None };
    let rest = stage.runner.download(&url(&job), &job.token, rest).await.unwrap();
    assert_eq!((rest.start, rest.total_bytes, rest.is_as_asked), (150_000, Some(200_000), true));
    assert!(rest.etag.is_some() && rest.etag == etag);
    assert_eq!(read(rest).await.unwrap(), &source[150_000..]);
    let middle = Window { start: 5, end: Some(10) };
    let middle = stage.runner.download(&url(&job), &job.token, middle).await.unwrap();
    assert_eq!(read(middle).await.unwrap(), &source[5..10]);
}

#[tokio::test]
async fn a_file_that_ends_early_is_an_error() {
    let stage = Stage::new().await;
    let (_, job) = stage.job(&[1; 200_000]).await;
    stage.model.fail_next(Route::File, Fault::CutDownload(100_000));
    let cut = stage.runner.download(&url(&job), &job.token, Window::WHOLE).await.unwrap();
    assert!(matches!(read(cut).await, Err(CallError::Unreachable { .. })));
    stage.model.delete(job.uuid.as_str());
    let gone = stage.runner.download(&url(&job), &job.token, Window::WHOLE).await;
    assert!(matches!(gone, Err(CallError::Gone { .. })), "{gone:?}");
}

async fn redirected(status: u16, is_trusted: bool) -> (Result<Vec<u8>, CallError>, Vec<String>) {
    let elsewhere = Elsewhere::start(&b"stored"[..]);
    let hosts = if is_trusted { vec![elsewhere.url()] } else { Vec::new() };
    let stage = Stage::patient(Patience::default(), &hosts).await;
    let (_, job) = stage.job(b"film").await;
    stage.model.fail_next(Route::File, Fault::Redirect(status, format!("{}/a?signature=1", elsewhere.url())));
    let read = match stage.runner.download(&url(&job), &job.token, Window::WHOLE).await {
        Ok(download) => read(download).await,
        Err(error) => Err(error),
    };
    let heard = elsewhere.heard();
    let secrets = [stage.runner.token().reveal(), job.token.reveal()];
    assert!(!heard.iter().any(|text| secrets.iter().any(|secret| text.contains(secret))), "{heard:?}");
    (read, heard)
}

#[tokio::test]
async fn redirects_to_storage_take_no_secret_along() {
    for status in [301, 302, 303] {
        let (read, heard) = redirected(status, true).await;
        assert_eq!(read.unwrap(), b"stored");
        assert!(heard.len() == 1 && heard[0].starts_with("GET /a?signature=1"), "{heard:?}");
    }
    for (status, is_trusted) in [(307, true), (308, true), (302, false), (307, false)] {
        let (read, heard) = redirected(status, is_trusted).await;
        assert!(matches!(read, Err(CallError::Untrusted(_))), "{status}: {read:?}");
        assert!(heard.is_empty(), "{heard:?}");
    }
}

#[tokio::test]
async fn redirects_within_the_instance_are_followed_to_a_bound() {
    let stage = Stage::new().await;
    let (_, job) = stage.job(b"film").await;
    for _ in 0..5 {
        stage.model.fail_next(Route::File, Fault::Redirect(307, url(&job)));
    }
    let followed = stage.runner.download(&url(&job), &job.token, Window::WHOLE).await.unwrap();
    assert_eq!(read(followed).await.unwrap(), b"film");
    for _ in 0..6 {
        stage.model.fail_next(Route::File, Fault::Redirect(307, url(&job)));
    }
    let endless = stage.runner.download(&url(&job), &job.token, Window::WHOLE).await;
    assert!(matches!(endless, Err(CallError::Untrusted(_))), "{endless:?}");
}

#[tokio::test]
async fn payloads_that_name_other_places_are_not_followed_and_storage_gets_no_secret() {
    let elsewhere = Elsewhere::start(&b"stored"[..]);
    let stage = Stage::patient(hasty(), &[elsewhere.url()]).await;
    let (_, job) = stage.job(b"film").await;
    let stored = format!("{}/web-videos/a.mp4", elsewhere.url());
    let stored = stage.runner.download(&stored, &job.token, Window { start: 1, end: None }).await.unwrap();
    assert!(!stored.is_as_asked && stored.start == 0, "that server knows no ranges");
    assert!(elsewhere.heard()[0].starts_with("GET ") && !elsewhere.heard()[0].contains(job.token.reveal()));
    for wrong in ["http://127.0.0.1:1/a", "file:///etc/passwd", "a.mp4"] {
        let refused = stage.runner.download(wrong, &job.token, Window::WHOLE).await;
        assert!(matches!(refused, Err(CallError::Untrusted(_))), "{wrong}: {refused:?}");
    }
}
