//! Who gets what, by measured speed and fair shares; copies of stragglers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::fixtures::*;
use crate::domain::choice::JOIN;
use crate::domain::choice::Room;
use crate::domain::dispatch::Policy;
use crate::domain::failure::Verdict;
use crate::domain::plan::PlannedTask;
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::task::OBJECT_COPY;
use crate::domain::{FailureClass, JobState, TaskKind, TaskState, Token, Work};
use crate::store::*;

/// A task of so many milliseconds on an ordinary slot, for runners with libx264.
fn task(kind: TaskKind, cost_ms: u64) -> PlannedTask {
    let work = Work { class: "libx264 veryfast 720".to_owned(), pixels: cost_ms * 40_000, cost_ms };
    PlannedTask { kind, depends_on: vec![], encoders: vec!["libx264".to_owned()], size: 100, work }
}

fn chunk(chunk_index: u32, cost_ms: u64) -> PlannedTask {
    task(TaskKind::EncodeChunk { chunk_index }, cost_ms)
}

/// A job of a tenant with these tasks ready.
async fn job(store: &dyn Store, name: &str, tenant: &str, tasks: Vec<PlannedTask>, now: i64) -> JobId {
    let new = NewJob { tenant: tenant.to_owned(), ..new_job(name, 0) };
    store.submit(new, id(&format!("{name}-probe")), at(now)).await.unwrap();
    let probe = claim(store, "prober", 1, now).await.remove(0);
    assert_eq!(probe.task.job_id, id(name));
    accept(store, &probe, now).await;
    let named = tasks.into_iter().enumerate().map(|(at, task)| (id(&format!("{name}-{at}")), task));
    let new = NewPlan { tasks: named.collect(), ..plan(&id(name), 0) };
    store.seal(&probe.attempt.id, Some(new), at(now)).await.unwrap();
    id(name)
}

async fn crew(store: &dyn Store, names: &[&str]) {
    join(store, "prober", &[], 0).await;
    for name in names {
        join(store, name, &["libx264=one"], 0).await;
    }
}

async fn claim_by(store: &dyn Store, runner: &str, policy: Policy, limit: u32, now: i64) -> Vec<ClaimedTask> {
    claim_for(store, runner, policy, Room::of_slots(limit), now).await
}

async fn claim_for(
    store: &dyn Store,
    runner: &str,
    policy: Policy,
    room: Room,
    now: i64,
) -> Vec<ClaimedTask> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = runner.to_owned();
    let ids: LeaseIds = Box::new(move || {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        (id(&format!("{name}-by-{number:08}")), Token::new(format!("by-{number}")))
    });
    let session_id = "first".to_owned();
    let claim =
        Claim { runner_id: id(runner), session_id, room, lease_ms: 600_000, live_ms: 60_000, policy, ids };
    store.claim(claim, at(now)).await.unwrap()
}

fn names(claimed: &[ClaimedTask]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.task.id.as_str()).collect()
}

pub async fn tenants_share_by_weight(store: &dyn Store) {
    crew(store, &["a"]).await;
    for tenant in ["one", "two"] {
        job(store, tenant, tenant, (0..40).map(|at| chunk(at, 1000)).collect(), 1).await;
    }
    let policy = Policy { weights: [("two".to_owned(), 3)].into(), ..Policy::default() };
    let mut served = Vec::new();
    for _ in 0..40 {
        served.extend(claim_by(store, "a", policy.clone(), 1, 2).await);
    }
    let two = served.iter().filter(|claimed| claimed.task.job_id == id("two")).count();
    assert!((29..=31).contains(&two), "{two} of 40");
}

pub async fn short_jobs_overtake_long_ones(store: &dyn Store) {
    crew(store, &["a"]).await;
    job(store, "long", "default", (0..3).map(|at| chunk(at, 100_000)).collect(), 0).await;
    job(store, "short", "default", vec![chunk(0, 2000)], 60_000).await;
    job(store, "late", "default", vec![chunk(0, 2000)], 400_000).await;
    assert_eq!(
        names(&claim(store, "a", 9, 400_000).await),
        ["short-0", "long-0", "long-1", "long-2", "late-0"]
    );
}

