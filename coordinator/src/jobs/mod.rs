//! The verbs that every edge calls: submit, look, cancel, retry; runners; tokens. REST, command line and embedding
//! programs all come through here, so that they cannot differ.

mod bench;
mod error;
mod eta;
mod ingest;
mod submission;
mod tokens;
mod view;
mod why;

use std::sync::Arc;

pub use bench::{BenchBoard, BenchOrderView, BenchWish, BenchmarkView};
pub use error::JobsError;
pub use submission::{ORDINARY_PRIORITY, ProfileChoice, SourceRef, Submission};
pub use tokens::NewToken;
pub use view::{JobView, Progress, RunnerView, TaskView};
pub use why::{WhyTasks, WhyView};

use crate::clock::new_id;
use crate::domain::outcome::Outcome;
use crate::domain::source::Source;
use crate::domain::{JobId, JobState, Plan, TaskId};
use crate::objects::{Destination, Location, StorageClass};
use crate::parts::Parts;
use crate::store::{ExtraObject, Extras, JobRecord, NewJob, RunnerRecord, Submitted, TokenRecord};

/// A handle on the coordinator's jobs; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    parts: Arc<Parts>,
}

impl Jobs {
    pub(crate) fn new(parts: Arc<Parts>) -> Self {
        Self { parts }
    }

    /// Takes a job. When this returns, source and job are durable: nothing that was taken is lost.
    pub async fn submit(&self, submission: Submission) -> Result<JobId, JobsError> {
        let parts = &self.parts;
        submission.check()?;
        let profile = match &submission.profile {
            ProfileChoice::Named(name) => parts.profiles.get(name).map_err(JobsError::profile)?.clone(),
            ProfileChoice::Given(profile) => profile.as_ref().clone(),
        };
        if let Some(key) = &submission.idempotency_key
            && let Some(earlier) = parts.store.job_of_key(key).await?
        {
            return Ok(earlier);
        }
        // The store refuses whatever another job does to the destination from here on.
        let now = parts.clock.now();
        self.check_destination(&submission.destination).await?;
        let job_id: JobId = new_id();
        let source = ingest::take(parts, parts.bucket.source(&job_id), &submission.source).await?;
        let mut ours: Vec<_> = source.is_ours.then(|| source.at.clone()).into_iter().collect();
        let extras = match self.take_extras(&job_id, &submission, &mut ours).await {
            Ok(extras) => extras,
            Err(error) => {
                let _ = parts.storage.delete(&ours).await;
                return Err(error);
            }
        };
        let job = NewJob {
            id: job_id.clone(),
            source: submission.source.to_string(),
            source_object: source.at.clone(),
            source_bytes: source.size_bytes,
            source_is_ours: source.is_ours,
            profile_json: serde_json::to_string(&profile).expect("profiles have a JSON form"),
            profile: profile.name,
            destination: submission.destination,
            chunk_seconds: submission.chunk_seconds,
            priority: submission.priority,
            progressive_publish: submission.progressive_publish,
            tenant: submission.tenant,
            idempotency_key: submission.idempotency_key,
            extras,
        };
        let (probe, destination): (TaskId, _) = (new_id(), job.destination.clone());
        let refused = match parts.store.submit(job, probe, now).await? {
            Submitted::Created => {
                tracing::info!(job.id = %job_id, "job submitted");
                parts.wake.all();
                return Ok(job_id);
            }
            Submitted::Existing(earlier) => Ok(earlier),
            Submitted::Taken(holder) => Err(JobsError::DestinationHeld(destination.to_string(), holder)),
        };
        if !ours.is_empty() {
            // What a store that is away keeps is swept up with the orphans.
            let _ = parts.storage.delete(&ours).await;
        }
        refused
    }

    /// Makes readable what is submitted beside the source; what is copied for that is added to `ours`.
    async fn take_extras(
        &self,
        job_id: &JobId,
        submission: &Submission,
        ours: &mut Vec<Location>,
    ) -> Result<Extras, JobsError> {
        let (has_picture, edits) = (submission.picture.is_some(), submission.edits.clone());
        let has_sound = submission.sound.is_some();
        let mut extras = Extras { has_picture, has_sound, edits, ..Extras::default() };
        let beside = submission.picture.iter().chain(&submission.sound).chain(&submission.inserts);
        for (number, wanted) in (0..).zip(beside) {
            let taken = ingest::take(&self.parts, self.parts.bucket.extra(job_id, number), wanted).await?;
            ours.extend(taken.is_ours.then(|| taken.at.clone()));
            extras.objects.push(ExtraObject { at: taken.at, size_bytes: taken.size_bytes });
        }
        Ok(extras)
    }

