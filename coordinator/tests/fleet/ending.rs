//! How jobs end before they are published, and what is left of them: nothing.

use flotilla_coordinator::domain::{FailureClass as Class, JobState};
use flotilla_coordinator::objects::Location;
use flotilla_proto::fleet::{FailureClass, Lease};

use crate::runner::{self, HandPlayed, done};
use crate::stage::{BUCKET, Stage, soon};

fn attempt(lease: &Lease) -> String {
    lease.lease.as_ref().expect("a lease names its attempt").attempt_id.clone()
}

#[tokio::test]
async fn a_cancel_reaches_the_hanging_call_and_leaves_nothing() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    runner.work(&runner.take().await).await;
    let (chunk, audio) = match runner.ask(2, &[]).await.as_slice() {
        [one, two] => (one.clone(), two.clone()),
        other => panic!("two tasks are ready, not {}", other.len()),
    };
    let late = done(&chunk).await;
    assert!(!stage.stored("scratch/").await.is_empty());

    // The call hangs: it states both attempts and asks for nothing.
    let hanging = tokio::spawn({
        let (runner, request) = (runner.clone(), runner.state(0, &[&chunk, &audio]));
        async move { runner.sync(request).await }
    });
    stage.jobs().cancel(&job_id).await.unwrap();
    let mut stop = soon(hanging).await.unwrap().expect("the coordinator answers").stop_attempt_ids;
    stop.sort();
    let mut expected = [attempt(&chunk), attempt(&audio)];
    expected.sort();
    assert_eq!(stop, expected);

    assert!(!runner.complete(late).await.expect("the coordinator answers").accepted);
    stage.wait_empty("scratch/").await;
    assert_eq!(
        runner::put(&chunk.outputs[0].part_urls[0], b"late bytes").await,
        Err(404),
        "no upload takes them"
    );
    assert!(stage.jobs().retry(&job_id).await.is_err(), "what is cancelled stays so");
    stage.jobs().cancel(&job_id).await.expect("to cancel twice is no mistake");
}

/// Does all tasks of a job but the last assembly; answers the assembly.
async fn up_to_the_last(stage: &Stage, runner: &HandPlayed) -> Lease {
    loop {
        let lease = runner.take().await;
        let view = stage.view(&lease.job_id.parse().expect("an id")).await;
        if view.progress.tasks_total > 1 && view.progress.tasks_done + 1 == view.progress.tasks_total {
            return lease;
        }
        assert!(runner.work(&lease).await.accepted);
    }
}

#[tokio::test]
async fn a_cancel_takes_back_what_was_assembled() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let last = up_to_the_last(&stage, &runner).await;
    assert!(stage.stored("published/job").await.len() > 1, "assemblies lie at the destination");
    let late = done(&last).await;
    stage.jobs().cancel(&job_id).await.unwrap();
    assert!(!runner.complete(late).await.expect("the coordinator answers").accepted);
    stage.wait_empty("published/job").await;
    stage.wait_empty("scratch/").await;
}

/// The played bytes are no video, so publication refuses them: half a result must not stay.
#[tokio::test]
async fn what_is_not_fit_for_publication_fails_the_job_and_is_taken_back() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    // As if an earlier process had been killed after it wrote the playlists.
    for name in ["master.m3u8", "report.json", "360p/playlist.m3u8"] {
        let at = Location::new(BUCKET, &format!("published/job/{name}")).unwrap();
        stage.storage().put(&at, "written before".into(), "text/plain").await.unwrap();
    }
    let last = up_to_the_last(&stage, &runner).await;
    assert!(runner.work(&last).await.accepted);
    let failed = stage.wait_job(&job_id, "the failure", |view| view.state == JobState::Failed).await;
    assert_eq!(failed.failure.expect("a failed job says why").class, Class::Verify);
    stage.wait_empty("published/job").await;
    // A retry goes on from the chunks, which are kept.
    stage.jobs().retry(&job_id).await.unwrap();
    let again = runner.take().await;
    assert!(matches!(runner::spec(&again), flotilla_proto::fleet::task_spec::Kind::Assemble(_)));
}

#[tokio::test]
async fn the_inputs_fault_ends_the_job_at_once_with_its_message() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    runner.fail(&runner.take().await, FailureClass::Source, "the file ends\nafter \u{1b}[1m40 bytes").await;
    let failed = stage.view(&job_id).await;
    assert_eq!(failed.state, JobState::Failed);
    let failure = failed.failure.expect("a failed job says why");
    assert_eq!((failure.class, failure.message.as_str()), (Class::Source, "the file endsafter [1m40 bytes"));
}

#[tokio::test]
async fn a_machines_fault_is_tried_elsewhere_until_enough_have_tried() {
    let stage = Stage::new().await;
    let job_id = stage.submit("job").await;
    let mut runners = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let runner = stage.runner(name, "one").await;
        runner.ask(0, &[]).await;
        runners.push(runner);
    }
    for (tried, runner) in runners.iter().enumerate() {
        let probe = runner.take().await;
        runner.fail(&probe, FailureClass::Runner, "no memory").await;
        if tried < 3 {
            assert!(runner.ask(1, &[]).await.is_empty(), "others have not tried yet");
        }
    }
    let failed = stage.view(&job_id).await;
    assert_eq!((failed.state, failed.failure.unwrap().class), (JobState::Failed, Class::Runner));
    // A retry forgives.
    stage.jobs().retry(&job_id).await.unwrap();
    assert!(runners[0].work(&runners[0].take().await).await.accepted);
}

#[tokio::test]
async fn two_machines_whose_engine_crashes_settle_that_the_file_is_poison() {
    let stage = Stage::new().await;
    let job_id = stage.submit("job").await;
    for name in ["a", "b"] {
        let runner = stage.runner(name, "one").await;
        runner.fail(&runner.take().await, FailureClass::Crash, "the engine died of signal 11").await;
    }
    let failed = stage.view(&job_id).await;
    assert_eq!((failed.state, failed.failure.unwrap().class), (JobState::Failed, Class::Crash));
}