pub async fn sound_then_long_chunks_go_first(store: &dyn Store) {
    crew(store, &["a"]).await;
    let sound = task(TaskKind::EncodeAudio { audio_index: 0 }, 10);
    job(store, "job", "default", vec![chunk(0, 100), chunk(1, 900), chunk(2, 400), sound], 0).await;
    assert_eq!(names(&claim(store, "a", 9, 1).await), ["job-3", "job-1", "job-2", "job-0"]);
}

pub async fn a_runner_goes_on_beside_what_it_had(store: &dyn Store) {
    crew(store, &["a", "b"]).await;
    job(store, "job", "default", (0..6).map(|at| chunk(at, 1000)).collect(), 0).await;
    assert_eq!(names(&claim(store, "a", 3, 1).await), ["job-0", "job-1", "job-2"]);
    assert_eq!(names(&claim(store, "b", 1, 1).await), ["job-3"]);
    let returned = claim_by(store, "b", Policy::default(), 1, 1).await.remove(0);
    assert_eq!(returned.task.id, id("job-4"), "beside its own, which stands before");
    fail(store, &returned, FailureClass::Returned, 2).await;
    assert_eq!(names(&claim(store, "a", 1, 3).await), ["job-4"]);
}

/// Milliseconds that a runner is expected to take: how long after its lease a copy of it would seem worth while.
async fn complete_in(store: &dyn Store, runner: &str, took_ms: i64, now: i64) {
    // Whoever was measured before is not waited for.
    let policy = Policy { earliest_finish: false, ..Policy::default() };
    let claimed = claim_by(store, runner, policy, 1, now).await.remove(0);
    accept(store, &claimed, now + took_ms).await;
    store.seal(&claimed.attempt.id, None, at(now + took_ms)).await.unwrap();
}

pub async fn speeds_are_measured_and_start_from_a_benchmark(store: &dyn Store) {
    crew(store, &["a", "b", "told"]).await;
    let encoder = Encoder {
        name: "libx264".into(),
        fingerprint: "one".into(),
        version: "1".into(),
        pixels_per_second: 9,
        ..Encoder::default()
    };
    let told = Capabilities { encoders: vec![encoder], ..Capabilities::default() };
    store.set_capabilities(&id("told"), told, at(0)).await.unwrap();
    let speed = async |runner: &str| {
        let speeds = store.speeds(&id(runner)).await.unwrap();
        speeds
            .into_iter()
            .find(|speed| speed.class.starts_with("libx264"))
            .map(|speed| speed.pixels_per_second)
    };
    job(store, "job", "default", (0..9).map(|at| chunk(at, 1000)).collect(), 0).await;
    assert_eq!((speed("a").await, speed("told").await), (None, None));
    complete_in(store, "a", 2_000, 10).await;
    assert_eq!(speed("a").await, Some(20_000_000), "half of an ordinary slot");
    complete_in(store, "a", 1_000, 20_000).await;
    assert_eq!(speed("a").await, Some(26_000_000), "the newest counts for three tenths");
    store.forget_runner(&id("a"), at(30_000)).await.unwrap();
    assert_eq!(speed("a").await, None);
}

pub async fn a_slow_runner_leaves_the_last_task_but_not_for_ever(store: &dyn Store) {
    crew(store, &["slow", "fast"]).await;
    job(store, "past", "default", vec![chunk(0, 1000), chunk(1, 1000)], 0).await;
    complete_in(store, "slow", 30_000, 10).await;
    complete_in(store, "fast", 1_000, 30_010).await;
    job(store, "job", "default", (0..40).map(|at| chunk(at, 1000)).collect(), 40_000).await;
    let fast_beats = async |held: &[ClaimedTask], now: i64| {
        let held: Vec<_> = held.iter().collect();
        store.beat(Beat { lease_ms: 600_000, ..beat("fast", &held) }, at(now)).await.unwrap();
    };
    fast_beats(&[], 40_000).await;
    let by_rule =
        async |runner: &str, limit, now| claim_by(store, runner, Policy::default(), limit, now).await;
    assert_eq!(by_rule("slow", 1, 40_000).await.len(), 1, "there is enough for everybody");
    let held = by_rule("fast", 38, 40_000).await;
    // The fast one has all its slots full for some seconds, and would end the last before the slow one could.
    fast_beats(&held, 40_900).await;
    assert!(by_rule("slow", 1, 41_500).await.is_empty());
    let ask = |now: i64| {
        let policy = Policy::default();
        let (named, room) = (vec![], Room::of_slots(2));
        store.outlook(Ask { runner_id: id("slow"), named, room, live_ms: 60_000, policy }, at(now))
    };
    assert!(!ask(41_600).await.unwrap().has_work);
    fast_beats(&held, 75_000).await;
    assert!(ask(75_000).await.unwrap().has_work, "patience ends even when the fast one goes on to live");
    let taken = by_rule("slow", 1, 75_000).await;
    assert_eq!(taken[0].attempt.epoch, 1, "it is the task itself, not a copy of another");
}

