//! Tokens and runners.

use super::fixtures::*;
use crate::domain::{TaskState, Timestamp};
use crate::store::*;

pub async fn a_token_lets_in_as_many_as_it_says(store: &dyn Store) {
    let token = |id: &str, uses_left, created_at| TokenRecord {
        id: id.to_owned(),
        digest: format!("digest-{id}"),
        note: "for a test".to_owned(),
        created_at,
        expires_at: at(100),
        uses_left,
    };
    store.create_token(token("two", 2, at(1))).await.unwrap();
    store.create_token(token("revoked", 9, at(2))).await.unwrap();
    assert!(store.revoke_token("revoked").await.unwrap());
    assert!(!store.revoke_token("unheard-of").await.unwrap());
    let join = async |digest: &str, runner: &str, now: Timestamp| {
        let runner = NewRunner { id: id(runner), name: String::new(), secret_digest: runner.to_owned() };
        store.join(digest, runner, now).await.unwrap()
    };
    assert_eq!(join("digest-two", "a", at(5)).await, JoinOutcome::Joined);
    assert_eq!(join("digest-two", "b", at(100)).await, JoinOutcome::Expired);
    assert_eq!(join("digest-two", "b", at(99)).await, JoinOutcome::Joined);
    assert_eq!(join("digest-two", "c", at(6)).await, JoinOutcome::UsedUp);
    assert_eq!(join("digest-revoked", "c", at(6)).await, JoinOutcome::UsedUp);
    assert_eq!(join("no-such", "c", at(6)).await, JoinOutcome::UnknownToken);
    let left: Vec<u32> = store.tokens().await.unwrap().into_iter().map(|token| token.uses_left).collect();
    assert_eq!((left, store.runners().await.unwrap().len()), (vec![0, 0], 2));
}

pub async fn a_runner_is_known_by_its_secret(store: &dyn Store) {
    join(store, "a", &["libx264=one"], 0).await;
    let known = store.authenticate(&id("a"), "secret-a").await.unwrap().expect("a runner");
    assert_eq!((known.name.as_str(), known.last_seen_at), ("a", Some(at(0))));
    assert_eq!(known.capabilities.encoders[0].fingerprint, "one");
    assert_eq!(store.authenticate(&id("a"), "secret-b").await.unwrap(), None);
    assert_eq!(store.authenticate(&id("b"), "secret-a").await.unwrap(), None);
    assert!(matches!(
        store.set_capabilities(&id("b"), Default::default(), at(0)).await,
        Err(StoreError::Illegal(_))
    ));
}

pub async fn a_forgotten_runner_loses_its_work(store: &dyn Store) {
    join(store, "a", &[], 0).await;
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "a", 0).await;
    assert_eq!(store.runners().await.unwrap()[0].live_attempts, 1);
    assert!(store.forget_runner(&id("a"), at(1)).await.unwrap());
    assert!(!store.forget_runner(&id("a"), at(1)).await.unwrap());
    assert_eq!(task_states(store, &job_id).await, [TaskState::Ready]);
    assert_eq!(accept(store, &probe, 2).await, Acceptance::Stale);
    assert_eq!(store.beat(beat("a", &[&probe]), at(2)).await.unwrap().stop, [probe.attempt.id]);
}

pub async fn what_is_offered_is_offered_by_one_that_takes_work(store: &dyn Store) {
    join(store, "a", &["libx264=one", "aac=a"], 0).await;
    join(store, "b", &["libx265=two"], 50).await;
    let offered = async |encoders: &[(&str, Option<&str>)], since: i64| {
        store.are_offered(encoders, at(since)).await.unwrap()
    };
    assert!(offered(&[("libx264", None), ("aac", Some("a"))], 0).await);
    assert!(!offered(&[("libx264", Some("another"))], 0).await);
    assert!(!offered(&[("libx264", None), ("libx265", None)], 0).await, "no machine has both");
    assert!(!offered(&[("libx264", None)], 1).await, "it has not been seen since");
    assert!(offered(&[], 50).await && !offered(&[], 51).await, "any machine will do, if there is one");
    store.beat(Beat { draining: true, ..beat("b", &[]) }, at(60)).await.unwrap();
    assert!(!offered(&[("libx265", None)], 0).await, "it takes no work");
}
