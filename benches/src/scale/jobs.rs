//! Jobs in a store, as many as are wanted, taken as far as is wanted. The store is the real one; only the runners are
//! missing.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use flotilla_coordinator::clock::{new_id, new_lease_token};
use flotilla_coordinator::domain::choice::Room;
use flotilla_coordinator::domain::dispatch::Policy;
use flotilla_coordinator::domain::outcome::{Outcome, Track, Usage};
use flotilla_coordinator::domain::plan::{Package, PlannedTask};
use flotilla_coordinator::domain::runner::{Capabilities, Encoder, LIVE_MS};
use flotilla_coordinator::domain::source::Source;
use flotilla_coordinator::domain::{JobId, JobState, Plan, RunnerId, TaskKind, Timestamp, Work};
use flotilla_coordinator::store::sqlite::SqliteStore;
use flotilla_coordinator::store::*;

const LEASE_MS: i64 = 45_000;

/// A store and what names its jobs.
pub struct Jobs {
    /// The store.
    pub store: SqliteStore,
    next: AtomicU64,
}

impl Jobs {
    /// A new store in `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        let store = SqliteStore::open(&folder.join("coordinator.db"))?;
        Ok(Self { store, next: AtomicU64::new(1) })
    }

    /// Time passes with the jobs: a millisecond for each.
    pub fn now(&self) -> Timestamp {
        Timestamp(1_000_000 + i64::try_from(self.next.load(Ordering::Relaxed)).unwrap_or(i64::MAX))
    }

    /// A runner that can do everything and was seen just now.
    pub async fn runner(&self, name: &str) -> Result<RunnerId> {
        let id: RunnerId = name.parse()?;
        let now = self.now();
        let token = TokenRecord {
            id: format!("token-of-{name}"),
            digest: format!("digest-of-{name}"),
            note: String::new(),
            created_at: now,
            expires_at: now.plus_ms(1_000_000_000),
            uses_left: 1,
        };
        let digest = token.digest.clone();
        self.store.create_token(token).await?;
        let runner = NewRunner { id: id.clone(), name: name.into(), secret_digest: format!("of-{name}") };
        ensure!(self.store.join(&digest, runner, now).await? == JoinOutcome::Joined, "{name} may not join");
        let encoder = Encoder {
            name: "libx264".into(),
            fingerprint: "one".into(),
            version: "1".into(),
            ..Encoder::default()
        };
        let capabilities = Capabilities { encoders: vec![encoder], slots: 4, ..Capabilities::default() };
        self.store.set_capabilities(&id, capabilities, self.now()).await?;
        self.beat(&id).await?;
        Ok(id)
    }

    /// The runner is there.
    pub async fn beat(&self, runner_id: &RunnerId) -> Result<()> {
        let beat = Beat {
            runner_id: runner_id.clone(),
            session_id: "only".into(),
            attempts: vec![],
            draining: false,
            lease_ms: LEASE_MS,
            grace_ms: LEASE_MS,
        };
        self.store.beat(beat, self.now()).await?;
        Ok(())
    }

    /// A job whose probe is ready. Lower priorities run first.
    pub async fn submit(&self, priority: i32) -> Result<JobId> {
        let name = format!("job-{:09}", self.next.fetch_add(1, Ordering::Relaxed));
        let id: JobId = name.parse()?;
        let job = NewJob {
            id: id.clone(),
            source: format!("https://example.org/{name}.mp4"),
            source_object: format!("s3://fleet/{name}/source").parse()?,
            source_bytes: 1 << 30,
            source_is_ours: true,
            profile: "web".into(),
            profile_json: "{}".into(),
            destination: format!("s3://media/{name}").parse()?,
            chunk_seconds: None,
            priority,
            idempotency_key: None,
            extras: Default::default(),
            progressive_publish: false,
            tenant: "default".into(),
        };
        self.store.submit(job, format!("{name}-probe").parse()?, self.now()).await?;
        Ok(id)
    }

    /// A task for the runner, if there is one.
    pub async fn claim(&self, runner_id: &RunnerId) -> Result<Option<ClaimedTask>> {
        let claim = Claim {
            runner_id: runner_id.clone(),
            session_id: "only".into(),
            room: Room::of_slots(1),
            lease_ms: LEASE_MS,
            live_ms: LIVE_MS,
            policy: Policy::default(),
            ids: Box::new(|| (new_id(), new_lease_token())),
        };
        Ok(self.store.claim(claim, self.now()).await?.pop())
    }

    /// Whether a claim would find something.
    pub async fn outlook(&self, runner_id: &RunnerId) -> Result<bool> {
        let ask = Ask {
            runner_id: runner_id.clone(),
            named: vec![],
            room: Room::of_slots(1),
            live_ms: LIVE_MS,
            policy: Policy::default(),
        };
        Ok(self.store.outlook(ask, self.now()).await?.has_work)
    }

    /// Takes a task from its lease to its end: uploads noted, result accepted, sealed. A probe brings a plan of so many
    /// chunks.
    pub async fn complete(&self, claimed: &ClaimedTask, chunk_count: u32) -> Result<JobState> {
        let upload = upload(claimed)?;
        let object = StoredObject {
            at: upload.object.clone(),
            size_bytes: 1 << 20,
            sha256: "5f0c8a3d".repeat(8),
            etags: vec!["9b2cf535f27731c974343645a3985328".into()],
        };
        let result =
            AcceptedResult { outcome: outcome(claimed), objects: vec![object], usage: Usage::default() };
        self.store.add_uploads(&claimed.attempt.id, vec![upload]).await?;
        let accepted = self.store.accept(&claimed.lease(), result, self.now()).await?;
        ensure!(accepted == Acceptance::Accepted, "a result was not accepted");
        let is_probe = claimed.task.kind == TaskKind::Probe;
        let plan = if is_probe { Some(plan(&claimed.task.job_id, chunk_count)?) } else { None };
        Ok(self.store.seal(&claimed.attempt.id, plan, self.now()).await?)
    }

    /// A job whose chunks are ready.
    pub async fn planned(&self, runner_id: &RunnerId, priority: i32, chunk_count: u32) -> Result<JobId> {
        let id = self.submit(priority).await?;
        let probe = self.claim(runner_id).await?.context("the probe is ready")?;
        ensure!(probe.task.job_id == id, "another task came first");
        self.complete(&probe, chunk_count).await?;
        Ok(id)
    }
}