/// A task that has been running on "a" for long while "b" has learnt how fast it goes.
async fn straggler(store: &dyn Store) -> ClaimedTask {
    crew(store, &["a", "b", "c"]).await;
    job(store, "job", "default", (0..2).map(|at| chunk(at, 5000)).collect(), 0).await;
    let slow = claim_by(store, "a", Policy::default(), 1, 0).await.remove(0);
    store.add_uploads(&slow.attempt.id, vec![upload(&slow)]).await.unwrap();
    complete_in(store, "b", 5_000, 0).await;
    store.beat(Beat { lease_ms: 600_000, ..beat("a", &[&slow]) }, at(20_000)).await.unwrap();
    slow
}

pub async fn a_straggler_gets_a_copy_and_the_first_result_wins(store: &dyn Store) {
    let slow = straggler(store).await;
    assert!(claim_by(store, "a", Policy::default(), 1, 20_000).await.is_empty(), "not beside itself");
    let copy = claim_by(store, "b", Policy::default(), 9, 20_000).await;
    assert_eq!(names(&copy), [slow.task.id.as_str()]);
    let copy = &copy[0];
    assert_eq!((slow.attempt.epoch, copy.attempt.epoch), (1, 2));
    assert!(claim_by(store, "c", Policy::default(), 9, 20_000).await.is_empty(), "two are enough");
    assert!(store.leased(&slow.lease()).await.unwrap().is_some(), "the first one goes on");
    assert_eq!(accept(store, copy, 25_000).await, Acceptance::Accepted);
    assert_eq!(store.accept(&slow.lease(), result(&slow), at(25_001)).await.unwrap(), Acceptance::Stale);
    assert!(store.leased(&slow.lease()).await.unwrap().is_none());
    assert_eq!(
        store.beat(beat("a", &[&slow]), at(25_002)).await.unwrap().stop,
        std::slice::from_ref(&slow.attempt.id)
    );
    let garbage = store.garbage(9).await.unwrap();
    assert!(garbage.iter().any(|upload| upload.attempt_id == slow.attempt.id && !upload.accepted));
    assert_eq!(fail(store, &slow, FailureClass::Returned, 25_003).await, None);
    assert_eq!(store.seal(&copy.attempt.id, None, at(25_004)).await.unwrap(), JobState::Publishing);
    let attempts = store.attempts(&slow.task.job_id).await.unwrap();
    let first = attempts.iter().find(|attempt| attempt.id == slow.attempt.id).unwrap();
    assert_eq!((first.state, first.ended_at), (AttemptState::Outrun, Some(at(25_000))));
    let measured = store.speeds(&id("a")).await.unwrap();
    assert!(
        measured.iter().any(|speed| speed.pixels_per_second < 20_000_000),
        "it is known as slow: {measured:?}"
    );
}

pub async fn a_copys_failure_is_not_its_tasks(store: &dyn Store) {
    let slow = straggler(store).await;
    let copy = claim_by(store, "b", Policy::default(), 1, 20_000).await.remove(0);
    assert_eq!(fail(store, &copy, FailureClass::Source, 20_001).await, Some(Verdict::Retry));
    assert_eq!(task_states(store, &slow.task.job_id).await[1], TaskState::Leased);
    assert_eq!(job_state(store, &slow.task.job_id).await, JobState::Running);
    // The slot of the copy is free again, for another runner; then the first one vanishes.
    let copy = claim_by(store, "c", Policy::default(), 1, 20_002).await.remove(0);
    assert_eq!(copy.attempt.epoch, 3);
    store.forget_runner(&id("a"), at(20_003)).await.unwrap();
    assert_eq!(task_states(store, &slow.task.job_id).await[1], TaskState::Leased);
    assert_eq!(accept(store, &copy, 20_004).await, Acceptance::Accepted);
    assert_eq!(store.seal(&copy.attempt.id, None, at(20_005)).await.unwrap(), JobState::Publishing);
}

