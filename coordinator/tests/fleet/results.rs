//! Which results count.

use flotilla_coordinator::domain::{JobId, JobState, TaskState};
use flotilla_coordinator::jobs::TaskView;
use flotilla_proto::fleet::task_result::Kind;
use flotilla_proto::fleet::{CompleteRequest, FailureClass, Lease};
use tonic::Code;

use crate::runner::{self, HandPlayed, done};
use crate::stage::{LEASE_MS, Stage, soon};

/// A stage with one runner that has probed a job and holds its first chunk.
async fn with_chunk() -> (Stage, HandPlayed, Lease, JobId) {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let chunk = runner.take_chunk().await;
    assert_eq!(runner::chunk_index(&chunk), Some(0));
    (stage, runner, chunk, job_id)
}

/// A result is refused with these words, and its task is there to be tried again.
async fn check_refused(spoil: impl FnOnce(&mut CompleteRequest), words: &str) {
    let (stage, runner, chunk, job_id) = with_chunk().await;
    let mut request = done(&chunk).await;
    spoil(&mut request);
    let answer = runner.complete(request).await.expect("the coordinator answers");
    assert!(!answer.accepted && answer.reason.contains(words), "{answer:?}");
    let task = task(&stage, &job_id, &chunk).await;
    assert_eq!(task.state, TaskState::Ready);
    assert!(task.last_failure.as_ref().is_some_and(|failure| failure.message.contains(words)));
    assert_eq!(stage.jobs().runners().await.unwrap()[0].strikes, 1);
    // Nobody else is there: the same runner may try again, with uploads of its own.
    let again = runner.take().await;
    assert_eq!(again.task_id, chunk.task_id);
    assert!(runner.work(&again).await.accepted);
    stage.wait_empty(&format!("scratch/{job_id}/{}/{}", chunk.task_id, attempt(&chunk))).await;
}

fn attempt(lease: &Lease) -> &str {
    &lease.lease.as_ref().expect("a lease names its attempt").attempt_id
}

async fn task(stage: &Stage, job_id: &JobId, lease: &Lease) -> TaskView {
    let tasks = stage.jobs().tasks(job_id).await.unwrap();
    tasks.into_iter().find(|task| task.id == lease.task_id).expect("the task is there")
}

