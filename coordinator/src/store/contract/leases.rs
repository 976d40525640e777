//! Leases: who gets which task, how leases live and end.

use super::fixtures::*;
use crate::domain::choice::Room;
use crate::domain::failure::Verdict;
use crate::domain::{FailureClass, JobState, TaskState, Token};
use crate::store::*;

pub async fn the_queue_goes_by_priority_then_age(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    for (name, priority, now) in [("late", 1, 0), ("second", 0, 2), ("first", 0, 1)] {
        submit(store, name, priority, now).await;
    }
    let order: Vec<String> =
        claim(store, "a", 9, 5).await.into_iter().map(|claimed| claimed.task.job_id.to_string()).collect();
    assert_eq!(order, ["first", "second", "late"]);
    assert!(claim(store, "a", 9, 5).await.is_empty());
}

pub async fn a_runner_gets_only_what_it_can_encode(store: &dyn Store) {
    join(store, "plain", &["aac=one"], 0).await;
    join(store, "able", &["aac=one", "libx264=one"], 0).await;
    planned(store, "job", "plain", 0).await;
    assert!(claim(store, "plain", 9, 1).await.is_empty());
    assert_eq!(claim(store, "able", 9, 1).await.len(), 2);
    assert!(claim(store, "unheard-of", 9, 1).await.is_empty());
}

pub async fn chunks_of_a_job_stay_with_one_fingerprint(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    join(store, "b", &["libx264=two"], 0).await;
    planned(store, "job", "a", 0).await;
    let pinned = claim_one(store, "b", 1).await;
    assert!(claim(store, "a", 9, 1).await.is_empty());
    complete(store, &pinned, 2).await;
    assert!(claim(store, "a", 9, 3).await.is_empty());
    assert_eq!(claim(store, "b", 9, 3).await.len(), 1);
}

pub async fn the_outlook_tells_what_a_claim_would_find(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    join(store, "b", &["libx264=two"], 0).await;
    let look = async |runner: &str, named: &[&ClaimedTask]| {
        let named = named.iter().map(|claimed| claimed.attempt.id.clone()).collect();
        let ask = Ask {
            runner_id: id(runner),
            named,
            room: Room::of_slots(9),
            live_ms: LEASE_MS,
            policy: Default::default(),
        };
        let Outlook { has_work, underway, .. } = store.outlook(ask, at(1)).await.unwrap();
        (has_work, underway)
    };
    assert_eq!(look("a", &[]).await, (false, 0));
    let job_id = planned(store, "job", "a", 0).await;
    assert_eq!(look("b", &[]).await, (true, 0));
    let chunk = claim_one(store, "a", 1).await;
    assert_eq!(store.pins(&job_id).await.unwrap().get("libx264").map(String::as_str), Some("one"));
    assert_eq!(look("a", &[]).await, (true, 1));
    assert_eq!(look("a", &[&chunk]).await, (true, 0));
    assert_eq!(look("b", &[]).await, (false, 0), "the job is bound to the other fingerprint");
    assert_eq!(look("unheard-of", &[]).await, (false, 0));
}

pub async fn a_pin_is_freed_when_nothing_holds_it(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    join(store, "b", &["libx264=two"], 0).await;
    planned(store, "job", "a", 0).await;
    let chunk = claim_one(store, "b", 1).await;
    fail(store, &chunk, FailureClass::Returned, 2).await;
    assert_eq!(claim(store, "a", 9, 3).await.len(), 2);
}

pub async fn a_failed_task_goes_elsewhere_if_it_can(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    join(store, "b", &[], 0).await;
    submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 1).await;
    assert_eq!(fail(store, &probe, FailureClass::Runner, 2).await, Some(Verdict::RetryElsewhere));
    assert!(claim(store, "a", 1, 3).await.is_empty(), "the other runner is live");
    let long_after = LEASE_MS + 10;
    let alone = claim_one(store, "a", long_after).await;
    fail(store, &alone, FailureClass::Runner, long_after).await;
    store.beat(beat("b", &[]), at(long_after)).await.unwrap();
    assert!(claim(store, "a", 1, long_after).await.is_empty(), "the other runner is back");
    assert_eq!(claim(store, "b", 1, long_after).await.len(), 1);
}

pub async fn a_draining_runner_gets_nothing(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    submit(store, "job", 0, 0).await;
    store.beat(Beat { draining: true, ..beat("a", &[]) }, at(1)).await.unwrap();
    assert!(claim(store, "a", 1, 1).await.is_empty());
    store.beat(beat("a", &[]), at(2)).await.unwrap();
    assert_eq!(claim(store, "a", 1, 2).await.len(), 1);
}

