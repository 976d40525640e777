//! What survives the coordinator: everything that was acknowledged, and every duty that follows from it.

use flotilla_coordinator::domain::Timestamp;
use flotilla_coordinator::domain::outcome::{Fragment, Outcome, Track, Usage};
use flotilla_coordinator::domain::{AttemptId, JobId, JobState, LeaseRef, TaskState, Token};
use flotilla_coordinator::objects::Location;
use flotilla_coordinator::store::sqlite::SqliteStore;
use flotilla_coordinator::store::{Acceptance, AcceptedResult, Store, StoredObject};

use crate::runner::{self, done, spec};
use crate::stage::{BUCKET, Stage, start};

#[tokio::test]
async fn jobs_leases_and_identities_survive() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let chunk = runner.take_chunk().await;
    let result = done(&chunk).await;
    // The coordinator was away for longer than a lease lives.
    let clock = stage.clock.clone();
    let stage = stage.restart(async |_| clock.pass_ms(600_000)).await;
    let runner = runner.reconnected(stage.coordinator.url()).await;
    assert_eq!(stage.view(&job_id).await.state, JobState::Running);
    let beat = flotilla_proto::fleet::SyncRequest { hold_ms: 0, ..runner.state(0, &[&chunk]) };
    assert!(runner.sync(beat).await.expect("it is known").stop_attempt_ids.is_empty(), "it may go on");
    assert!(runner.complete(result).await.expect("the coordinator answers").accepted);
}

/// Killed between the acceptance and the seal: the runner was never answered and never comes back.
#[tokio::test]
async fn what_was_accepted_is_sealed_without_its_runner() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let job_id = stage.submit("job").await;
    let chunk = runner.take_chunk().await;
    let offered = done(&chunk).await;
    let stage = stage.restart(async |folder| {
        let store = SqliteStore::open(&folder.join("data/flotilla.sqlite"))
            .expect("the coordinator has let go of it");
        let lease = chunk.lease.clone().expect("a lease names its attempt");
        let attempt_id: AttemptId = lease.attempt_id.parse().expect("an id");
        let uploads = store.uploads(&attempt_id).await.expect("the uploads are recorded");
        let objects = uploads.into_iter().zip(&offered.outputs).map(|(upload, output)| StoredObject {
            at: upload.object,
            size_bytes: output.size_bytes,
            sha256: hex::encode(&output.sha256),
            etags: output.etags.clone(),
        });
        let objects: Vec<_> = objects.collect();
        let result = AcceptedResult { outcome: encoded(&objects), objects, usage: Usage::default() };
        let lease = LeaseRef { attempt_id, token: Token::new(lease.token), epoch: lease.epoch };
        let accepted = store.accept(&lease, result, Timestamp(0)).await.expect("the store answers");
        assert_eq!(accepted, Acceptance::Accepted);
    });
    let stage = stage.await;
    let sealed = stage.wait_job(&job_id, "the seal", |view| view.progress.tasks_done == 3).await;
    assert_eq!(sealed.state, JobState::Running);
    let tasks = stage.jobs().tasks(&job_id).await.unwrap();
    let task = tasks.iter().find(|task| task.id == chunk.task_id).expect("the task is there");
    assert_eq!((task.state, task.attempts), (TaskState::Done, 1));
    let name = format!("scratch/{job_id}/{}", chunk.task_id);
    assert!(
        stage.stored(&name).await.iter().all(|key| !key.starts_with("upload of")),
        "the objects are there"
    );
}

fn encoded(objects: &[StoredObject]) -> Outcome {
    let track = |object: &StoredObject| Track {
        init_segment: b"ftyp and moov".to_vec(),
        sample_count: 96,
        fragments: vec![Fragment {
            size_bytes: u32::try_from(object.size_bytes).expect("it is short"),
            decode_time: 0,
            duration: 1,
            starts_with_keyframe: true,
        }],
    };
    Outcome::EncodeChunk { renditions: objects.iter().map(track).collect(), missing_frames: 0 }
}

#[tokio::test]
async fn copies_of_sources_go_when_their_jobs_are_over_or_were_never_known() {
    let stage = Stage::new().await;
    let runner = stage.runner("mine", "one").await;
    let (cancelled, failed) = (stage.submit("cancelled").await, stage.submit("failed").await);
    stage.jobs().cancel(&cancelled).await.unwrap();
    let probe = runner.take().await;
    runner.fail(&probe, flotilla_proto::fleet::FailureClass::Source, "no video").await;
    // A coordinator was killed in the middle of a submission, one years ago and another just now.
    let old = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0));
    let (old, new): (JobId, JobId) = (old.into(), uuid::Uuid::now_v7().into());
    let key = |job_id: &JobId| format!("sources/{job_id}/source");
    for orphan in [&old, &new] {
        let at = Location::new(BUCKET, &key(orphan)).unwrap();
        stage.storage().put(&at, "a copy".into(), "video/mp4").await.unwrap();
        stage.storage().create_upload(&at, "video/mp4").await.unwrap();
    }
    let fetch = stage.folder.path().join("data/fetch-cut-off");
    std::fs::create_dir(&fetch).unwrap();

    let stage = stage.restart(async |_| {}).await;
    stage.wait_empty(&key(&cancelled)).await;
    stage.wait_empty(&key(&old)).await;
    assert_eq!(stage.stored(&key(&failed)).await.len(), 1, "a retry reads it again");
    assert_eq!(stage.stored(&key(&new)).await.len(), 2, "its submission may still be on its way");
    assert!(!fetch.exists());
    stage.jobs().retry(&failed).await.unwrap();
    let again = runner.reconnected(stage.coordinator.url()).await.take().await;
    assert!(matches!(spec(&again), flotilla_proto::fleet::task_spec::Kind::Probe(_)));
    assert!(reqwest::get(&again.inputs[0].url).await.unwrap().status().is_success());
    assert_eq!(runner::chunk_index(&again), None);
}

#[tokio::test]
async fn a_second_coordinator_on_the_same_folder_is_told_so_and_changes_nothing() {
    let stage = Stage::new().await;
    let url = stage.folder.path().join("data/url");
    let before = std::fs::read_to_string(&url).unwrap();
    let error = start(stage.folder.path(), &stage.clock).await.err().expect("one is enough");
    assert!(error.to_string().contains("in use by another coordinator"), "{error}");
    assert!(error.hint().contains("stop the other"), "{}", error.hint());
    assert_eq!(std::fs::read_to_string(&url).unwrap(), before);
}
