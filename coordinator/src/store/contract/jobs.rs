//! Jobs: submission, lists, calling off, failing and retrying.

use super::fixtures::*;
use crate::domain::failure::Verdict;
use crate::domain::{FailureClass, JobState, TaskState};
use crate::store::*;

pub async fn a_repeated_submission_finds_the_first(store: &dyn Store) {
    let keyed = |name: &str, key: &str| NewJob { idempotency_key: Some(key.to_owned()), ..new_job(name, 0) };
    let submit = async |job: NewJob, probe: &str| store.submit(job, id(probe), at(0)).await.unwrap();
    assert_eq!(submit(keyed("a", "upload-1"), "a-probe").await, Submitted::Created);
    assert_eq!(submit(keyed("b", "upload-1"), "b-probe").await, Submitted::Existing(id("a")));
    assert_eq!(submit(keyed("b", "upload-2"), "b-probe").await, Submitted::Created);
    assert_eq!(submit(new_job("c", 0), "c-probe").await, Submitted::Created);
    assert_eq!(store.job_of_key("upload-2").await.unwrap(), Some(id("b")));
    assert_eq!(store.job_of_key("upload-3").await.unwrap(), None);
    let job = store.job(&id("a")).await.unwrap().expect("the job");
    assert_eq!((job.source.as_str(), job.source_bytes, job.state), ("a.mp4", 1_000, JobState::Probing));
    assert_eq!(
        (job.destination, job.source_object),
        (new_job("a", 0).destination, new_job("a", 0).source_object)
    );
}

pub async fn a_destination_has_one_writer(store: &dyn Store) {
    let shared =
        |name: &str| NewJob { destination: "s3://media/shared".parse().unwrap(), ..new_job(name, 0) };
    let submit = async |name: &str, now| {
        store.submit(shared(name), id(&format!("{name}-probe")), at(now)).await.unwrap()
    };
    assert_eq!(submit("a", 0).await, Submitted::Created);
    assert_eq!(submit("b", 1).await, Submitted::Taken(id("a")));
    assert_eq!(store.job(&id("b")).await.unwrap(), None);
    store.fail_job(&id("a"), failure(FailureClass::Storage), at(2)).await.unwrap();
    assert_eq!(submit("b", 3).await, Submitted::Created);
    assert!(matches!(store.retry(&id("a"), at(4)).await, Err(StoreError::Illegal(_))));
    store.cancel(&id("b"), at(5)).await.unwrap();
    store.retry(&id("a"), at(6)).await.unwrap();
}

pub async fn jobs_are_listed_newest_first(store: &dyn Store) {
    for (name, now) in [("a", 1), ("b", 3), ("c", 2)] {
        submit(store, name, 0, now).await;
    }
    store.cancel(&id("c"), at(4)).await.unwrap();
    let names = async |state, limit| {
        let jobs = store.jobs(state, limit).await.unwrap();
        jobs.into_iter().map(|job| job.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 10).await, ["b", "c", "a"]);
    assert_eq!(names(None, 1).await, ["b"]);
    assert_eq!(names(Some(JobState::Probing), 10).await, ["b", "a"]);
}

pub async fn a_cancelled_job_is_over_for_good(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    let chunk = claim_one(store, "a", 1).await;
    store.cancel(&job_id, at(2)).await.unwrap();
    store.cancel(&job_id, at(3)).await.unwrap();
    use TaskState::*;
    assert_eq!(task_states(store, &job_id).await, [Done, Cancelled, Cancelled, Cancelled]);
    assert_eq!(store.job(&job_id).await.unwrap().unwrap().ended_at, Some(at(2)));
    let outcome = store.beat(beat("a", &[&chunk]), at(3)).await.unwrap();
    assert_eq!(outcome.stop, std::slice::from_ref(&chunk.attempt.id));
    assert_eq!(fail(store, &chunk, FailureClass::Runner, 3).await, None);
    assert!(claim(store, "a", 9, 3).await.is_empty());
    assert!(matches!(store.retry(&job_id, at(4)).await, Err(StoreError::Illegal(_))));
    store.fail_job(&job_id, failure(FailureClass::Internal), at(4)).await.unwrap();
    assert_eq!(job_state(store, &job_id).await, JobState::Cancelled);
}

pub async fn a_source_at_fault_fails_its_job_at_once(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    assert_eq!(fail(store, &probe, FailureClass::Source, 5).await, Some(Verdict::GiveUp));
    let job = store.job(&job_id).await.unwrap().expect("the job");
    assert_eq!((job.state, job.ended_at), (JobState::Failed, Some(at(5))));
    assert_eq!(job.failure, Some(failure(FailureClass::Source)));
    assert_eq!(task_states(store, &job_id).await, [TaskState::Failed]);
}

pub async fn a_retry_goes_on_from_what_is_done(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    assert!(matches!(store.retry(&job_id, at(1)).await, Err(StoreError::Illegal(_))));
    let done = claim_one(store, "a", 1).await;
    complete(store, &done, 1).await;
    for now in 2..6 {
        let chunk = claim_one(store, "a", now).await;
        fail(store, &chunk, FailureClass::Runner, now).await;
    }
    assert_eq!(job_state(store, &job_id).await, JobState::Failed);
    store.retry(&job_id, at(7)).await.unwrap();
    use TaskState::*;
    assert_eq!(task_states(store, &job_id).await, [Done, Done, Ready, Blocked]);
    let job = store.job(&job_id).await.unwrap().unwrap();
    assert_eq!((job.state, job.failure, job.ended_at), (JobState::Running, None, None));
    let again = claim_one(store, "a", 8).await;
    assert_eq!(again.attempt.epoch, 5);
    assert_eq!(fail(store, &again, FailureClass::Runner, 9).await, Some(Verdict::RetryElsewhere));
}

pub async fn a_published_job_cannot_be_called_off(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    assert!(matches!(store.finish_job(&job_id, at(1)).await, Err(StoreError::Illegal(_))));
    for _ in 0..3 {
        let task = claim_one(store, "a", 1).await;
        complete(store, &task, 1).await;
    }
    store.finish_job(&job_id, at(2)).await.unwrap();
    store.finish_job(&job_id, at(3)).await.unwrap();
    assert!(matches!(store.cancel(&job_id, at(4)).await, Err(StoreError::Illegal(_))));
    assert_eq!(store.job(&job_id).await.unwrap().unwrap().ended_at, Some(at(2)));
}