fn first_track(request: &mut CompleteRequest) -> &mut flotilla_proto::fleet::TrackResult {
    match request.result.as_mut().and_then(|result| result.kind.as_mut()) {
        Some(Kind::EncodeChunk(chunk)) => &mut chunk.renditions[0],
        other => panic!("a chunk's result is expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_result_with_another_number_of_frames_is_refused() {
    check_refused(|request| first_track(request).sample_count -= 1, "95 frames, planned are 96").await;
}

#[tokio::test]
async fn a_result_that_is_not_what_was_uploaded_is_refused() {
    check_refused(|request| request.outputs[0].size_bytes += 1, "were uploaded").await;
}

#[tokio::test]
async fn a_result_of_another_shape_is_refused() {
    check_refused(|request| drop(request.outputs.pop()), "granted").await;
    check_refused(|request| request.result = None, "the result is missing").await;
    check_refused(|request| request.outputs[0].etags.clear(), "is empty").await;
    check_refused(|request| request.outputs[0].sha256.truncate(31), "SHA-256").await;
}

#[tokio::test]
async fn parts_that_were_never_uploaded_cost_the_attempt_after_all() {
    let (stage, runner, chunk, job_id) = with_chunk().await;
    let mut request = done(&chunk).await;
    request.outputs[0].etags[0] = "\"00000000000000000000000000000000\"".into();
    assert!(!runner.complete(request).await.expect("the coordinator answers").accepted);
    let task = task(&stage, &job_id, &chunk).await;
    assert_eq!(task.state, TaskState::Ready, "{task:?}");
}

#[tokio::test]
async fn a_result_told_twice_is_accepted_twice_and_sealed_once() {
    let (stage, runner, chunk, job_id) = with_chunk().await;
    let request = done(&chunk).await;
    let (first, second) = tokio::join!(runner.complete(request.clone()), runner.complete(request.clone()));
    assert!(first.unwrap().accepted && second.unwrap().accepted);
    assert!(runner.complete(request).await.unwrap().accepted, "and once more, much later");
    let task = task(&stage, &job_id, &chunk).await;
    assert_eq!((task.state, task.attempts), (TaskState::Done, 1));
    // A late failure must not take back what has won.
    runner.fail(&chunk, FailureClass::Crash, "too late").await;
    assert_eq!(stage.view(&job_id).await.progress.tasks_done, 3);
}

#[tokio::test]
async fn who_does_not_hold_the_lease_is_refused_whatever_the_result() {
    let (stage, runner, chunk, job_id) = with_chunk().await;
    let good = done(&chunk).await;
    let lease = chunk.lease.clone().expect("a lease names its attempt");
    let wrong_token = flotilla_proto::fleet::LeaseRef { token: "guessed".into(), ..lease.clone() };
    let wrong_epoch = flotilla_proto::fleet::LeaseRef { epoch: lease.epoch + 1, ..lease.clone() };
    for wrong in [wrong_token, wrong_epoch] {
        let request = CompleteRequest { lease: Some(wrong), ..good.clone() };
        let answer = runner.complete(request).await.expect("the coordinator answers");
        assert!(!answer.accepted && answer.reason.contains("lease"), "{answer:?}");
    }
    let stranger = stage.runner("stranger", "one").await;
    assert!(!stranger.complete(good.clone()).await.expect("the coordinator answers").accepted);
    stranger.fail(&chunk, FailureClass::Source, "not mine to say").await;
    assert!(stranger.grant_parts(&chunk, 1, 1).await.is_err());
    assert_eq!(stage.view(&job_id).await.state, JobState::Running);
    assert!(
        runner.complete(good).await.expect("the coordinator answers").accepted,
        "its holder's still counts"
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_is_anothers() {
    let (stage, runner, chunk, job_id) = with_chunk().await;
    let late = done(&chunk).await;
    let other = stage.runner("other", "one").await;
    stage.clock.pass_ms(i64::from(LEASE_MS));
    let mut changes = stage.jobs().changes();
    let state = async || task(&stage, &job_id, &chunk).await.state;
    soon(async {
        while state().await != TaskState::Ready {
            changes.changed().await
        }
    })
    .await;
    let given = other.ask(9, &[]).await;
    let again = given.iter().find(|lease| lease.task_id == chunk.task_id).expect("it is there to be taken");
    let stop =
        runner.sync(runner.state(0, &[&chunk])).await.expect("the coordinator answers").stop_attempt_ids;
    assert_eq!(stop, [attempt(&chunk)]);
    assert!(!runner.complete(late).await.expect("the coordinator answers").accepted);
    assert!(other.work(again).await.accepted);
}

#[tokio::test]
async fn more_parts_are_granted_to_who_holds_the_lease_and_to_nobody_else_again() {
    let (_stage, runner, chunk, _) = with_chunk().await;
    let urls = runner.grant_parts(&chunk, 5, 8).await.expect("the lease is good");
    assert_eq!(urls.len(), 4);
    runner::put(&urls[0], b"part five").await.expect("the URL is good");
    for (first, last) in [(0, 1), (2, 1), (1, 65), (9_999, 10_001)] {
        let status = runner.grant_parts(&chunk, first, last).await.expect_err("no such parts");
        assert_eq!(status.code(), Code::InvalidArgument, "{first}..={last}");
    }
    // Once the result has won, not even its winner can write any more.
    assert!(soon(runner.work(&chunk)).await.accepted);
    assert_eq!(
        runner.grant_parts(&chunk, 5, 8).await.expect_err("it is sealed").code(),
        Code::FailedPrecondition
    );
    assert_eq!(runner::put(&urls[1], b"part six").await, Err(404), "the upload is gone");
}

/// Two chunks that are told at the same moment, with so many of the 240 frames missing in each.
async fn with_missing(first: u64, second: u64) -> (Stage, JobId) {
    let stage = Stage::new().await;
    let (mine, other) = (stage.runner("mine", "one").await, stage.runner("other", "one").await);
    let job_id = stage.submit("job").await;
    let (one, two) = (mine.take_chunk().await, other.take_chunk().await);
    let told = async |runner: &HandPlayed, lease: &Lease, missing: u64| {
        let mut request = done(lease).await;
        match request.result.as_mut().and_then(|result| result.kind.as_mut()) {
            Some(Kind::EncodeChunk(chunk)) => chunk.missing_frames = missing,
            other => panic!("a chunk's result is expected, not {other:?}"),
        }
        runner.complete(request).await.expect("the coordinator answers");
    };
    tokio::join!(told(&mine, &one, first), told(&other, &two, second));
    (stage, job_id)
}

#[tokio::test]
async fn a_job_ends_when_its_chunks_together_miss_more_than_a_twentieth() {
    let (stage, job_id) = with_missing(7, 6).await;
    let job = stage.wait_job(&job_id, "the end", |job| job.state == JobState::Failed).await;
    let failure = job.failure.expect("a failed job says why");
    assert!(failure.message.contains("13 of 240 frames cannot be decoded"), "{failure:?}");
    assert_eq!(failure.class, flotilla_coordinator::domain::FailureClass::Source);

    let (stage, job_id) = with_missing(6, 6).await;
    assert_eq!(stage.view(&job_id).await.state, JobState::Running);
}
