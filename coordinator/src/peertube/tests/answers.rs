//! Results, and the ways in which uploads break.

use bytes::Bytes;
use flotilla_tests::peertube::{Fault, Route, State};
use futures::stream;

use super::{Stage, hasty, name};
use crate::peertube::{Answer, CallError, Instance, Part, Patience};

const VIDEO: &[u8] = &[7; 300_000];
const FILE: &str = "4bf7c2e2-ef8b-4325-8f28-ca13dd1d39a4-720-fragmented.mp4";

fn video(file_name: &str) -> Part {
    let pieces: Vec<_> = VIDEO.chunks(50_000).map(|piece| Ok(Bytes::from_static(piece))).collect();
    Part::video(file_name, VIDEO.len() as u64, stream::iter(pieces))
}

fn playlist() -> Part {
    let text = format!(
        "#EXTM3U\n#EXT-X-MAP:URI=\"{FILE}\",BYTERANGE=\"9@0\"\n#EXTINF:4,\n#EXT-X-BYTERANGE:5@9\n{FILE}\n"
    );
    Part::playlist("4bf7c2e2-ef8b-4325-8f28-ca13dd1d39a4-720.m3u8", text)
}

#[tokio::test]
async fn a_result_frees_the_jobs_that_wait_for_it() {
    let stage = Stage::new().await;
    let (jobs, job) = stage.job(b"film").await;
    stage.runner.success(&job.uuid, &job.token, Answer::video(video("a.mp4"))).await.unwrap();
    let done = stage.model.find(&jobs[0]).unwrap();
    assert_eq!((done.state, done.answers), (State::Completed, 1));
    assert_eq!(std::fs::read(&done.files[0].path).unwrap(), VIDEO);
    let next = stage.runner.accept(&name(&jobs[1])).await.unwrap();
    stage.runner.success(&next.uuid, &next.token, Answer::hls(video(FILE), playlist())).await.unwrap();
    let done = stage.model.find(&jobs[1]).unwrap();
    assert_eq!((done.state, done.files.len()), (State::Completed, 2));
    assert_eq!(stage.model.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn captions_and_storyboards_are_answered() {
    let stage = Stage::new().await;
    let source = stage.source(b"film");
    let payload = serde_json::json!({ "input": { "videoFileUrl": "SOURCE" }, "output": {} });
    let captions = Answer::transcription("en", Part::captions("a.vtt", "WEBVTT\n".into()));
    let board = Answer::storyboard(Part::storyboard("a.jpg", &b"jpeg"[..]));
    for (kind, answer) in [("video-transcription", captions), ("generate-video-storyboard", board)] {
        let job = stage.runner.accept(&name(&stage.model.job(kind, &payload, &source))).await.unwrap();
        stage.runner.success(&job.uuid, &job.token, answer).await.unwrap();
    }
    assert_eq!(stage.model.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_result_is_refused() {
    let stage = Stage::new().await;
    let (_, job) = stage.job(b"film").await;
    let wrong = Answer::storyboard(Part::storyboard("a.jpg", &b"jpeg"[..]));
    let refused = stage.runner.success(&job.uuid, &job.token, wrong).await;
    assert!(matches!(refused, Err(CallError::Refused { status: 400, .. })), "{refused:?}");
    assert_eq!(stage.model.violations().len(), 1);
}

#[tokio::test]
async fn what_breaks_before_the_end_has_not_arrived_and_what_breaks_after_it_may_have() {
    let stage = Stage::patient(hasty(), &[]).await;
    let (jobs, job) = stage.job(b"film").await;
    // Much more than fits into the buffers of a connection.
    let large = 64 << 20;
    let endless = stream::iter((0..large / (1 << 20)).map(|_| Ok(Bytes::from_static(&[0; 1 << 20]))));
    stage.model.fail_next(Route::Success, Fault::CutUpload(100_000));
    let answer = Answer::video(Part::video("a.mp4", large, endless));
    let cut = stage.runner.success(&job.uuid, &job.token, answer).await;
    assert!(matches!(cut, Err(CallError::Unreachable { .. })), "{cut:?}");
    let patient = Instance::new(&stage.model.url(), &[], Patience::default()).unwrap();
    let patient = patient.runner(stage.runner.token().clone());
    let table =
        [(Fault::Status(504), &patient), (Fault::Silence, &stage.runner), (Fault::CutAnswer, &patient)];
    for (fault, runner) in table {
        stage.model.fail_next(Route::Success, fault.clone());
        let lost = runner.success(&job.uuid, &job.token, Answer::video(video("a.mp4"))).await;
        assert!(matches!(lost, Err(CallError::MayHaveArrived { .. })), "{fault:?}: {lost:?}");
    }
    assert_eq!(stage.model.find(&jobs[0]).unwrap().answers, 1);
    let after = patient.update(&job.uuid, &job.token, 100).await;
    assert!(matches!(after, Err(CallError::Gone { .. })), "{after:?}");
}

#[tokio::test]
async fn an_upload_has_an_end_too_large_gone_stalled_or_unreadable() {
    let stage = Stage::patient(hasty(), &[]).await;
    let (jobs, job) = stage.job(b"film").await;
    let patient =
        Instance::new(&stage.model.url(), &[], Patience { stall: hasty().stall, ..Patience::default() });
    let patient = patient.unwrap().runner(stage.runner.token().clone());
    let send = |part| patient.success(&job.uuid, &job.token, Answer::video(part));
    stage.model.fail_next(Route::Success, Fault::Status(413));
    let large = send(video("a.mp4")).await;
    assert!(matches!(large, Err(CallError::TooLarge { .. })), "{large:?}");
    let stalled = send(Part::video("a.mp4", 10, stream::pending())).await;
    assert!(matches!(stalled, Err(CallError::Unreachable { .. })), "{stalled:?}");
    let broken = stream::iter([Err(std::io::Error::other("the store is gone"))]);
    let broken = send(Part::video("a.mp4", 10, broken)).await;
    assert_eq!(broken, Err(CallError::Unreadable { reason: "the store is gone".into() }));
    let short = send(Part::video("a.mp4", 10, stream::iter([Ok(Bytes::from_static(b"film"))]))).await;
    assert!(
        matches!(&short, Err(CallError::Unreadable { reason }) if reason.contains("4 of 10")),
        "{short:?}"
    );
    stage.model.steal(&jobs[0]);
    let gone = send(video("a.mp4")).await;
    assert!(matches!(gone, Err(CallError::Gone { .. })), "{gone:?}");
    assert_eq!(stage.model.find(&jobs[0]).unwrap().answers, 0);
}