    /// Published keys are never written twice, so a destination that holds a manifest or a report is taken.
    async fn check_destination(&self, destination: &Destination) -> Result<(), JobsError> {
        self.parts.storage.ensure_bucket(destination.bucket()).await?;
        for commit in [destination.master(), destination.report()] {
            match self.parts.storage.head(&commit).await {
                Ok(_) => return Err(JobsError::DestinationTaken(destination.to_string())),
                Err(error) if error.class() == StorageClass::Missing => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A job as people see it.
    pub async fn view(&self, job_id: &JobId) -> Result<JobView, JobsError> {
        view::job(&self.parts, job_id).await?.ok_or_else(|| JobsError::Unknown(format!("job {job_id}")))
    }

    /// A job as it is stored, for reading what it published.
    pub async fn record(&self, job_id: &JobId) -> Result<JobRecord, JobsError> {
        let job = self.parts.store.job(job_id).await?;
        job.ok_or_else(|| JobsError::Unknown(format!("job {job_id}")))
    }

    /// What the probe of a job has found, once it has, and what was planned from it.
    pub async fn probed(&self, job_id: &JobId) -> Result<(Option<Source>, Option<Plan>), JobsError> {
        let tasks = self.parts.store.tasks(job_id).await?;
        let source = tasks.into_iter().find_map(|task| match task.outcome {
            Some(Outcome::Probe(source)) => Some(source),
            _ => None,
        });
        Ok((source, self.parts.store.plan(job_id).await?))
    }

    /// The tasks of a job with their attempts.
    pub async fn tasks(&self, job_id: &JobId) -> Result<Vec<TaskView>, JobsError> {
        view::tasks(&self.parts, job_id).await
    }

    /// Why a job is where it is: one sentence for each kind of its open tasks.
    pub async fn why(&self, job_id: &JobId) -> Result<WhyView, JobsError> {
        why::why(&self.parts, &self.record(job_id).await?).await
    }

    /// Jobs in a state (none: in any), newest first.
    pub async fn list(&self, state: Option<JobState>, limit: u32) -> Result<Vec<JobView>, JobsError> {
        let mut views = Vec::new();
        for record in self.parts.store.jobs(state, limit).await? {
            views.push(view::of(&self.parts, record).await?);
        }
        Ok(views)
    }

    /// Calls a job off. Runners are told at once.
    pub async fn cancel(&self, job_id: &JobId) -> Result<(), JobsError> {
        self.known(job_id).await?;
        self.parts.store.cancel(job_id, self.parts.clock.now()).await?;
        tracing::info!(job.id = %job_id, "job cancelled");
        self.parts.sweep_wanted.notify_one();
        self.parts.wake.all();
        Ok(())
    }

    /// Gives a failed job another try; what is done stays done.
    pub async fn retry(&self, job_id: &JobId) -> Result<(), JobsError> {
        self.known(job_id).await?;
        self.parts.store.retry(job_id, self.parts.clock.now()).await?;
        tracing::info!(job.id = %job_id, "job retried");
        self.parts.wake.all();
        self.parts.publish_wanted.notify_one();
        Ok(())
    }

    /// All runners that have joined.
    pub async fn runners(&self) -> Result<Vec<RunnerView>, JobsError> {
        let now = self.parts.clock.now();
        let mut runners = self.parts.store.runners().await?;
        for runner in &mut runners {
            // The store does not hear every beat.
            runner.last_seen_at = runner.last_seen_at.max(self.parts.roster.seen_at(&runner.id));
        }
        let mut resting = self.parts.roster.resting();
        let view = |runner: RunnerRecord| {
            let reason = resting.remove(&runner.id);
            RunnerView::new(runner, reason, now)
        };
        Ok(runners.into_iter().map(view).collect())
    }

    /// Makes a join token; answers its record and, for the only time, the token itself.
    pub async fn create_token(&self, wanted: NewToken) -> Result<(TokenRecord, String), JobsError> {
        tokens::create(&self.parts, wanted).await
    }

    /// All join tokens.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, JobsError> {
        Ok(self.parts.store.tokens().await?)
    }

    /// Makes a join token worthless.
    pub async fn revoke_token(&self, token_id: &str) -> Result<(), JobsError> {
        match self.parts.store.revoke_token(token_id).await? {
            true => Ok(()),
            false => Err(JobsError::Unknown(format!("token {token_id}"))),
        }
    }

    /// The profiles that jobs may name.
    pub fn profiles(&self) -> &flotilla_profiles::Library {
        &self.parts.profiles
    }

    /// A handle for listeners: resolves on every change of any job.
    pub fn changes(&self) -> crate::wake::Changes {
        self.parts.wake.subscribe()
    }

    /// Whether jobs that say nothing of it are shown while they are being encoded.
    pub fn publishes_progressively(&self) -> bool {
        self.parts.config.publishing.progressive
    }

    /// The object store, for reading what was published.
    pub fn storage(&self) -> &crate::objects::Storage {
        &self.parts.storage
    }

    async fn known(&self, job_id: &JobId) -> Result<(), JobsError> {
        self.record(job_id).await.map(drop)
    }
}
