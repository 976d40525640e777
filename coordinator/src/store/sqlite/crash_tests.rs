//! Kill -9 at any moment: a child process works on the store from several sides at once, so that commits carry several
//! steps, and prints what was acknowledged; it is killed, and the file must hold every acknowledged step.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::SqliteStore;
use crate::domain::{JobState, TaskState};
use crate::store::contract::fixtures::*;
use crate::store::*;

/// Names the file to the child; without it the child's test has nothing to do.
const FILE_VARIABLE: &str = "FLOTILLA_CRASH_TEST_DATABASE";
const KILLS: u64 = 6;
/// Steps that the child has on their way at once.
const LANES: u64 = 8;

/// What the killed children were told.
#[derive(Default)]
struct Acknowledged {
    jobs: HashMap<JobId, JobState>,
    /// Attempts that won, by job.
    sealed: HashMap<JobId, Vec<AttemptId>>,
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let mut acknowledged = Acknowledged::default();
    for seed in 0..KILLS {
        let lines = StdRng::seed_from_u64(seed).random_range(1..600);
        run_and_kill(&path, seed, lines, &mut acknowledged);
        let store = SqliteStore::open(&path).unwrap();
        for (job_id, state) in &acknowledged.jobs {
            let sealed = acknowledged.sealed.get(job_id).map(Vec::as_slice).unwrap_or_default();
            check(&store, job_id, *state, sealed, seed).await;
        }
    }
    assert!(acknowledged.jobs.values().any(|state| *state == JobState::Published), "nothing got far");
}

/// Lets a child work until it has acknowledged so many steps, then kills it and reads what else it had
/// printed.
fn run_and_kill(path: &Path, seed: u64, lines: usize, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sqlite::crash_tests::child", "--nocapture"])
        .env(FILE_VARIABLE, path)
        .env("FLOTILLA_CRASH_TEST_SEED", seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.expect("text"));
    let mut note = |line: String| {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["acknowledged", job_id, state] => {
                let state = JobState::parse(state).unwrap();
                let known = acknowledged.jobs.entry(id(job_id)).or_insert(state);
                // Lanes may print in another order than they were answered.
                *known = if rank(state) > rank(*known) { state } else { *known };
                true
            }
            ["sealed", job_id, attempt_id] => {
                acknowledged.sealed.entry(id(job_id)).or_default().push(id(attempt_id));
                true
            }
            _ => false,
        }
    };
    let mut seen = 0;
    while seen < lines {
        seen += usize::from(note(printed.next().expect("the child works until it is killed")));
    }
    child.kill().unwrap();
    printed.for_each(|line| {
        note(line);
    });
    child.wait().unwrap();
}

fn rank(state: JobState) -> Option<usize> {
    JobState::ALL.iter().position(|other| *other == state)
}

/// The job is at least as far as was acknowledged, no result is lost, and its tasks fit its state.
async fn check(store: &SqliteStore, job_id: &JobId, acknowledged: JobState, sealed: &[AttemptId], seed: u64) {
    let job = store.job(job_id).await.unwrap().unwrap_or_else(|| panic!("seed {seed}: {job_id} is lost"));
    assert!(rank(job.state) >= rank(acknowledged), "seed {seed}: {job_id} fell back to {:?}", job.state);
    let tasks = store.tasks(job_id).await.unwrap();
    let attempts = store.attempts(job_id).await.unwrap();
    assert_eq!(tasks.len() > 1, job.state != JobState::Probing, "seed {seed}: plan and state go together");
    assert_eq!(store.plan(job_id).await.unwrap().is_some(), job.state != JobState::Probing);
    for attempt_id in sealed {
        let attempt = attempts.iter().find(|attempt| attempt.id == *attempt_id);
        let state = attempt.map(|attempt| attempt.state);
        assert_eq!(state, Some(AttemptState::Sealed), "seed {seed}: the result of {attempt_id}");
    }
    for task in &tasks {
        let sealed =
            |attempt: &&AttemptRecord| attempt.task_id == task.id && attempt.state == AttemptState::Sealed;
        assert_eq!(attempts.iter().filter(sealed).count(), usize::from(task.state == TaskState::Done));
    }
}

/// The child: takes jobs all the way in several loops at once and says after each step what was acknowledged, until it
/// is killed.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(FILE_VARIABLE) else { return };
    let seed = std::env::var("FLOTILLA_CRASH_TEST_SEED").unwrap().parse().unwrap();
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    futures::future::join_all((0..LANES).map(|lane| work(&store, seed, lane))).await;
}

/// One loop: works on whatever is ready, and submits a job when nothing is.
async fn work(store: &SqliteStore, seed: u64, lane: u64) {
    let runner = format!("runner-{seed}-{lane}");
    join(store, &runner, &["libx264=one"], 0).await;
    for number in 0.. {
        // Younger runs first: what the killed ones left behind stays as it was.
        let priority = -number - 1_000_000 * (i32::try_from(seed).unwrap() + 1);
        let job_id = submit(store, &format!("job-{seed}-{lane}-{number}"), priority, 0).await;
        say(&format!("acknowledged {job_id} {}", JobState::Probing.as_str()));
        while let Some(claimed) = claim(store, &runner, 1, 0).await.pop() {
            let job_id = &claimed.task.job_id;
            let state = complete(store, &claimed, 0).await;
            say(&format!("sealed {job_id} {}", claimed.attempt.id));
            say(&format!("acknowledged {job_id} {}", state.as_str()));
            if state == JobState::Publishing {
                store.finish_job(job_id, at(0)).await.unwrap();
                say(&format!("acknowledged {job_id} {}", JobState::Published.as_str()));
            }
        }
    }
}

/// Straight to the pipe: the test harness would keep it back.
fn say(words: &str) {
    let mut to = std::io::stdout().lock();
    // On a line of its own: the harness has begun one.
    writeln!(to, "\n{words}").expect("the parent listens");
    to.flush().expect("the parent listens");
}
