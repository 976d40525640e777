//! Each answer by a table: a job with a chunk that waits, and a fleet.

use super::*;
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::{TaskKind, Token};
use crate::store::{Ahead, WaitingTask};

const NOW: Timestamp = Timestamp(1_000_000);

fn runner(name: &str, encoder: &str, fingerprint: &str) -> RunnerRecord {
    let (name_of, fingerprint) = (encoder.to_owned(), fingerprint.to_owned());
    let encoder = Encoder { name: name_of, fingerprint, version: String::new(), ..Encoder::default() };
    RunnerRecord {
        id: name.parse().unwrap(),
        name: name.to_owned(),
        capabilities: Capabilities { slots: 2, encoders: vec![encoder], ..Capabilities::default() },
        joined_at: Timestamp(0),
        last_seen_at: Some(NOW),
        live_attempts: 0,
        draining: false,
        strikes: 0,
    }
}

fn task(id: &str, kind: TaskKind, state: TaskState, depends_on: &[&str]) -> TaskRecord {
    TaskRecord {
        id: id.parse().unwrap(),
        job_id: "job".parse().unwrap(),
        kind,
        state,
        depends_on: depends_on.iter().map(|id| id.parse().unwrap()).collect(),
        encoders: vec!["libx264".to_owned()],
        size: 200,
        ready_at: None,
        done_at: None,
        outcome: None,
        objects: vec![],
    }
}

fn chunk(id: &str, state: TaskState) -> TaskRecord {
    task(id, TaskKind::EncodeChunk { chunk_index: 0 }, state, &[])
}

/// The one answer for a ready chunk.
fn check(runners: &[RunnerRecord], pins: &[(&str, &str)], waits: &Waits, expected: &str) {
    let tasks = [chunk("chunk", TaskState::Ready)];
    let pins = pins.iter().map(|(name, pin)| ((*name).to_owned(), (*pin).to_owned())).collect();
    let resting = HashMap::from([("sleeper".parse().unwrap(), "on battery".to_owned())]);
    let facts =
        Facts { tasks: &tasks, attempts: &[], runners, resting: &resting, pins: &pins, waits, now: NOW };
    let reasons: Vec<_> = facts.explain().into_iter().map(|answer| answer.reason).collect();
    assert_eq!(reasons, [expected]);
}

fn history(failed_on: &[&str], left_ms: Option<i64>) -> Waits {
    let task_id = "chunk".parse().unwrap();
    let failed_on = failed_on.iter().map(|id| id.parse().unwrap()).collect();
    let left_since = left_ms.map(|left_ms| NOW.plus_ms(-left_ms));
    let task = WaitingTask { task_id, left_since, failed_on, is_in_the_way: false };
    Waits { tasks: vec![task], ..Waits::default() }
}

#[test]
fn without_a_runner() {
    let waits = Waits::default();
    check(&[], &[], &waits, "no runner has joined");
    let gone = RunnerRecord { last_seen_at: Some(NOW.plus_ms(-90_000)), ..runner("a", "libx264", "one") };
    check(&[gone], &[], &waits, "no runner takes work: a was heard of 90 s ago");
    let resting = RunnerRecord { draining: true, ..runner("sleeper", "libx264", "one") };
    check(&[resting], &[], &waits, "no runner takes work: sleeper rests (on battery)");
}

#[test]
fn without_the_encoder() {
    let waits = Waits::default();
    let other = || runner("a", "libopus", "one");
    let nobody = "no connected runner offers the encoder libx264, nor does any other that has joined";
    check(&[other()], &[], &waits, nobody);
    let draining = RunnerRecord { draining: true, ..runner("b", "libx264", "one") };
    let pinned = "no connected runner offers libx264 with the fingerprint one of the chunks that are encoded already: \
                  b is draining";
    check(&[other(), draining, runner("c", "libx264", "two")], &[("libx264", "one")], &waits, pinned);
}

#[test]
fn with_every_slot_busy() {
    let ahead = Ahead { priority: 50, tenant: "news".into(), jobs: 2, tasks: 7, cost_ms: 90_000 };
    let busy = vec![("a".parse().unwrap(), vec![4_200, 9_000])];
    let waits = Waits { ahead: vec![ahead], busy, ..Waits::default() };
    let expected = "all 2 slots that fit are busy with 2 tasks, the next is free in about 5 s; ahead or in turn: 7 tasks \
                    of 2 jobs of tenant news at priority 50 (about 90 s of work)";
    check(&[runner("a", "libx264", "one")], &[], &waits, expected);
}

#[test]
fn with_a_slot_free() {
    let fleet = [runner("a", "libx264", "one")];
    check(&fleet, &[], &Waits::default(), "a slot is free: it starts when the runner asks next");
    let left = "left for a faster runner, for 3 s so far: it would be done there sooner";
    check(&fleet, &[], &history(&[], Some(3_000)), left);
    let failed = "failed on every runner that can do it (a) and waits for its next try";
    check(&fleet, &[], &history(&["a"], None), failed);
    let mut waits = history(&[], None);
    waits.tasks[0].is_in_the_way = true;
    check(&fleet, &[], &waits, "what an earlier try has put at the destination is still being removed");
}

#[test]
fn tasks_with_one_answer_stand_together() {
    let join = TaskKind::Assemble { rendition_index: 0 };
    let tasks = [
        chunk("one", TaskState::Done),
        chunk("two", TaskState::Ready),
        chunk("three", TaskState::Ready),
        chunk("four", TaskState::Leased),
        task("join", join, TaskState::Blocked, &["one", "two", "three", "four"]),
    ];
    let attempt = |id: &str, runner: &str| AttemptRecord {
        id: id.parse().unwrap(),
        task_id: "four".parse().unwrap(),
        runner_id: runner.parse().unwrap(),
        token: Token::new(String::new()),
        epoch: 1,
        state: AttemptState::Leased,
        leased_at: NOW.plus_ms(-8_000),
        expires_at: NOW,
        ended_at: None,
        progress: 50,
        failure: None,
        usage: None,
    };
    let facts = Facts {
        tasks: &tasks,
        attempts: &[attempt("x", "a"), attempt("y", "b")],
        runners: &[],
        resting: &HashMap::new(),
        pins: &HashMap::new(),
        waits: &Waits::default(),
        now: NOW,
    };
    let told: Vec<_> = facts.explain().into_iter().map(|one| (one.count, one.task, one.reason)).collect();
    let expected = [
        (2, "encode_chunk", "no runner has joined"),
        (1, "encode_chunk", "runs on a (25 % after 8 s) and, as a copy, on b (25 % after 8 s)"),
        (1, "assemble", "waits for other tasks of the job: 3 encode_chunk"),
    ];
    assert_eq!(told, expected.map(|(count, task, reason)| (count, task.to_owned(), reason.to_owned())));
}
