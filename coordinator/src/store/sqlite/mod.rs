//! The store on SQLite: one file in write-ahead mode, one thread that writes, two that read. Each method is
//! done as a whole or not at all, and on disk before it is answered; what many ask for at once goes there together.

mod ballast;
mod benchmarks;
mod choice;
mod claim;
mod columns;
mod commit;
mod copies;
mod early;
mod error;
mod failing;
mod faster;
mod fitness;
mod garbage;
mod jobs;
mod joins;
mod leases;
mod line;
mod notes;
mod open;
mod rebind;
mod results;
mod rows;
mod runners;
mod shares;
mod speeds;
mod standing;
mod threads;
mod transitions;
mod waits;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;

use async_trait::async_trait;

use self::ballast::Ballast;
use self::threads::Threads;
use super::*;

/// Reads that run side by side.
const READER_COUNT: usize = 2;

/// Durable state in one file.
pub struct SqliteStore {
    writer: Threads,
    readers: Threads,
    // After the threads: the file is closed before another process may open it.
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. Blocks for a moment. Fails when another
    /// process has it open, when it is not ours, or when its schema is newer than this program.
    pub fn open(path: &Path) -> Result<Self> {
        let lock = open::lock(path)?;
        let writer = open::writer(path)?;
        let readers = (0..READER_COUNT).map(|_| open::reader(path)).collect::<Result<_>>()?;
        Ok(Self {
            writer: Threads::writer(writer, Some(Ballast::beside(path)))?,
            readers: Threads::readers(readers)?,
            _lock: lock,
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_token(&self, token: TokenRecord) -> Result<()> {
        self.writer.run(move |db| runners::create_token(db, &token)).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>> {
        self.readers.run(runners::tokens).await
    }

    async fn revoke_token(&self, token_id: &str) -> Result<bool> {
        let token_id = token_id.to_owned();
        self.writer.run(move |db| runners::revoke_token(db, &token_id)).await
    }

    async fn join(&self, token_digest: &str, runner: NewRunner, now: Timestamp) -> Result<JoinOutcome> {
        let token_digest = token_digest.to_owned();
        self.writer.run(move |db| runners::join(db, &token_digest, &runner, now)).await
    }

    async fn authenticate(&self, runner_id: &RunnerId, secret_digest: &str) -> Result<Option<RunnerRecord>> {
        let (runner_id, secret_digest) = (runner_id.clone(), secret_digest.to_owned());
        self.readers.run(move |db| runners::authenticate(db, &runner_id, &secret_digest)).await
    }

    async fn runners(&self) -> Result<Vec<RunnerRecord>> {
        self.readers.run(runners::runners).await
    }

    async fn forget_runner(&self, runner_id: &RunnerId, now: Timestamp) -> Result<bool> {
        let runner_id = runner_id.clone();
        self.writer.run(move |db| runners::forget_runner(db, &runner_id, now)).await
    }

    async fn set_capabilities(
        &self,
        runner_id: &RunnerId,
        capabilities: Capabilities,
        now: Timestamp,
    ) -> Result<()> {
        let runner_id = runner_id.clone();
        self.writer.run(move |db| runners::set_capabilities(db, &runner_id, &capabilities, now)).await
    }

    async fn submit(&self, job: NewJob, probe_task: TaskId, now: Timestamp) -> Result<Submitted> {
        self.writer.run(move |db| jobs::submit(db, &job, &probe_task, now)).await
    }

    async fn job_of_key(&self, idempotency_key: &str) -> Result<Option<JobId>> {
        let key = idempotency_key.to_owned();
        self.readers.run(move |db| jobs::job_of_key(db, Some(&key))).await
    }

    async fn job(&self, job_id: &JobId) -> Result<Option<JobRecord>> {
        let job_id = job_id.clone();
        self.readers.run(move |db| jobs::job(db, &job_id)).await
    }

    async fn jobs(&self, state: Option<JobState>, limit: u32) -> Result<Vec<JobRecord>> {
        self.readers.run(move |db| jobs::jobs(db, state, limit)).await
    }

    async fn plan(&self, job_id: &JobId) -> Result<Option<Plan>> {
        let job_id = job_id.clone();
        self.readers.run(move |db| rows::plan(db, &job_id)).await
    }

    async fn tasks(&self, job_id: &JobId) -> Result<Vec<TaskRecord>> {
        let job_id = job_id.clone();
        self.readers
            .run(move |db| rows::tasks(db, "WHERE t.job_id = ?1 ORDER BY t.position", [&job_id]))
            .await
    }

    async fn attempts(&self, job_id: &JobId) -> Result<Vec<AttemptRecord>> {
        let job_id = job_id.clone();
        let rest = "WHERE t.job_id = ?1 ORDER BY a.leased_at, a.rowid";
        self.readers.run(move |db| rows::attempts(db, rest, [&job_id])).await
    }

    async fn cancel(&self, job_id: &JobId, now: Timestamp) -> Result<()> {
        let job_id = job_id.clone();
        self.writer.run(move |db| jobs::cancel(db, &job_id, now)).await
    }

    async fn retry(&self, job_id: &JobId, now: Timestamp) -> Result<()> {
        let job_id = job_id.clone();
        self.writer.run(move |db| jobs::retry(db, &job_id, now)).await
    }

    async fn fail_job(&self, job_id: &JobId, failure: Failure, now: Timestamp) -> Result<()> {
        let job_id = job_id.clone();
        self.writer.run(move |db| jobs::fail_job(db, &job_id, &failure, now)).await
    }

    async fn finish_job(&self, job_id: &JobId, now: Timestamp) -> Result<()> {
        let job_id = job_id.clone();
        self.writer.run(move |db| jobs::finish_job(db, &job_id, now)).await
    }

    async fn beat(&self, beat: Beat, now: Timestamp) -> Result<BeatOutcome> {
        self.writer.run(move |db| leases::beat(db, &beat, now)).await
    }

    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Vec<ClaimedTask>> {
        self.writer.run(move |db| claim::claim(db, claim, now)).await
    }

    async fn outlook(&self, ask: Ask, now: Timestamp) -> Result<Outlook> {
        self.readers.run(move |db| claim::outlook(db, &ask, now)).await
    }

    async fn ready_work(&self, limit: u32) -> Result<Vec<ReadyWork>> {
        self.readers.run(move |db| standing::ready_work(db, limit)).await
    }

    async fn running(&self) -> Result<HashSet<AttemptId>> {
        self.readers.run(standing::running).await
    }

    async fn speeds(&self, runner_id: &RunnerId) -> Result<Vec<SpeedRecord>> {
        let runner_id = runner_id.clone();
        self.readers.run(move |db| speeds::of(db, &runner_id)).await
    }

    async fn waits(&self, job_id: &JobId, now: Timestamp) -> Result<Waits> {
        let job_id = job_id.clone();
        self.readers.run(move |db| waits::waits(db, &job_id, now)).await
    }

    async fn are_offered(&self, encoders: &[(&str, Option<&str>)], seen_since: Timestamp) -> Result<bool> {
        let need = |(name, bond): &(&str, Option<&str>)| ((*name).to_owned(), bond.map(str::to_owned));
        let needs = encoders.iter().map(need).collect();
        self.readers.run(move |db| line::somebody_meets(db, &needs, seen_since, &[])).await
    }

    async fn lost_bonds(&self, live_ms: i64, now: Timestamp) -> Result<Vec<LostBond>> {
        self.readers.run(move |db| rebind::lost_bonds(db, live_ms, now)).await
    }

    async fn rebind(&self, lost: &LostBond, now: Timestamp) -> Result<bool> {
        let lost = lost.clone();
        self.writer.run(move |db| rebind::rebind(db, &lost, now)).await
    }

    async fn pins(&self, job_id: &JobId) -> Result<HashMap<String, String>> {
        let job_id = job_id.clone();
        self.readers.run(move |db| claim::pins(db, &job_id)).await
    }

    async fn leased(&self, lease: &LeaseRef) -> Result<Option<ClaimedTask>> {
        let lease = lease.clone();
        self.readers.run(move |db| leases::leased(db, &lease)).await
    }

    async fn add_uploads(&self, attempt_id: &AttemptId, uploads: Vec<UploadRecord>) -> Result<()> {
        let attempt_id = attempt_id.clone();
        self.writer.run(move |db| results::add_uploads(db, &attempt_id, &uploads)).await
    }

    async fn uploads(&self, attempt_id: &AttemptId) -> Result<Vec<UploadRecord>> {
        let attempt_id = attempt_id.clone();
        self.readers.run(move |db| results::uploads(db, &attempt_id)).await
    }

    async fn accept(&self, lease: &LeaseRef, result: AcceptedResult, now: Timestamp) -> Result<Acceptance> {
        let lease = lease.clone();
        self.writer.run(move |db| results::accept(db, &lease, &result, now)).await
    }

    async fn sealing(&self) -> Result<Vec<SealingAttempt>> {
        self.readers.run(results::sealing).await
    }

    async fn seal(&self, attempt_id: &AttemptId, plan: Option<NewPlan>, now: Timestamp) -> Result<JobState> {
        let attempt_id = attempt_id.clone();
        self.writer.run(move |db| results::seal(db, &attempt_id, plan.as_ref(), now)).await
    }

    async fn fail_attempt(
        &self,
        lease: &LeaseRef,
        failure: Failure,
        usage: Option<Usage>,
        now: Timestamp,
    ) -> Result<Option<Verdict>> {
        let lease = lease.clone();
        self.writer.run(move |db| failing::fail_attempt(db, &lease, &failure, usage.as_ref(), now)).await
    }

    async fn expire(&self, now: Timestamp) -> Result<Vec<AttemptId>> {
        self.writer.run(move |db| failing::expire(db, now)).await
    }

    async fn extend_leases(&self, now: Timestamp, lease_ms: i64) -> Result<()> {
        self.writer.run(move |db| leases::extend_leases(db, now, lease_ms)).await
    }

    async fn joinable(&self, limit: u32) -> Result<Vec<TaskRecord>> {
        self.readers.run(move |db| joins::joinable(db, limit)).await
    }

    async fn lease_to_self(
        &self,
        task_id: &TaskId,
        (attempt_id, token): (AttemptId, Token),
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Option<ClaimedTask>> {
        let task_id = task_id.clone();
        let lease = move |db: &_| joins::lease_to_self(db, &task_id, (&attempt_id, &token), lease_ms, now);
        self.writer.run(lease).await
    }

    async fn leave_to_runners(&self, task_id: &TaskId) -> Result<()> {
        let task_id = task_id.clone();
        self.writer.run(move |db| joins::leave_to_runners(db, &task_id)).await
    }

    async fn end_own_attempts(&self, now: Timestamp) -> Result<()> {
        self.writer.run(move |db| joins::end_own_attempts(db, now)).await
    }

    async fn shown_early(&self) -> Result<Vec<JobRecord>> {
        self.readers.run(early::shown_early).await
    }

    async fn keep_early_until(&self, job_id: &JobId, until: Timestamp) -> Result<()> {
        let job_id = job_id.clone();
        self.writer.run(move |db| early::keep_early_until(db, &job_id, until)).await
    }

    async fn drop_early(&self, now: Timestamp) -> Result<u64> {
        self.writer.run(move |db| early::drop_early(db, now)).await
    }

    async fn keep_note(&self, note: Note) -> Result<()> {
        self.writer.run(move |db| notes::keep(db, &note)).await
    }

    async fn drop_note(&self, kind: &str, key: &str) -> Result<()> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.writer.run(move |db| notes::drop(db, &kind, &key)).await
    }

    async fn notes(&self, kind: &str) -> Result<Vec<Note>> {
        let kind = kind.to_owned();
        self.readers.run(move |db| notes::of_kind(db, &kind)).await
    }

    async fn add_benchmark(&self, benchmark: NewBenchmark, now: Timestamp) -> Result<()> {
        self.writer.run(move |db| benchmarks::add(db, &benchmark, now)).await
    }

    async fn benchmarks(&self) -> Result<Vec<BenchmarkRecord>> {
        self.readers.run(benchmarks::all).await
    }

    async fn garbage(&self, limit: u32) -> Result<Vec<UploadRecord>> {
        self.readers.run(move |db| garbage::garbage(db, limit)).await
    }

    async fn forget_uploads(&self, uploads: Vec<(AttemptId, u32)>) -> Result<()> {
        self.writer.run(move |db| garbage::forget_uploads(db, &uploads)).await
    }
}
