//! The store: every state that must survive kill -9, behind one trait. All rules of who may change what are
//! enforced in its transactions; the code above it may crash between any two calls and nothing is lost or
//! done twice.
//!
//! Backends pass the same contract (`contract/`): SQLite today.

#[cfg(test)]
mod contract;
pub mod records;
pub mod sqlite;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use crate::domain::failure::Verdict;
use crate::domain::job::IllegalJobEvent;
use crate::domain::outcome::Usage;
use crate::domain::runner::Capabilities;
use crate::domain::task::IllegalTaskEvent;
use crate::domain::{
    AttemptId, Failure, JobId, JobState, LeaseRef, Plan, RunnerId, TaskId, Timestamp, Token,
};
pub use records::*;

/// Why the store could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable or broken.
    #[error("the database failed: {0}")]
    Database(String),
    /// The database finds no room to write.
    #[error("the database failed: {0}")]
    Full(String),
    /// A record does not read back as it was written.
    #[error("the database holds a record that cannot be read: {0}")]
    Corrupt(String),
    /// What was asked for is against the rules of job or task states.
    #[error("{0}")]
    Illegal(String),
}

impl From<IllegalJobEvent> for StoreError {
    fn from(event: IllegalJobEvent) -> Self {
        Self::Illegal(event.to_string())
    }
}

impl From<IllegalTaskEvent> for StoreError {
    fn from(event: IllegalTaskEvent) -> Self {
        Self::Illegal(event.to_string())
    }
}

/// An answer of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Durable state of one coordinator.
#[async_trait]
pub trait Store: Send + Sync {
    // ------------------------------------------------------------------------------------------- tokens and runners

    /// Adds a join token; only its digest is kept.
    async fn create_token(&self, token: TokenRecord) -> Result<()>;
    /// All tokens, newest first.
    async fn tokens(&self) -> Result<Vec<TokenRecord>>;
    /// Makes a token worthless. False: there is none of that id.
    async fn revoke_token(&self, token_id: &str) -> Result<bool>;
    /// Uses a token up by one and adds the runner, in one step.
    async fn join(&self, token_digest: &str, runner: NewRunner, now: Timestamp) -> Result<JoinOutcome>;
    /// The runner whose secret has that digest.
    async fn authenticate(&self, runner_id: &RunnerId, secret_digest: &str) -> Result<Option<RunnerRecord>>;
    /// All runners, oldest first.
    async fn runners(&self) -> Result<Vec<RunnerRecord>>;
    /// Forgets a runner and expires its attempts. False: there is none of that id.
    async fn forget_runner(&self, runner_id: &RunnerId, now: Timestamp) -> Result<bool>;
    /// Stores what a runner offers; what its benchmark told counts as a measurement of its speed.
    async fn set_capabilities(
        &self,
        runner_id: &RunnerId,
        capabilities: Capabilities,
        now: Timestamp,
    ) -> Result<()>;

    // --------------------------------------------------------------------------------------------------------- jobs

    /// Adds a job with its probe task, or finds the job that was submitted under the same idempotency key, or
    /// the one that holds the destination: two jobs must never write the same keys. `now` is when the caller
    /// looked whether something is published there.
    async fn submit(&self, job: NewJob, probe_task: TaskId, now: Timestamp) -> Result<Submitted>;
    /// The job that was submitted under a key, so that a repeated submission costs nothing.
    async fn job_of_key(&self, idempotency_key: &str) -> Result<Option<JobId>>;
    /// One job.
    async fn job(&self, job_id: &JobId) -> Result<Option<JobRecord>>;
    /// Jobs in a state (none: in any), newest first.
    async fn jobs(&self, state: Option<JobState>, limit: u32) -> Result<Vec<JobRecord>>;
    /// The plan of a job, once there is one.
    async fn plan(&self, job_id: &JobId) -> Result<Option<Plan>>;
    /// The tasks of a job in the plan's order, the probe first.
    async fn tasks(&self, job_id: &JobId) -> Result<Vec<TaskRecord>>;
    /// All attempts at the tasks of a job, oldest first.
    async fn attempts(&self, job_id: &JobId) -> Result<Vec<AttemptRecord>>;
    /// Calls a job off: its tasks are cancelled, its attempts are over, done tasks are withdrawn where their
    /// objects lie at the destination. Illegal when it is published; no effect when it is cancelled already.
    async fn cancel(&self, job_id: &JobId, now: Timestamp) -> Result<()>;
    /// Revives a failed job: done tasks stay done, the others start over with a clean history. Illegal
    /// otherwise. Encoders of which no done task is left are free to be pinned anew. What was withdrawn is
    /// made again, but not leased before its old object is removed and forgotten: its key is the same. Illegal
    /// too when another job holds the destination by now.
    async fn retry(&self, job_id: &JobId, now: Timestamp) -> Result<()>;
    /// Ends a job with a failure; its open tasks are cancelled, its attempts are over, done tasks are
    /// withdrawn where their objects lie at the destination. No effect when it is over.
    async fn fail_job(&self, job_id: &JobId, failure: Failure, now: Timestamp) -> Result<()>;
    /// Notes that the manifest is written: publishing → published. No effect when it is published already.
    async fn finish_job(&self, job_id: &JobId, now: Timestamp) -> Result<()>;

