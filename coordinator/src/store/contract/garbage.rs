//! Garbage: what may be removed from the object store, and what must not.

use super::fixtures::*;
use crate::domain::{FailureClass, JobState, TaskState};
use crate::store::*;

async fn garbage(store: &dyn Store) -> Vec<(AttemptId, bool)> {
    let garbage = store.garbage(100).await.unwrap();
    garbage.into_iter().map(|upload| (upload.attempt_id, upload.accepted)).collect()
}

async fn forget_all(store: &dyn Store) {
    let uploads = garbage(store).await.into_iter().map(|(attempt_id, _)| (attempt_id, 0)).collect();
    store.forget_uploads(uploads).await.unwrap();
}

pub async fn losers_uploads_are_garbage(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    submit(store, "job", 0, 0).await;
    let loser = claim_one(store, "a", 0).await;
    store.add_uploads(&loser.attempt.id, vec![upload(&loser)]).await.unwrap();
    let twice = store.add_uploads(&loser.attempt.id, vec![upload(&loser)]).await;
    assert!(matches!(twice, Err(StoreError::Illegal(_))));
    store.forget_uploads(vec![(loser.attempt.id.clone(), 0)]).await.unwrap();
    assert_eq!(store.uploads(&loser.attempt.id).await.unwrap(), [upload(&loser)], "it is no garbage yet");
    fail(store, &loser, FailureClass::Transient, 1).await;
    let zombie = UploadRecord { output_index: 1, ..upload(&loser) };
    store.add_uploads(&loser.attempt.id, vec![zombie]).await.unwrap();
    let id = loser.attempt.id;
    assert_eq!(garbage(store).await, [(id.clone(), false), (id.clone(), false)]);
    store.forget_uploads(vec![(id.clone(), 0), (id, 1)]).await.unwrap();
    assert!(garbage(store).await.is_empty());
}

pub async fn scratch_outlives_a_failure_but_not_a_cancel(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    let done = claim_one(store, "a", 1).await;
    complete(store, &done, 1).await;
    assert!(garbage(store).await.is_empty());
    store.fail_job(&job_id, failure(FailureClass::Storage), at(2)).await.unwrap();
    assert!(garbage(store).await.is_empty());
    store.cancel(&job_id, at(3)).await.unwrap();
    assert_eq!(garbage(store).await.last(), Some(&(done.attempt.id, true)));
    assert_eq!(garbage(store).await.len(), 2, "the probe's and the chunk's");
}

pub async fn a_published_job_keeps_its_media(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    let mut tasks = vec![];
    for _ in 0..3 {
        tasks.push(claim_one(store, "a", 1).await);
        complete(store, tasks.last().unwrap(), 1).await;
    }
    store.finish_job(&job_id, at(2)).await.unwrap();
    let removed: Vec<AttemptId> =
        garbage(store).await.into_iter().map(|(attempt_id, _)| attempt_id).collect();
    assert_eq!(removed.len(), 3, "probe and chunks");
    assert!(!removed.contains(&tasks[2].attempt.id));
}

pub async fn half_a_result_is_withdrawn_and_made_again(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    for _ in 0..3 {
        let task = claim_one(store, "a", 1).await;
        complete(store, &task, 1).await;
    }
    store.fail_job(&job_id, failure(FailureClass::Storage), at(2)).await.unwrap();
    use TaskState::*;
    assert_eq!(task_states(store, &job_id).await, [Done, Done, Done, Cancelled]);
    assert_eq!(garbage(store).await.len(), 1, "the media at the destination");
    store.retry(&job_id, at(3)).await.unwrap();
    assert_eq!(task_states(store, &job_id).await, [Done, Done, Done, Ready]);
    assert!(claim(store, "a", 1, 4).await.is_empty(), "the old object is still there, under the same key");
    forget_all(store).await;
    let join = claim_one(store, "a", 5).await;
    assert_eq!(complete(store, &join, 6).await, JobState::Publishing);
    assert!(garbage(store).await.is_empty());
}

pub async fn another_jobs_object_under_the_same_key_stays(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let mut assembled = vec![];
    for (name, end) in [("one", true), ("two", false)] {
        let job_id = planned(store, name, "a", 0).await;
        for number in 0..3 {
            let task = claim_one(store, "a", 1).await;
            let mut upload = upload(&task);
            if number == 2 {
                upload.object = "s3://media/shared/720p/media.mp4".parse().unwrap();
                assembled.push(task.attempt.id.clone());
            }
            store.add_uploads(&task.attempt.id, vec![upload]).await.unwrap();
            store.accept(&task.lease(), result(&task), at(1)).await.unwrap();
            store.seal(&task.attempt.id, None, at(1)).await.unwrap();
        }
        if end {
            store.fail_job(&job_id, failure(FailureClass::Storage), at(2)).await.unwrap();
            assert_eq!(garbage(store).await, [(assembled[0].clone(), true)]);
        }
    }
    assert_eq!(garbage(store).await, [(assembled[0].clone(), false)], "only the upload is removed");
}
