//! Results: acceptance, seal, plans, and what a restart finds.

use super::fixtures::*;
use crate::domain::failure::Verdict;
use crate::domain::{FailureClass, JobState, TaskState, Token};
use crate::store::*;

pub async fn a_job_goes_its_way_to_publication(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    use TaskState::*;
    assert_eq!(task_states(store, &job_id).await, [Done, Ready, Ready, Blocked]);
    assert_eq!(store.plan(&job_id).await.unwrap(), Some(plan(&job_id, 2).plan));
    let chunks = claim(store, "a", 9, 1).await;
    assert_eq!(complete(store, &chunks[1], 2).await, JobState::Running);
    assert_eq!(complete(store, &chunks[0], 3).await, JobState::Running);
    let join = claim_one(store, "a", 4).await;
    assert_eq!(join.task.depends_on, [id("job-chunk-0"), id("job-chunk-1")]);
    assert_eq!(complete(store, &join, 5).await, JobState::Publishing);
    assert_eq!(store.seal(&join.attempt.id, None, at(6)).await.unwrap(), JobState::Publishing);
    store.finish_job(&job_id, at(7)).await.unwrap();
    assert_eq!(job_state(store, &job_id).await, JobState::Published);
    let task = store.tasks(&job_id).await.unwrap().remove(1);
    assert_eq!((task.ready_at, task.done_at), (Some(at(0)), Some(at(3))));
    assert_eq!((task.outcome, task.objects), (Some(result(&chunks[0]).outcome), result(&chunks[0]).objects));
    let attempts = store.attempts(&job_id).await.unwrap();
    assert!(attempts.iter().all(|attempt| attempt.usage.is_some_and(|usage| usage.cpu_ms == 7)));
}

pub async fn an_acceptance_repeats_and_a_stale_one_is_refused(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    let again = async |lease: &LeaseRef| store.accept(lease, result(&probe), at(2)).await.unwrap();
    let lease = probe.lease();
    assert_eq!(again(&LeaseRef { epoch: 2, ..lease.clone() }).await, Acceptance::Stale);
    assert_eq!(
        again(&LeaseRef { token: Token::new("x".to_owned()), ..lease.clone() }).await,
        Acceptance::Stale
    );
    assert_eq!(accept(store, &probe, 1).await, Acceptance::Accepted);
    assert_eq!(again(&lease).await, Acceptance::Repeated { sealed: false });
    store.seal(&probe.attempt.id, Some(plan(&probe.task.job_id, 1)), at(3)).await.unwrap();
    assert_eq!(again(&lease).await, Acceptance::Repeated { sealed: true });
    assert_eq!(fail(store, &probe, FailureClass::Internal, 4).await, None, "a sealed result stands");
    store.cancel(&probe.task.job_id, at(5)).await.unwrap();
    assert_eq!(again(&lease).await, Acceptance::Stale);
}

pub async fn a_cancelled_job_accepts_nothing(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    let chunks = claim(store, "a", 2, 1).await;
    assert_eq!(accept(store, &chunks[0], 2).await, Acceptance::Accepted);
    store.cancel(&job_id, at(3)).await.unwrap();
    assert_eq!(accept(store, &chunks[1], 4).await, Acceptance::Stale);
    assert_eq!(store.seal(&chunks[0].attempt.id, None, at(4)).await.unwrap(), JobState::Cancelled);
    assert_eq!(task_states(store, &job_id).await[1], TaskState::Cancelled);
    assert!(store.sealing().await.unwrap().is_empty());
}

pub async fn a_probe_needs_a_plan_and_a_bad_plan_changes_nothing(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    let seal = async |plan| store.seal(&probe.attempt.id, plan, at(1)).await;
    assert!(matches!(seal(None).await, Err(StoreError::Illegal(_))), "not accepted yet");
    accept(store, &probe, 1).await;
    assert!(matches!(seal(None).await, Err(StoreError::Illegal(_))));
    let mut circle = plan(&job_id, 2);
    circle.tasks[0].1.depends_on = vec![1];
    assert!(matches!(seal(Some(circle)).await, Err(StoreError::Illegal(_))));
    assert_eq!(task_states(store, &job_id).await, [TaskState::Sealing]);
    assert_eq!(
        (store.plan(&job_id).await.unwrap(), job_state(store, &job_id).await),
        (None, JobState::Probing)
    );
    assert_eq!(seal(Some(plan(&job_id, 2))).await.unwrap(), JobState::Running);
}

pub async fn what_was_accepted_is_sealed_after_a_restart(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    accept(store, &probe, 1).await;
    let waiting = store.sealing().await.unwrap().remove(0);
    assert_eq!(waiting.claimed.attempt.id, probe.attempt.id);
    assert_eq!(waiting.claimed.task.outcome, Some(result(&probe).outcome));
    assert_eq!(waiting.uploads, [UploadRecord { accepted: true, ..upload(&probe) }]);
    assert!(store.expire(at(i64::MAX)).await.unwrap().is_empty(), "what is accepted does not run out");
}

pub async fn a_lost_upload_is_made_again(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    accept(store, &probe, 1).await;
    assert_eq!(fail(store, &probe, FailureClass::Transient, 2).await, Some(Verdict::Retry));
    assert_eq!(store.tasks(&job_id).await.unwrap()[0].outcome, None);
    let again = claim_one(store, "a", 3).await;
    assert_eq!(complete(store, &again, 4).await, JobState::Running);
}
