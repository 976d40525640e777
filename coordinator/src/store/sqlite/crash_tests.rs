//! Kill -9 at any moment: a child process works on the store and prints what was acknowledged; it is killed,
//! and the file must hold every acknowledged step.

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

#[tokio::test]
async fn what_was_acknowledged_survives_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let mut acknowledged = HashMap::new();
    for seed in 0..KILLS {
        let lines = StdRng::seed_from_u64(seed).random_range(1..120);
        run_and_kill(&path, seed, lines, &mut acknowledged);
        let store = SqliteStore::open(&path).unwrap();
        for (job_id, state) in &acknowledged {
            check(&store, job_id, *state, seed).await;
        }
    }
    assert!(acknowledged.values().any(|state| *state == JobState::Published), "nothing got far");
}

/// Lets a child work until it has acknowledged so many steps, then kills it and reads what else it had
/// printed.
fn run_and_kill(path: &Path, seed: u64, lines: usize, acknowledged: &mut HashMap<JobId, JobState>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sqlite::crash_tests::child", "--nocapture"])
        .env(FILE_VARIABLE, path)
        .env("FLOTILLA_CRASH_TEST_SEED", seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.expect("text"));
    let mut note = |line: String| {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["acknowledged", job_id, state] = words[..] {
            acknowledged.insert(id(job_id), JobState::parse(state).unwrap());
            return true;
        }
        false
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

/// The job is at least as far as was acknowledged, and its tasks fit its state.
async fn check(store: &SqliteStore, job_id: &JobId, acknowledged: JobState, seed: u64) {
    let job = store.job(job_id).await.unwrap().unwrap_or_else(|| panic!("seed {seed}: {job_id} is lost"));
    let rank = |state| JobState::ALL.iter().position(|other| *other == state);
    assert!(rank(job.state) >= rank(acknowledged), "seed {seed}: {job_id} fell back to {:?}", job.state);
    let tasks = store.tasks(job_id).await.unwrap();
    let attempts = store.attempts(job_id).await.unwrap();
    assert_eq!(tasks.len() > 1, job.state != JobState::Probing, "seed {seed}: plan and state go together");
    assert_eq!(store.plan(job_id).await.unwrap().is_some(), job.state != JobState::Probing);
    for task in &tasks {
        let sealed =
            |attempt: &&AttemptRecord| attempt.task_id == task.id && attempt.state == AttemptState::Sealed;
        assert_eq!(attempts.iter().filter(sealed).count(), usize::from(task.state == TaskState::Done));
    }
}

/// The child: takes jobs all the way in a loop and says after each step what was acknowledged, until it is
/// killed.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(FILE_VARIABLE) else { return };
    let seed = std::env::var("FLOTILLA_CRASH_TEST_SEED").unwrap();
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    let runner = format!("runner-{seed}");
    join(&store, &runner, &["libx264=one"], 0).await;
    for number in 0.. {
        let name = format!("job-{seed}-{number}");
        // Younger runs first: what the killed ones left behind stays as it was.
        let job_id = submit(&store, &name, -number - 1_000_000 * (seed.parse::<i32>().unwrap() + 1), 0).await;
        acknowledge(&job_id, JobState::Probing);
        while job_state(&store, &job_id).await != JobState::Publishing {
            let claimed = claim_one(&store, &runner, 0).await;
            acknowledge(&job_id, complete(&store, &claimed, 0).await);
        }
        store.finish_job(&job_id, at(0)).await.unwrap();
        acknowledge(&job_id, JobState::Published);
    }
}

/// Straight to the pipe: the test harness would keep it back.
fn acknowledge(job_id: &JobId, state: JobState) {
    let mut to = std::io::stdout().lock();
    // On a line of its own: the harness has begun one.
    writeln!(to, "\nacknowledged {job_id} {}", state.as_str()).expect("the parent listens");
    to.flush().expect("the parent listens");
}