pub async fn a_beat_renews_and_stops(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    join(store, "b", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    assert_eq!(store.beat(beat("a", &[&probe]), at(500)).await.unwrap(), BeatOutcome::default());
    let attempt = store.attempts(&job_id).await.unwrap().remove(0);
    assert_eq!((attempt.progress, attempt.expires_at), (5, at(500 + LEASE_MS)));
    let stolen = store.beat(beat("b", &[&probe]), at(500)).await.unwrap();
    assert_eq!(stolen.stop, std::slice::from_ref(&probe.attempt.id));
    let mut forged = probe.clone();
    forged.attempt.token = Token::new("guessed".to_owned());
    assert_eq!(store.leased(&forged.lease()).await.unwrap(), None);
    assert_eq!(store.leased(&probe.lease()).await.unwrap().unwrap().task.id, probe.task.id);
    accept(store, &probe, 600).await;
    let sealing = store.beat(beat("a", &[&probe]), at(700)).await.unwrap();
    assert_eq!(sealing, BeatOutcome::default(), "an accepted attempt is left alone");
}

pub async fn a_restarted_runner_loses_what_it_forgot(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    let within_grace = store.beat(beat("a", &[]), at(99)).await.unwrap();
    assert_eq!(within_grace, BeatOutcome::default());
    let restarted = Beat { session_id: "second".to_owned(), ..beat("a", &[]) };
    assert_eq!(store.beat(restarted, at(99)).await.unwrap().lost, std::slice::from_ref(&probe.attempt.id));
    assert_eq!(task_states(store, &job_id).await, [TaskState::Ready]);
    let again = claim_one(store, "a", 100).await;
    assert_eq!(store.beat(beat("a", &[]), at(200)).await.unwrap().lost, [again.attempt.id], "grace is over");
}

pub async fn a_lease_runs_out(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let first = claim_one(store, "a", 0).await;
    assert!(store.expire(at(LEASE_MS - 1)).await.unwrap().is_empty());
    assert_eq!(store.expire(at(LEASE_MS)).await.unwrap(), std::slice::from_ref(&first.attempt.id));
    let second = claim_one(store, "a", LEASE_MS).await;
    assert_eq!((first.attempt.epoch, second.attempt.epoch), (1, 2));
    assert_eq!(accept(store, &first, LEASE_MS).await, Acceptance::Stale);
    assert_eq!(store.leased(&first.lease()).await.unwrap(), None);
    for _ in 0..7 {
        let now = store.attempts(&job_id).await.unwrap().last().unwrap().expires_at;
        store.expire(now).await.unwrap();
        claim(store, "a", 1, now.0).await;
    }
    let failure = store.job(&job_id).await.unwrap().unwrap().failure.expect("given up after eight");
    assert_eq!(failure.class, FailureClass::Expired);
}

pub async fn leases_get_a_full_life_after_a_restart(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    submit(store, "job", 0, 0).await;
    claim_one(store, "a", 0).await;
    store.extend_leases(at(600_000), LEASE_MS).await.unwrap();
    assert!(store.expire(at(600_000 + LEASE_MS - 1)).await.unwrap().is_empty());
    assert_eq!(store.expire(at(600_000 + LEASE_MS)).await.unwrap().len(), 1);
}

pub async fn two_crashes_on_two_runners_fail_the_job(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    join(store, "b", &["libx264=one"], 0).await;
    let job_id = planned(store, "job", "a", 0).await;
    let poison = claim_one(store, "a", 1).await;
    let bystander = claim_one(store, "a", 1).await;
    assert_eq!(fail(store, &poison, FailureClass::Crash, 2).await, Some(Verdict::RetryElsewhere));
    let poison = claim_one(store, "b", 3).await;
    assert_eq!(fail(store, &poison, FailureClass::Crash, 4).await, Some(Verdict::GiveUp));
    use TaskState::*;
    assert_eq!(job_state(store, &job_id).await, JobState::Failed);
    assert_eq!(task_states(store, &job_id).await, [Done, Failed, Cancelled, Cancelled]);
    assert_eq!(accept(store, &bystander, 5).await, Acceptance::Stale);
}

pub async fn strikes_count_against_the_runner(store: &dyn Store) {
    use FailureClass::*;
    join(store, "a", &[], 0).await;
    let classes = [(Runner, 1), (Verify, 2), (Crash, 3), (Internal, 3), (Transient, 3), (Returned, 3)];
    for (number, (class, expected)) in (0_i64..).zip(classes) {
        submit(store, &format!("job-{number}"), -(number as i32), number).await;
        let probe = claim_one(store, "a", number).await;
        fail(store, &probe, class, number).await;
        assert_eq!(store.runners().await.unwrap()[0].strikes, expected, "{class:?}");
    }
}
