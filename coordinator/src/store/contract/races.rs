//! Many runners at once: whatever the order, every task has exactly one winner.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::fixtures::*;
use crate::domain::{FailureClass, JobState, TaskKind};
use crate::store::*;

const RUNNERS: usize = 8;
const CHUNKS: u32 = 30;

pub async fn every_task_is_accepted_once(store: &dyn Store) {
    for runner in 0..RUNNERS {
        join(store, &format!("r{runner}"), &["libx264=one"], 0).await;
    }
    let job_id = submit(store, "job", 0, 0).await;
    let probe = claim_one(store, "r0", 0).await;
    accept(store, &probe, 0).await;
    store.seal(&probe.attempt.id, Some(plan(&job_id, CHUNKS)), at(0)).await.unwrap();
    let won = AtomicUsize::new(0);
    let work = |runner: usize| {
        let won = &won;
        async move {
            while job_state(store, &id("job")).await == JobState::Running {
                won.fetch_add(work_once(store, &format!("r{runner}")).await, Ordering::Relaxed);
            }
        }
    };
    futures::future::join_all((0..RUNNERS).map(work)).await;
    assert_eq!(won.load(Ordering::Relaxed), CHUNKS as usize + 1);
    assert_eq!(job_state(store, &job_id).await, JobState::Publishing);
    let attempts = store.attempts(&job_id).await.unwrap();
    let sealed = attempts.iter().filter(|attempt| attempt.state == AttemptState::Sealed).count();
    assert_eq!(sealed, CHUNKS as usize + 2);
    assert!(attempts.len() > sealed, "some attempts were given back on the way");
}

/// Claims, now and then gives back, and otherwise completes twice at the same time. Answers how often it won.
async fn work_once(store: &dyn Store, runner: &str) -> usize {
    let mut won = 0;
    for claimed in claim(store, runner, 2, 1).await {
        if claimed.attempt.epoch == 1
            && matches!(claimed.task.kind, TaskKind::EncodeChunk { chunk_index } if chunk_index % 3 == 0)
        {
            fail(store, &claimed, FailureClass::Returned, 1).await;
        }
        store.add_uploads(&claimed.attempt.id, vec![upload(&claimed)]).await.unwrap();
        let lease = claimed.lease();
        let accept = || store.accept(&lease, result(&claimed), at(1));
        let (first, second) = futures::future::join(accept(), accept()).await;
        let answers = [first.unwrap(), second.unwrap()];
        won += answers.iter().filter(|answer| **answer == Acceptance::Accepted).count();
        if answers.contains(&Acceptance::Accepted) {
            store.seal(&claimed.attempt.id, None, at(1)).await.unwrap();
        }
    }
    won
}
