//! Calls that carry no files.

use std::time::Duration;

use flotilla_tests::peertube::{Fault, Route, State, Upload};

use super::{Stage, hasty, name, vod};
use crate::config::Secret;
use crate::peertube::{CallError, Instance, JobType, Patience};

#[tokio::test]
async fn a_job_is_seen_taken_updated_and_given_back() {
    let stage = Stage::new().await;
    let (jobs, job) = stage.job(b"film").await;
    assert!(stage.runner.request(&vod()).await.unwrap().is_empty(), "all others wait for the first");
    stage.runner.update(&job.uuid, &job.token, 42).await.unwrap();
    assert_eq!(stage.model.find(&jobs[0]).unwrap().progress, Some(42));
    stage.runner.abort(&job.uuid, &job.token, "").await.unwrap();
    assert_eq!(stage.runner.request(&vod()).await.unwrap()[0].uuid, job.uuid);
    assert!(stage.runner.request(&[JobType::VideoStudio]).await.unwrap().is_empty());
    assert_eq!(stage.model.find(&jobs[0]).unwrap().failures, 0);
    assert!(stage.model.violations().is_empty());
}

#[tokio::test]
async fn the_fifth_failure_ends_a_job_and_all_that_hang_from_it() {
    let stage = Stage::new().await;
    let jobs = stage.model.upload(&Upload::default(), &stage.source(b"film"), None);
    for _ in 0..5 {
        let job = stage.runner.accept(&name(&jobs[0])).await.unwrap();
        stage.runner.error(&job.uuid, &job.token, &"x".repeat(9000)).await.unwrap();
    }
    let states: Vec<State> = stage.model.jobs().iter().map(|job| job.state).collect();
    assert_eq!(states, [State::Errored, State::ParentErrored, State::ParentErrored]);
}

#[tokio::test]
async fn a_job_that_is_no_longer_ours_is_gone() {
    let stage = Stage::new().await;
    let (jobs, job) = stage.job(b"film").await;
    stage.model.advance(Duration::from_secs(121));
    let lost = stage.runner.update(&job.uuid, &job.token, 1).await;
    assert!(matches!(lost, Err(CallError::Gone { .. })), "{lost:?}");
    assert_eq!(stage.model.find(&jobs[0]).unwrap().stalls, 1);
    let job = stage.runner.accept(&job.uuid).await.unwrap();
    stage.model.steal(&jobs[0]);
    let lost = stage.runner.abort(&job.uuid, &job.token, "stopped").await;
    assert!(matches!(lost, Err(CallError::Gone { .. })), "{lost:?}");
    stage.model.delete(&jobs[0]);
    let lost = stage.runner.accept(&job.uuid).await;
    assert!(matches!(lost, Err(CallError::Gone { .. })), "{lost:?}");
}

#[tokio::test]
async fn another_runner_may_be_faster() {
    let stage = Stage::new().await;
    let jobs = stage.model.upload(&Upload::default(), &stage.source(b"film"), None);
    stage.model.fail_next(Route::Accept, Fault::LostRace);
    for _ in 0..2 {
        let lost = stage.runner.accept(&name(&jobs[0])).await;
        assert!(matches!(lost, Err(CallError::Taken { .. })), "{lost:?}");
    }
}

#[tokio::test]
async fn an_instance_may_forget_us() {
    let stage = Stage::new().await;
    stage.runner.unregister().await.unwrap();
    assert_eq!(stage.runner.request(&vod()).await, Err(CallError::UnknownRunner));
}

#[tokio::test]
async fn a_registration_may_be_refused() {
    let stage = Stage::new().await;
    let instance = Instance::new(&stage.model.url(), &[], Patience::default()).unwrap();
    let wrong = instance.register(&Secret::new("ptrrt-0"), "other", None).await;
    assert!(matches!(wrong, Err(CallError::Refused { status: 404, .. })), "{wrong:?}");
    let right = Secret::new(stage.model.registration_token());
    let taken = instance.register(&right, "fleet", None).await;
    assert!(
        matches!(&taken, Err(CallError::Refused { status: 400, detail }) if detail.contains("exists")),
        "{taken:?}"
    );
}

#[tokio::test]
async fn an_instance_may_ask_for_patience() {
    let stage = Stage::new().await;
    stage.model.fail_next(Route::Request, Fault::TooMany(0));
    assert_eq!(stage.runner.request(&vod()).await, Ok(Vec::new()));
    for _ in 0..3 {
        stage.model.fail_next(Route::Request, Fault::TooMany(0));
    }
    assert_eq!(stage.runner.request(&vod()).await, Err(CallError::Busy { retry_after: Duration::ZERO }));
}

#[tokio::test]
async fn an_instance_may_be_away_or_fail_or_be_silent_or_have_moved() {
    let mut stage = Stage::patient(hasty(), &[]).await;
    stage.model.fail_next(Route::Request, Fault::Status(500));
    let failed = stage.runner.request(&vod()).await.unwrap_err();
    assert!(matches!(failed, CallError::Refused { status: 500, .. }) && failed.is_transient(), "{failed:?}");
    stage.model.fail_next(Route::Request, Fault::Silence);
    let silent = stage.runner.request(&vod()).await;
    assert!(matches!(silent, Err(CallError::Unreachable { .. })), "{silent:?}");
    stage.model.fail_next(Route::Request, Fault::Redirect(301, "https://new.example/".into()));
    let moved = stage.runner.request(&vod()).await;
    assert!(
        matches!(&moved, Err(CallError::Refused { status: 301, detail }) if detail.contains("new.example"))
    );
    stage.model.away();
    let away = stage.runner.request(&vod()).await;
    assert!(matches!(away, Err(CallError::Unreachable { .. })), "{away:?}");
    stage.model.back();
    assert_eq!(stage.runner.request(&vod()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let stage = Stage::new().await;
    let (_, job) = stage.job(b"film").await;
    let shown = format!("{:?} {job:?}", stage.runner);
    assert!(!shown.contains(stage.runner.token().reveal()) && !shown.contains(job.token.reveal()), "{shown}");
}

#[test]
fn an_instance_is_named_by_its_origin() {
    for wrong in [
        "tube.example.org",
        "ftp://tube.example.org",
        "https://tube.example.org/videos",
        "https://a:b@tube.example.org",
    ] {
        assert!(Instance::new(wrong, &[], Patience::default()).is_err(), "{wrong}");
    }
}