    // ------------------------------------------------------------------------------------------------------- leases

    /// A runner's beat: notes that it lives, renews the attempts that it names, and expires those of its
    /// attempts that it does not name although they were leased by another session or longer than `grace_ms`
    /// ago (it restarted or lost them). Attempts that were accepted need no renewal and are never to be
    /// stopped.
    async fn beat(&self, beat: Beat, now: Timestamp) -> Result<BeatOutcome>;
    /// Leases up to `limit` tasks to a runner, by the rules of `domain/dispatch`: by priority, tenants' shares, due
    /// date of the job and rank in it; when nothing is ready, second attempts of tasks that take too long. Only tasks whose encoders it offers with the fingerprint that the job has pinned (a first lease pins
    /// it), and no task that failed on it while another live runner could do it. `ids` makes attempt ids and
    /// tokens.
    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Vec<ClaimedTask>>;
    /// What a claim would find, read without the write lock: a fleet that is woken asks this first.
    async fn outlook(&self, ask: Ask, now: Timestamp) -> Result<Outlook>;
    /// What the first `limit` ready tasks of the queue want of a machine: whom to wake.
    async fn ready_work(&self, limit: u32) -> Result<Vec<ReadyWork>>;
    /// All attempts that are leased and have brought no result yet.
    async fn running(&self) -> Result<HashSet<AttemptId>>;
    /// What was measured of a runner; nothing of one that is not known.
    async fn speeds(&self, runner_id: &RunnerId) -> Result<Vec<SpeedRecord>>;
    /// What stands between the ready tasks of a job and their runners, for people.
    async fn waits(&self, job_id: &JobId, now: Timestamp) -> Result<Waits>;
    /// Whether a runner that takes work and was seen since then offers all these encoders, bound like that.
    async fn are_offered(&self, encoders: &[(&str, Option<&str>)], seen_since: Timestamp) -> Result<bool>;
    /// Jobs bound to an encoder that no live runner offers, while one could do their chunks another way. Not jobs whose
    /// chunks are shown already.
    async fn lost_bonds(&self, live_ms: i64, now: Timestamp) -> Result<Vec<LostBond>>;
    /// Drops all chunks that a job has made with the encoder that it is bound to, ends their attempts, and frees the job of
    /// it; of several ways only the last, software, is left. False: it is bound to something else by now, or over.
    async fn rebind(&self, lost: &LostBond, now: Timestamp) -> Result<bool>;
    /// Fingerprints that a job is bound to, by encoder.
    async fn pins(&self, job_id: &JobId) -> Result<HashMap<String, String>>;
    /// The attempt that a lease names, with its task; none when the lease is not (or no longer) the task's.
    /// An accepted or sealed attempt still is the task's, for a repeated completion: look at its state before
    /// granting anything.
    async fn leased(&self, lease: &LeaseRef) -> Result<Option<ClaimedTask>>;
    /// Notes the multipart uploads made for an attempt, before anything is granted. Also for an attempt that
    /// ended meanwhile: they are garbage at once. Illegal when the attempt is unknown or the output has an
    /// upload already.
    async fn add_uploads(&self, attempt_id: &AttemptId, uploads: Vec<UploadRecord>) -> Result<()>;
    /// The uploads of an attempt, by output index.
    async fn uploads(&self, attempt_id: &AttemptId) -> Result<Vec<UploadRecord>>;
    /// Accepts an attempt's result by compare-and-set on token and epoch: exactly one attempt of a task ever
    /// wins; another one that still runs is ended, its uploads are garbage.
    async fn accept(&self, lease: &LeaseRef, result: AcceptedResult, now: Timestamp) -> Result<Acceptance>;
    /// Attempts that were accepted and are not sealed yet: what a restarted coordinator must finish.
    async fn sealing(&self) -> Result<Vec<SealingAttempt>>;
    /// Notes that an accepted attempt's objects are sealed: its task is done, dependents become ready, and
    /// the job goes on to publishing when it was the last. For a probe, `plan` adds plan and tasks in the
    /// same step. Repeated, or when the job ended meanwhile: no effect. Answers the job's state.
    async fn seal(&self, attempt_id: &AttemptId, plan: Option<NewPlan>, now: Timestamp) -> Result<JobState>;
    /// Ends an attempt with a failure and decides what becomes of its task. Also for accepted attempts whose
    /// upload the store lost. Answers what was decided; none when the lease is no longer the task's.
    async fn fail_attempt(
        &self,
        lease: &LeaseRef,
        failure: Failure,
        usage: Option<Usage>,
        now: Timestamp,
    ) -> Result<Option<Verdict>>;
    /// Ends the attempts whose lease has run out. Answers their ids.
    async fn expire(&self, now: Timestamp) -> Result<Vec<AttemptId>>;
    /// Gives every live lease a full life again: called once at start, since runners could not renew while we
    /// were down.
    async fn extend_leases(&self, now: Timestamp, lease_ms: i64) -> Result<()>;