pub async fn a_cancel_ends_both_attempts(store: &dyn Store) {
    let slow = straggler(store).await;
    let copy = claim_by(store, "b", Policy::default(), 1, 20_000).await.remove(0);
    store.add_uploads(&copy.attempt.id, vec![upload(&copy)]).await.unwrap();
    store.cancel(&slow.task.job_id, at(20_001)).await.unwrap();
    for claimed in [&slow, &copy] {
        assert!(store.leased(&claimed.lease()).await.unwrap().is_none());
        assert_eq!(
            store.accept(&claimed.lease(), result(claimed), at(20_002)).await.unwrap(),
            Acceptance::Stale
        );
        let runner = claimed.attempt.runner_id.to_string();
        let told = store.beat(beat(&runner, &[claimed]), at(20_003)).await.unwrap();
        assert_eq!(told.stop, std::slice::from_ref(&claimed.attempt.id));
    }
}

pub async fn stragglers_can_be_left_alone(store: &dyn Store) {
    straggler(store).await;
    let policy = Policy { duplicate_stragglers: false, ..Policy::default() };
    assert!(claim_by(store, "b", policy, 9, 20_000).await.is_empty());
}

pub async fn a_runner_whose_slots_are_taken_joins_beside_them(store: &dyn Store) {
    crew(store, &["one"]).await;
    let kind = TaskKind::Assemble { rendition_index: 0 };
    let join = |at| PlannedTask { encoders: vec![JOIN.to_owned()], ..task(kind, at) };
    let text = PlannedTask { encoders: vec![], ..task(TaskKind::ExtractText, 1) };
    let job_id = job(store, "job", "default", vec![chunk(0, 1000), text, join(2), join(3), join(4)], 0).await;
    let claim = async |joins, slots| {
        let room = Room { joins, slots, ..Room::default() };
        let claimed = claim_for(store, "one", Policy::default(), room, 1).await;
        names(&claimed).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(claim(1, 0).await, ["job-4"], "the largest first");
    let ask = Ask {
        runner_id: id("one"),
        named: vec![],
        room: Room { joins: 2, ..Room::default() },
        live_ms: 60_000,
        policy: Policy::default(),
    };
    let outlook = store.outlook(ask, at(1)).await.unwrap();
    assert_eq!((outlook.has_work, outlook.room.joins), (true, 1), "the one underway has a place");
    let left = claim(1, 3).await;
    assert_eq!(left.len(), 4, "one join beside, one in the slot that nothing else wants");
    assert_eq!(left.last().map(String::as_str), Some("job-2"));
    assert_eq!(store.pins(&job_id).await.unwrap().len(), 1, "a join binds a job to nothing");
}

pub async fn what_the_coordinator_leaves_a_runner_finds(store: &dyn Store) {
    crew(store, &["one"]).await;
    let kind = TaskKind::Assemble { rendition_index: 0 };
    let join = |at| PlannedTask { encoders: vec![OBJECT_COPY.to_owned()], ..task(kind, at) };
    job(store, "job", "default", vec![join(1), join(2)], 0).await;
    assert!(
        claim_by(store, "one", Policy::default(), 9, 1).await.is_empty(),
        "no runner copies inside the store"
    );
    assert_eq!(store.joinable(9).await.unwrap().len(), 2);

    store.leave_to_runners(&id("job-1")).await.unwrap();
    assert_eq!(names(&claim_by(store, "one", Policy::default(), 9, 2).await), ["job-1"]);
    let left: Vec<_> = store.joinable(9).await.unwrap().into_iter().map(|task| task.id.to_string()).collect();
    assert_eq!(left, ["job-0"]);
    let waiting: u32 = store.ready_work(9).await.unwrap().iter().map(|ready| ready.task_count).sum();
    assert_eq!(waiting, 1, "the queue counts it once");
}
