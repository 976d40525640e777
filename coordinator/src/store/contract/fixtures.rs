//! Small jobs, runners and results for the checks. Time is a number that the check chooses.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::dispatch::Policy;
use crate::domain::outcome::{Outcome, Track, Usage};
use crate::domain::plan::{Package, PlannedTask};
use crate::domain::runner::{Capabilities, Encoder};
use crate::domain::source::Source;
use crate::domain::*;
use crate::store::*;

/// Life of the checks' leases.
pub const LEASE_MS: i64 = 1_000;

/// A point in time.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp(milliseconds)
}

/// An id out of a word.
pub fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(word: &str) -> T {
    word.parse().expect("a legal id")
}

/// A job to submit.
pub fn new_job(name: &str, priority: i32) -> NewJob {
    NewJob {
        id: id(name),
        source: format!("{name}.mp4"),
        source_object: format!("s3://fleet/sources/{name}/source").parse().expect("a location"),
        source_bytes: 1_000,
        source_is_ours: true,
        profile: "web".to_owned(),
        profile_json: "{}".to_owned(),
        destination: format!("s3://media/{name}").parse().expect("a destination"),
        chunk_seconds: None,
        priority,
        progressive_publish: false,
        tenant: "default".to_owned(),
        idempotency_key: None,
        extras: Default::default(),
    }
}

/// Adds a job with its probe.
pub async fn submit(store: &dyn Store, name: &str, priority: i32, now: i64) -> JobId {
    let submitted = store.submit(new_job(name, priority), id(&format!("{name}-probe")), at(now)).await;
    assert_eq!(submitted.unwrap(), Submitted::Created);
    id(name)
}

/// Lets a runner in that offers encoders, given as `name=fingerprint`, and beats once.
pub async fn join(store: &dyn Store, name: &str, encoders: &[&str], now: i64) -> RunnerId {
    let token = TokenRecord {
        id: format!("token-{name}"),
        digest: format!("digest-{name}"),
        note: String::new(),
        created_at: at(now),
        expires_at: at(now + 1),
        uses_left: 1,
    };
    store.create_token(token).await.unwrap();
    let runner = NewRunner { id: id(name), name: String::new(), secret_digest: format!("secret-{name}") };
    assert_eq!(store.join(&format!("digest-{name}"), runner, at(now)).await.unwrap(), JoinOutcome::Joined);
    let encoder = |offer: &&str| {
        let (name, fingerprint) = offer.split_once('=').expect("name=fingerprint");
        Encoder {
            name: name.to_owned(),
            fingerprint: fingerprint.to_owned(),
            version: "1".to_owned(),
            ..Encoder::default()
        }
    };
    let encoders = encoders.iter().map(encoder).collect();
    store
        .set_capabilities(&id(name), Capabilities { encoders, ..Capabilities::default() }, at(0))
        .await
        .unwrap();
    store.beat(beat(name, &[]), at(now)).await.unwrap();
    id(name)
}

/// A beat of a runner's first session.
pub fn beat(runner: &str, held: &[&ClaimedTask]) -> Beat {
    Beat {
        runner_id: id(runner),
        session_id: "first".to_owned(),
        attempts: held.iter().map(|claimed| (claimed.lease(), 5)).collect(),
        draining: false,
        lease_ms: LEASE_MS,
        grace_ms: 100,
    }
}

/// Asks for work.
pub async fn claim(store: &dyn Store, runner: &str, limit: u32, now: i64) -> Vec<ClaimedTask> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = runner.to_owned();
    let ids: LeaseIds = Box::new(move || {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        (id(&format!("{name}-{number:08}")), Token::new(format!("secret-{number}")))
    });
    let (session_id, policy) = ("first".to_owned(), Policy::default());
    let claim = Claim {
        runner_id: id(runner),
        session_id,
        room: choice::Room::of_slots(limit),
        lease_ms: LEASE_MS,
        live_ms: LEASE_MS,
        policy,
        ids,
    };
    store.claim(claim, at(now)).await.unwrap()
}

/// Asks for one task, which must be there.
pub async fn claim_one(store: &dyn Store, runner: &str, now: i64) -> ClaimedTask {
    claim(store, runner, 1, now).await.pop().expect("a task for the runner")
}

/// A result that fits the task's kind.
pub fn result(claimed: &ClaimedTask) -> AcceptedResult {
    let track = Track { init_segment: vec![1, 2, 3], sample_count: 4, fragments: vec![] };
    let outcome = match claimed.task.kind {
        TaskKind::Probe => Outcome::Probe(Source {
            demuxer: "mov".to_owned(),
            duration_us: 1,
            bitrate_bps: 1,
            video: vec![],
            audio: vec![],
            text: vec![],
            notes: vec![],
            inserts: vec![],
        }),
        TaskKind::EncodeChunk { .. } => Outcome::EncodeChunk { renditions: vec![track], missing_frames: 0 },
        TaskKind::EncodeAudio { .. } => Outcome::EncodeAudio(track),
        _ => Outcome::Assemble { sample_count: 4 },
    };
    let object = StoredObject {
        at: upload(claimed).object,
        size_bytes: 9,
        sha256: "ab".to_owned(),
        etags: vec!["e1".to_owned()],
    };
    AcceptedResult { outcome, objects: vec![object], usage: Usage { cpu_ms: 7, ..Usage::default() } }
}