    // ------------------------------------------------------------------- what the coordinator joins and shows itself

    /// Ready tasks that the coordinator has not yet taken or left to runners.
    async fn joinable(&self, limit: u32) -> Result<Vec<TaskRecord>>;
    /// Leases a ready task to the coordinator itself; none when it is not ready any more.
    async fn lease_to_self(
        &self,
        task_id: &TaskId,
        attempt: (AttemptId, Token),
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Option<ClaimedTask>>;
    /// Gives a task of [`Store::joinable`] to any runner.
    async fn leave_to_runners(&self, task_id: &TaskId) -> Result<()>;
    /// Ends the coordinator's own attempts: called once at start. Their tasks are ready again.
    async fn end_own_attempts(&self, now: Timestamp) -> Result<()>;
    /// Running jobs that are to be shown, oldest first; not those of which an earlier round is still being removed.
    async fn shown_early(&self) -> Result<Vec<JobRecord>>;
    /// Notes until when players may need what was shown early of a job. The first word stands.
    async fn keep_early_until(&self, job_id: &JobId, until: Timestamp) -> Result<()>;
    /// Declares garbage what was shown early of published jobs whose time is over. Answers how many objects.
    async fn drop_early(&self, now: Timestamp) -> Result<u64>;

    // -------------------------------------------------------------------------------------------------------- notes

    /// Writes a note, over the one of that kind and key if there is one.
    async fn keep_note(&self, note: Note) -> Result<()>;
    /// Removes a note; one that is not there is no failure.
    async fn drop_note(&self, kind: &str, key: &str) -> Result<()>;
    /// The notes of a kind, by key.
    async fn notes(&self, kind: &str) -> Result<Vec<Note>>;

    // --------------------------------------------------------------------------------------------------- benchmarks

    /// Keeps a runner's result, and takes it for a measurement of its speed; of its older ones only the last stay. One of a
    /// runner that is not known any more, or that is kept already, is dropped.
    async fn add_benchmark(&self, benchmark: NewBenchmark, now: Timestamp) -> Result<()>;
    /// All results that are kept, the newest first.
    async fn benchmarks(&self) -> Result<Vec<BenchmarkRecord>>;

    // ------------------------------------------------------------------------------------------------------ garbage

    /// Uploads and objects that nobody needs any more: all those of attempts that failed or were cancelled or
    /// withdrawn, and scratch objects of jobs that are published or cancelled. A failed job keeps the scratch
    /// objects of its done tasks: a retry goes on from them, a cancel frees them. For `accepted` ones abort
    /// the upload, then remove the object; for the others only the upload is ours, whatever lies under the
    /// key.
    async fn garbage(&self, limit: u32) -> Result<Vec<UploadRecord>>;
    /// Forgets garbage that has been removed; what is not garbage stays.
    async fn forget_uploads(&self, uploads: Vec<(AttemptId, u32)>) -> Result<()>;
}