fn upload(claimed: &ClaimedTask) -> Result<UploadRecord> {
    let (job_id, attempt_id) = (claimed.task.job_id.clone(), claimed.attempt.id.clone());
    let scratch = !matches!(claimed.task.kind, TaskKind::Assemble { .. });
    let object = match scratch {
        true => format!("s3://fleet/{job_id}/{attempt_id}/0"),
        false => format!("s3://media/{job_id}/720p.mp4"),
    };
    let upload_id = format!("upload-{attempt_id}");
    let object = object.parse()?;
    Ok(UploadRecord { job_id, attempt_id, output_index: 0, object, upload_id, scratch, accepted: false })
}

fn outcome(claimed: &ClaimedTask) -> Outcome {
    match claimed.task.kind {
        TaskKind::Probe => Outcome::Probe(Source {
            demuxer: "mov".into(),
            duration_us: 1,
            bitrate_bps: 1,
            video: vec![],
            audio: vec![],
            text: vec![],
            notes: vec![],
            inserts: vec![],
        }),
        TaskKind::EncodeChunk { .. } => {
            let track = Track { init_segment: vec![0; 700], sample_count: 240, fragments: vec![] };
            Outcome::EncodeChunk { renditions: vec![track], missing_frames: 0 }
        }
        _ => Outcome::Assemble { sample_count: 240 },
    }
}

/// So many chunks, and the assembly that waits for them all.
fn plan(job_id: &JobId, chunk_count: u32) -> Result<NewPlan> {
    let plan = Plan {
        profile: "web".into(),
        demuxer: "mov".into(),
        video: None,
        audio: vec![],
        text: vec![],
        package: Package { hls: true, progressive: false, muxed: false, segment_seconds: 4 },
        notes: vec![],
        storyboard: None,
        early: false,
    };
    let mut tasks = Vec::new();
    for chunk_index in 0..chunk_count {
        let kind = TaskKind::EncodeChunk { chunk_index };
        let work = Work { class: "chunk".into(), pixels: 240 * 2_000_000, cost_ms: 12_000 };
        let task =
            PlannedTask { kind, depends_on: vec![], encoders: vec!["libx264".into()], size: 240, work };
        tasks.push((format!("{job_id}-{chunk_index}").parse()?, task));
    }
    let kind = TaskKind::Assemble { rendition_index: 0 };
    let depends_on = (0..tasks.len()).collect();
    let work = Work { class: "assemble".into(), pixels: 0, cost_ms: 100 };
    let join = PlannedTask { kind, depends_on, encoders: vec![], size: 240, work };
    tasks.push((format!("{job_id}-join").parse()?, join));
    Ok(NewPlan { plan, tasks })
}