/// The one upload of an attempt: scratch, or for an assembly at the destination under a key without the
/// attempt.
pub fn upload(claimed: &ClaimedTask) -> UploadRecord {
    let (job, attempt) = (&claimed.task.job_id, &claimed.attempt.id);
    let scratch = !matches!(claimed.task.kind, TaskKind::Assemble { .. });
    let object = match scratch {
        true => format!("s3://fleet/scratch/{job}/{attempt}/0"),
        false => format!("s3://media/{job}/720p/media.mp4"),
    };
    UploadRecord {
        job_id: job.clone(),
        attempt_id: attempt.clone(),
        output_index: 0,
        object: object.parse().expect("a location"),
        upload_id: format!("upload-{attempt}"),
        scratch,
        accepted: false,
    }
}

/// Brings an attempt from its lease to its acceptance.
pub async fn accept(store: &dyn Store, claimed: &ClaimedTask, now: i64) -> Acceptance {
    store.add_uploads(&claimed.attempt.id, vec![upload(claimed)]).await.unwrap();
    store.accept(&claimed.lease(), result(claimed), at(now)).await.unwrap()
}

/// Brings an attempt from its lease to its seal. Answers the job's state.
pub async fn complete(store: &dyn Store, claimed: &ClaimedTask, now: i64) -> JobState {
    assert_eq!(accept(store, claimed, now).await, Acceptance::Accepted);
    let plan = (claimed.task.kind == TaskKind::Probe).then(|| plan(&claimed.task.job_id, 2));
    store.seal(&claimed.attempt.id, plan, at(now)).await.unwrap()
}

/// A plan of some chunks and the assembly that waits for them all.
pub fn plan(job_id: &JobId, chunk_count: u32) -> NewPlan {
    let plan = Plan {
        profile: "web".to_owned(),
        demuxer: "mov".to_owned(),
        video: None,
        audio: vec![],
        text: vec![],
        storyboard: None,
        early: false,
        package: Package { hls: true, progressive: false, muxed: false, segment_seconds: 4 },
        notes: vec![],
    };
    let chunk = |chunk_index| {
        let kind = TaskKind::EncodeChunk { chunk_index };
        let work = Work { class: "libx264 veryfast 720".to_owned(), pixels: 40_000_000, cost_ms: 1_000 };
        let encoders = vec!["libx264".to_owned()];
        let task = PlannedTask { kind, depends_on: vec![], encoders, size: 48, work };
        (id(&format!("{job_id}-chunk-{chunk_index}")), task)
    };
    let mut tasks: Vec<(TaskId, PlannedTask)> = (0..chunk_count).map(chunk).collect();
    let kind = TaskKind::Assemble { rendition_index: 0 };
    let depends_on = (0..tasks.len()).collect();
    let work = Work::of_reading("assemble", 96);
    let join = PlannedTask { kind, depends_on, encoders: vec![], size: 96, work };
    tasks.push((id(&format!("{job_id}-join")), join));
    NewPlan { plan, tasks }
}

/// A job that is planned: two chunks are ready, the assembly waits.
pub async fn planned(store: &dyn Store, name: &str, runner: &str, now: i64) -> JobId {
    let job_id = submit(store, name, 0, now).await;
    let probe = claim_one(store, runner, now).await;
    assert_eq!(complete(store, &probe, now).await, JobState::Running);
    job_id
}

/// A failure of a class.
pub fn failure(class: FailureClass) -> Failure {
    Failure { class, message: format!("failed by {}", class.as_str()) }
}

/// Ends an attempt with a failure of a class.
pub async fn fail(
    store: &dyn Store,
    claimed: &ClaimedTask,
    class: FailureClass,
    now: i64,
) -> Option<failure::Verdict> {
    let failure = failure(class);
    store.fail_attempt(&claimed.lease(), failure, None, at(now)).await.unwrap()
}

/// Where a job stands.
pub async fn job_state(store: &dyn Store, job_id: &JobId) -> JobState {
    store.job(job_id).await.unwrap().expect("the job").state
}

/// The states of a job's tasks, in order.
pub async fn task_states(store: &dyn Store, job_id: &JobId) -> Vec<TaskState> {
    store.tasks(job_id).await.unwrap().into_iter().map(|task| task.state).collect()
}
