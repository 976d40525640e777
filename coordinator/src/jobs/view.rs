//! Jobs, tasks and runners as people and scripts see them: the JSON of the REST interface and of `--json`.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{JobsError, eta};
use crate::domain::choice;
use crate::domain::runner::LIVE_MS;
use crate::domain::task::OBJECT_COPY;
use crate::domain::{Failure, JobId, JobState, RunnerId, TaskKind, TaskState, Timestamp};
use crate::parts::Parts;
use crate::store::{AttemptRecord, AttemptState, JobRecord, RunnerRecord, TaskRecord};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// As the submitter named it, secrets left out.
    pub source: String,
    /// Name of its profile.
    pub profile: String,
    /// Where the result goes.
    pub destination: String,
    /// Lower runs first.
    pub priority: i32,
    /// Whose it is.
    pub tenant: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was submitted, milliseconds since the Unix epoch.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
    /// Why nothing happens, when nothing does.
    pub waiting: Option<String>,
    /// Largest memory that an engine took for it, successful or not; none before one has ended.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Tasks that are done.
    pub tasks_done: u32,
    /// All tasks known so far.
    pub tasks_total: u32,
    /// Frames of the source that are encoded in every rendition.
    pub frames_done: u64,
    /// Frames of the source.
    pub frames_total: u64,
    /// Seconds of video encoded in a second; none before there is a figure.
    pub speed: Option<f64>,
    /// Milliseconds until the last frame is encoded, at the speed of the last moments.
    pub eta_ms: Option<u64>,
}

/// A task and how its attempts went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Its id.
    pub id: String,
    /// What it does; indexes point into the plan.
    pub task: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Attempts made.
    pub attempts: u32,
    /// Names of the runners that made them, in order.
    pub runners: Vec<String>,
    /// Why the last failed attempt failed.
    pub last_failure: Option<Failure>,
}

/// A runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunnerView {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Seen within the last minute.
    pub live: bool,
    /// When it was last heard of.
    pub last_seen_at: Option<Timestamp>,
    /// Tasks at a time.
    pub slots: u32,
    /// Tasks now.
    pub busy: u32,
    /// It takes no more work, because it is about to stop.
    pub draining: bool,
    /// Why it takes no work for now; none: it does not rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_reason: Option<String>,
    /// Failures that were its fault.
    pub strikes: u32,
    /// Encoders that passed their trial there.
    pub encoders: Vec<String>,
    /// Its software's version.
    pub version: String,
    /// System and processor.
    pub machine: String,
}

impl RunnerView {
    pub(super) fn new(runner: RunnerRecord, resting_reason: Option<String>, now: Timestamp) -> Self {
        let live = runner.is_live(now, LIVE_MS);
        let resting_reason = resting_reason.filter(|_| live);
        Self {
            id: runner.id.to_string(),
            name: runner.name,
            live,
            last_seen_at: runner.last_seen_at,
            slots: runner.capabilities.slots,
            busy: runner.live_attempts,
            draining: runner.draining && resting_reason.is_none(),
            resting_reason,
            strikes: runner.strikes,
            encoders: runner.capabilities.encoders.into_iter().map(|encoder| encoder.name).collect(),
            version: runner.capabilities.version,
            machine: runner.capabilities.machine,
        }
    }
}

