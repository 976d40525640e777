//! Random operations in random order; after each one the invariants must hold. A failure names its seed.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::fixtures::*;
use crate::domain::{FailureClass, TaskState};
use crate::store::*;

const SEEDS: u64 = 4;
const STEPS: usize = 250;
const JOBS: usize = 3;
const RUNNERS: usize = 3;

/// What a run remembers, to be held against what the store says.
#[derive(Default)]
struct Witness {
    now: i64,
    held: Vec<ClaimedTask>,
    epochs: HashMap<TaskId, u64>,
    done: HashMap<TaskId, TaskRecord>,
    states: HashMap<JobId, JobState>,
}

pub async fn random_operations_keep_the_invariants(store: &dyn Store) {
    for runner in 0..RUNNERS {
        join(store, &format!("r{runner}"), &["libx264=one"], 0).await;
    }
    for seed in 0..SEEDS {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut witness = Witness { now: seed as i64 * 10_000_000, ..Witness::default() };
        for job in 0..JOBS {
            submit(store, &job_name(seed, job), job as i32, witness.now).await;
        }
        for step in 0..STEPS {
            let job_id = id(&job_name(seed, rng.random_range(0..JOBS)));
            operate(store, &mut rng, &mut witness, &job_id).await;
            for job in 0..JOBS {
                witness.check(store, &id(&job_name(seed, job)), &format!("seed {seed}, step {step}")).await;
            }
        }
        for job in 0..JOBS {
            // What is left must not be leased under the next seed.
            let _ = store.cancel(&id(&job_name(seed, job)), at(witness.now)).await;
        }
    }
}

fn job_name(seed: u64, job: usize) -> String {
    format!("seed-{seed}-job-{job}")
}

async fn operate(store: &dyn Store, rng: &mut StdRng, witness: &mut Witness, job_id: &JobId) {
    witness.now += rng.random_range(0..200);
    let now = witness.now;
    let runner = format!("r{}", rng.random_range(0..RUNNERS));
    let some = match witness.held.len() {
        0 => None,
        count => Some(witness.held[rng.random_range(0..count)].clone()),
    };
    match (rng.random_range(0..100), some) {
        (0..25, _) => witness.held.extend(claim(store, &runner, rng.random_range(1..3), now).await),
        (25..35, _) => {
            let held: Vec<_> =
                witness.held.iter().filter(|held| held.attempt.runner_id.as_str() == runner).collect();
            store.beat(beat(&runner, &held), at(now)).await.unwrap();
        }
        (35..60, Some(held)) => {
            // Uploads that are noted already are refused: as good.
            let _ = store.add_uploads(&held.attempt.id, vec![upload(&held)]).await;
            store.accept(&held.lease(), result(&held), at(now)).await.unwrap();
        }
        (60..80, _) => {
            for waiting in store.sealing().await.unwrap() {
                let task = &waiting.claimed.task;
                let plan = (task.kind == crate::domain::TaskKind::Probe).then(|| plan(&task.job_id, 3));
                store.seal(&waiting.claimed.attempt.id, plan, at(now)).await.unwrap();
            }
        }
        (80..88, Some(held)) => {
            use FailureClass::*;
            let class = [Transient, Runner, Returned, Crash, Verify, Source][rng.random_range(0..6)];
            fail(store, &held, class, now).await;
        }
        (88..91, _) => drop(store.expire(at(now)).await.unwrap()),
        (91..94, _) => drop(store.retry(job_id, at(now)).await),
        (94, _) => drop(store.cancel(job_id, at(now)).await),
        (95, _) => drop(store.finish_job(job_id, at(now)).await),
        (96, _) => store.fail_job(job_id, failure(FailureClass::Storage), at(now)).await.unwrap(),
        _ => {
            let garbage = store.garbage(5).await.unwrap();
            let forget = garbage.into_iter().map(|upload| (upload.attempt_id, upload.output_index)).collect();
            store.forget_uploads(forget).await.unwrap();
        }
    }
}

impl Witness {
    async fn check(&mut self, store: &dyn Store, job_id: &JobId, place: &str) {
        let job = store.job(job_id).await.unwrap().expect("the job");
        let tasks = store.tasks(job_id).await.unwrap();
        let attempts = store.attempts(job_id).await.unwrap();
        let before = self.states.insert(job_id.clone(), job.state).unwrap_or(job.state);
        assert!(
            before == job.state || may_follow(before, job.state),
            "{place}: {before:?} to {:?}",
            job.state
        );
        if matches!(job.state, JobState::Publishing | JobState::Published) {
            assert!(tasks.iter().all(|task| task.state == TaskState::Done), "{place}");
        }
        for task in &tasks {
            self.check_task(task, &attempts, job.state, place);
        }
    }

    fn check_task(&mut self, task: &TaskRecord, attempts: &[AttemptRecord], job: JobState, place: &str) {
        let of_task: Vec<_> = attempts.iter().filter(|attempt| attempt.task_id == task.id).collect();
        let count = |state| of_task.iter().filter(|attempt| attempt.state == state).count();
        let standing = [AttemptState::Leased, AttemptState::Accepted, AttemptState::Sealed].map(count);
        let expected = match task.state {
            // One attempt, or a copy beside it.
            TaskState::Leased => [standing[0].clamp(1, 2), 0, 0],
            TaskState::Sealing => [0, 1, 0],
            TaskState::Done => [0, 0, 1],
            _ => [0, 0, 0],
        };
        assert_eq!(standing, expected, "{place}: {} is {:?}", task.id, task.state);
        let brought = matches!(task.state, TaskState::Sealing | TaskState::Done);
        assert_eq!(task.outcome.is_some(), brought, "{place}: outcome of {}", task.id);
        if job.is_over() {
            let closed = matches!(task.state, TaskState::Done | TaskState::Failed | TaskState::Cancelled);
            assert!(closed, "{place}: {} is {:?} in a job that is {job:?}", task.id, task.state);
        }
        let epoch = of_task.iter().map(|attempt| attempt.epoch).max().unwrap_or(0);
        assert_eq!(epoch, of_task.len() as u64, "{place}: epochs of {} have gaps", task.id);
        let before = self.epochs.insert(task.id.clone(), epoch).unwrap_or(0);
        assert!(before <= epoch, "{place}: the epoch of {} fell", task.id);
        let withdrawn = task.state == TaskState::Cancelled && !upload_is_scratch(task);
        match self.done.get(&task.id) {
            Some(_) if withdrawn => drop(self.done.remove(&task.id)),
            Some(done) => assert_eq!(done, task, "{place}: a done task changed"),
            None if task.state == TaskState::Done => drop(self.done.insert(task.id.clone(), task.clone())),
            None => {}
        }
    }
}

fn upload_is_scratch(task: &TaskRecord) -> bool {
    !matches!(task.kind, crate::domain::TaskKind::Assemble { .. })
}

/// Whether one operation can lead from a state to another.
fn may_follow(before: JobState, after: JobState) -> bool {
    use JobState::*;
    match before {
        Probing => matches!(after, Running | Failed | Cancelled),
        Running => matches!(after, Publishing | Failed | Cancelled),
        Publishing => matches!(after, Published | Failed | Cancelled),
        Failed => matches!(after, Probing | Running | Cancelled),
        Published | Cancelled => false,
    }
}
