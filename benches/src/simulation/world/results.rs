//! What comes of attempts: acceptance, seals, plans, publication, and the history at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;
use flotilla_coordinator::domain::outcome::{Outcome, Track};
use flotilla_coordinator::domain::runner::LIVE_MS;
use flotilla_coordinator::domain::source::Source;
use flotilla_coordinator::domain::{JobState, LeaseRef, TaskId, TaskKind};
use flotilla_coordinator::store::{Acceptance, AcceptedResult, NewPlan, Store, TaskRecord};

use super::super::bound::{self, Least};
use super::super::history::History;
use super::super::job::{self, PUBLISH_MS, Work};
use super::{Event, World, job_id};

impl World<'_> {
    pub(super) async fn finish(&mut self, runner: usize, serial: u64) -> Result<()> {
        let Some(running) = self.runners[runner].take(serial, self.now_ms) else { return Ok(()) };
        let result = AcceptedResult {
            outcome: outcome(running.task.kind),
            objects: Vec::new(),
            usage: running.usage(self.now_ms),
        };
        match self.store.accept(&running.lease, result, self.now()).await? {
            Acceptance::Accepted => self.seal(&running.lease, &running.task, running.work).await?,
            _ => self.wasted_ms += running.work.cpu_ms,
        }
        self.dispatch().await
    }

    pub(super) async fn seal(&mut self, lease: &LeaseRef, task: &TaskRecord, work: Work) -> Result<()> {
        let (job, _) = self.works[&task.id];
        let plan = match task.kind {
            TaskKind::Probe => Some(self.plan(job).await?),
            _ => None,
        };
        let now_ms = self.now_ms;
        match task.kind {
            TaskKind::EncodeChunk { .. } => self.jobs[job].encoded_ms = Some(now_ms),
            TaskKind::EncodeAudio { .. } => self.jobs[job].sound_ms = Some(now_ms),
            _ => {}
        }
        let state = self.store.seal(&lease.attempt_id, plan, self.now()).await?;
        self.seals += 1;
        self.done_ms += work.cpu_ms;
        if state == JobState::Publishing {
            self.at(now_ms + PUBLISH_MS, Event::Publish { job });
        }
        self.stop_others(&task.id).await?;
        self.join_ready().await
    }

    /// As the scheduler plans: for the slots of the runners that were heard of lately.
    async fn plan(&mut self, job: usize) -> Result<NewPlan> {
        let now = self.now();
        let runners = self.store.runners().await?;
        let live = runners.iter().filter(|runner| runner.is_live(now, LIVE_MS) && !runner.draining);
        let slots = live.map(|runner| runner.capabilities.slots).sum();
        let upload = &self.scenario.uploads[job];
        let serial = Arc::clone(&self.serial);
        let id = || {
            let number = serial.fetch_add(1, Ordering::Relaxed);
            format!("task-{number:012}").parse().expect("a legal id")
        };
        let model = (self.costs, self.scenario.link_mebibytes_per_second);
        let planned = job::plan(upload, &self.profile, slots, model, id)
            .map_err(|failure| anyhow::anyhow!("job {job} cannot be planned: {}", failure.message))?;
        for ((task_id, _), work) in planned.plan.tasks.iter().zip(&planned.works) {
            self.works.insert(task_id.clone(), (job, *work));
        }
        let history = &mut self.jobs[job];
        history.planned_ms = Some(self.now_ms);
        history.chunks = planned.plan.plan.video.as_ref().map_or(0, |video| video.chunks.len());
        history.least = Some(Least::of(&planned, upload.arrival_ms));
        Ok(planned.plan)
    }

    /// Attempts of a task that another has won are told to stop.
    async fn stop_others(&mut self, task_id: &TaskId) -> Result<()> {
        for index in 0..self.runners.len() {
            for lease in self.runners[index].leases_of(task_id) {
                if self.store.leased(&lease).await?.is_none() {
                    self.wasted_ms += self.runners[index].drop_attempt(&lease.attempt_id, self.now_ms);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn publish(&mut self, job: usize) -> Result<()> {
        self.store.finish_job(&job_id(job)?, self.now()).await?;
        self.jobs[job].published_ms = Some(self.now_ms);
        self.over += 1;
        Ok(())
    }

    pub(super) fn history(mut self) -> History {
        let from_ms = self.scenario.from_ms;
        let makespan_ms =
            self.jobs.iter().filter_map(|job| job.published_ms).max().unwrap_or(self.now_ms) - from_ms;
        let least: Vec<Least> = self.jobs.iter().filter_map(|job| job.least).collect();
        let now_ms = self.now_ms;
        let busy_ms: f64 = self.runners.iter_mut().map(|runner| runner.busy_ms(now_ms)).sum();
        let slots: f64 = self.scenario.fleet.iter().map(|machine| f64::from(machine.slots)).sum();
        History {
            makespan_ms,
            bound_ms: bound::lower_ms(&least, &self.scenario.fleet) - from_ms as f64,
            busy_share: (busy_ms - self.busy_before_ms) / (slots * makespan_ms as f64),
            wasted_share: self.wasted_ms / (self.wasted_ms + self.done_ms),
            attempts: self.attempts,
            tasks: self.works.len() as u64,
            seals: self.seals,
            jobs: self.jobs,
        }
    }
}

/// The least that the store takes for a result: nobody reads it here.
pub(super) fn outcome(kind: TaskKind) -> Outcome {
    match kind {
        TaskKind::Probe => Outcome::Probe(Source {
            demuxer: String::new(),
            duration_us: 0,
            bitrate_bps: 0,
            video: Vec::new(),
            audio: Vec::new(),
            text: Vec::new(),
            notes: Vec::new(),
            inserts: Vec::new(),
        }),
        TaskKind::EncodeChunk { .. } => Outcome::EncodeChunk { renditions: Vec::new(), missing_frames: 0 },
        TaskKind::EncodeAudioHead { .. } | TaskKind::EncodeAudio { .. } => {
            Outcome::EncodeAudio(Track { init_segment: Vec::new(), sample_count: 0, fragments: Vec::new() })
        }
        TaskKind::Storyboard => Outcome::Storyboard { sprite_count: 0 },
        TaskKind::ExtractText => Outcome::ExtractText { cue_counts: Vec::new() },
        TaskKind::Assemble { .. } | TaskKind::AssembleAudio { .. } => Outcome::Assemble { sample_count: 0 },
    }
}