pub(super) async fn job(parts: &Parts, job_id: &JobId) -> Result<Option<JobView>, JobsError> {
    match parts.store.job(job_id).await? {
        Some(record) => of(parts, record).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn of(parts: &Parts, record: JobRecord) -> Result<JobView, JobsError> {
    let tasks = parts.store.tasks(&record.id).await?;
    let attempts = parts.store.attempts(&record.id).await?;
    let now = parts.clock.now();
    let waiting = match record.state.is_over() {
        true => None,
        false => {
            let pins = parts.store.pins(&record.id).await?;
            match is_waited_for(parts, &tasks, &pins, now).await? {
                true => waiting(&tasks, &parts.store.runners().await?, &parts.roster.resting(), &pins, now),
                false => None,
            }
        }
    };
    let until = record.ended_at.unwrap_or(now);
    Ok(JobView {
        progress: progress(&tasks, &attempts, &known(parts, &record).await, until),
        waiting,
        peak_memory_bytes: peak_memory_bytes(&attempts),
        id: record.id,
        source: record.source,
        profile: record.profile,
        destination: record.destination.to_string(),
        priority: record.priority,
        tenant: record.tenant,
        state: record.state,
        failure: record.failure,
        created_at: record.created_at,
        ended_at: record.ended_at,
    })
}

fn peak_memory_bytes(attempts: &[AttemptRecord]) -> Option<u64> {
    let usages = attempts.iter().filter_map(|attempt| attempt.usage.as_ref());
    usages.map(|usage| usage.peak_memory_bytes).filter(|&bytes| bytes > 0).max()
}

/// What a plan tells about the progress of its job; nothing before there is one.
#[derive(Default)]
struct Known {
    /// Length of the video, milliseconds.
    media_ms: u64,
    /// Per chunk, as in the plan.
    efforts: Vec<u32>,
}

async fn known(parts: &Parts, record: &JobRecord) -> Known {
    let Ok(plan) = parts.plan(&record.id).await else { return Known::default() };
    let Some(video) = &plan.video else { return Known::default() };
    let end = video.grids.first().and_then(|grid| Some((grid.times.last()?, i64::from(grid.timescale))));
    let media_ms =
        end.and_then(|(ticks, timescale)| u64::try_from(ticks.saturating_mul(1000) / timescale.max(1)).ok());
    Known {
        media_ms: media_ms.unwrap_or(0),
        efforts: video.chunks.iter().map(|chunk| chunk.effort_permille).collect(),
    }
}

/// Frames count once: a chunk's task encodes all renditions of a frame.
fn progress(tasks: &[TaskRecord], attempts: &[AttemptRecord], known: &Known, now: Timestamp) -> Progress {
    let chunks = || tasks.iter().filter(|task| matches!(task.kind, TaskKind::EncodeChunk { .. }));
    let done = |task: &TaskRecord| matches!(task.state, TaskState::Done | TaskState::Sealing);
    let live = |task: &TaskRecord| {
        let attempts = attempts.iter().filter(|attempt| attempt.task_id == task.id);
        attempts.filter(|attempt| attempt.state == AttemptState::Leased).map(|attempt| attempt.progress).max()
    };
    let frames =
        |task: &TaskRecord| if done(task) { task.size } else { live(task).unwrap_or(0).min(task.size) };
    let frames_total: u64 = chunks().map(|task| task.size).sum();
    let frames_done: u64 = chunks().map(frames).sum();
    let of_chunks = |attempt: &&AttemptRecord| chunks().any(|task| task.id == attempt.task_id);
    let started = attempts.iter().filter(of_chunks).map(|attempt| attempt.leased_at).min();
    let ended =
        chunks().map(|task| task.done_at).collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
    let elapsed_ms = started.map_or(0, |started| ended.unwrap_or(now).since_ms(started));
    let share = frames_done as f64 / frames_total.max(1) as f64;
    Progress {
        tasks_done: count(tasks.iter().filter(|task| task.state == TaskState::Done).count()),
        tasks_total: count(tasks.len()),
        frames_done,
        frames_total,
        speed: (frames_done > 0 && elapsed_ms > 0).then(|| known.media_ms as f64 * share / elapsed_ms as f64),
        eta_ms: if ended.is_some() { Some(0) } else { eta::left_ms(tasks, attempts, &known.efforts, now) },
    }
}

/// The ready tasks, but for those that the coordinator itself looks at first: they wait for nobody.
fn ready(tasks: &[TaskRecord]) -> impl Iterator<Item = &TaskRecord> {
    let ours = |task: &&TaskRecord| task.encoders.iter().any(|name| name == OBJECT_COPY);
    tasks.iter().filter(move |task| task.state == TaskState::Ready && !ours(task))
}

/// Whether a ready task needs what nobody offers. The answer is mostly no, and then it takes no look at all runners.
async fn is_waited_for(
    parts: &Parts,
    tasks: &[TaskRecord],
    pins: &HashMap<String, String>,
    now: Timestamp,
) -> Result<bool, JobsError> {
    let needs: BTreeSet<&[String]> = ready(tasks).map(|task| task.encoders.as_slice()).collect();
    for encoders in needs {
        let bound = |name: &String| pins.get(name).map(String::as_str);
        let encoders: Vec<_> = encoders.iter().map(|name| (name.as_str(), bound(name))).collect();
        if !parts.store.are_offered(&encoders, now.plus_ms(-LIVE_MS)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// "Why is this waiting" in one sentence, when a ready task finds no runner.
fn waiting(
    tasks: &[TaskRecord],
    runners: &[RunnerRecord],
    resting: &HashMap<RunnerId, String>,
    pins: &HashMap<String, String>,
    now: Timestamp,
) -> Option<String> {
    ready(tasks).next()?;
    let live = || runners.iter().filter(|runner| runner.is_live(now, LIVE_MS));
    let usable = || live().filter(|runner| !runner.draining);
    if usable().next().is_none() {
        let rest = |runner: &RunnerRecord| Some(format!("{} ({})", runner.name, resting.get(&runner.id)?));
        return Some(match live().filter_map(rest).collect::<Vec<_>>() {
            none if none.is_empty() => "no runner is connected".into(),
            resting => format!("every runner that is connected rests: {}", resting.join(", ")),
        });
    }
    let offers = |name: &str, pin: Option<&str>| usable().any(|runner| runner.capabilities.offers(name, pin));
    let wanted = || ready(tasks).flat_map(|task| &task.encoders);
    if let Some(missing) = wanted().find(|name| !offers(name, None)) {
        return Some(format!("no connected runner offers the encoder {}", choice::words(missing)));
    }
    let unlike = wanted().find(|name| !offers(name, pins.get(*name).map(String::as_str)))?;
    let unlike = choice::words(unlike);
    Some(format!(
        "no connected runner's {unlike} makes the same bytes as the chunks that are encoded already"
    ))
}

pub(super) async fn tasks(parts: &Parts, job_id: &JobId) -> Result<Vec<TaskView>, JobsError> {
    let attempts = parts.store.attempts(job_id).await?;
    let names: HashMap<_, _> =
        parts.store.runners().await?.into_iter().map(|runner| (runner.id, runner.name)).collect();
    let view = |task: TaskRecord| {
        let mine: Vec<_> = attempts.iter().filter(|attempt| attempt.task_id == task.id).collect();
        let name = |attempt: &&AttemptRecord| {
            names.get(&attempt.runner_id).cloned().unwrap_or_else(|| attempt.runner_id.to_string())
        };
        TaskView {
            id: task.id.to_string(),
            task: task.kind,
            state: task.state,
            attempts: count(mine.len()),
            runners: mine.iter().map(name).collect(),
            last_failure: mine.iter().rev().find_map(|attempt| attempt.failure.clone()),
        }
    };
    Ok(parts.store.tasks(job_id).await?.into_iter().map(view).collect())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
