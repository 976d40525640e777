//! `flotilla transcode`: the whole fleet in one command. Coordinator, object store and runners are the real ones; they
//! live in a work folder for the time of one job and leave nothing behind but the result.

mod crew;
pub mod probe;
mod source;
mod summary;
mod survey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::app::{Coordinator, StartError};
use crate::cli::exit::{Exit, UserError, job_failed};
use crate::cli::progress::Display;
use crate::config::Config;
use crate::domain::dispatch::DEFAULT_TENANT;
use crate::domain::{FailureClass, JobId, JobState};
use crate::jobs::{JobView, ORDINARY_PRIORITY, ProfileChoice, SourceRef, Submission};
use crate::lifecycle::interrupted;
use crate::publish::export;
use crew::Crew;

/// `flotilla transcode`
#[derive(Clone, Debug, Args)]
pub struct TranscodeArgs {
    /// What to transcode: a file, an http(s) URL, or s3://bucket/key at the store that FLOTILLA_S3_ENDPOINT,
    /// FLOTILLA_S3_ACCESS_KEY and FLOTILLA_S3_SECRET_KEY name.
    pub input: String,
    /// Profile to follow; `flotilla profiles` lists them.
    #[arg(long, default_value = "web")]
    pub profile: String,
    /// Folder for the result; made if it is not there.
    #[arg(long)]
    pub out: PathBuf,
    /// Runner processes on this machine, which share its processors [default: 1, with a slot per processor]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub runners: Option<u32>,
    /// Fixed length of a chunk [default: by the length of the video and the number of slots]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub chunk_seconds: Option<u32>,
    /// Folder of your own profiles, which add to the shipped ones or replace them.
    #[arg(long, env = "FLOTILLA_PROFILES")]
    pub profiles_dir: Option<PathBuf>,
    /// Configuration file, TOML, of which the sections limits and planning hold here; see docs/configuration.md.
    #[arg(long, env = "FLOTILLA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for the work, removed at the end [default: a hidden one in the output folder]
    #[arg(long)]
    pub work_dir: Option<PathBuf>,
}

/// Tasks left from which on every change is looked at.
const LAST_TASKS: u32 = 3;
/// How often the job is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Runs one job to its end.
pub async fn run(args: TranscodeArgs, json: bool, verbose: u8) -> Result<(), UserError> {
    let work = WorkDir::create(&args)?;
    let stopped = || UserError::interrupted("nothing was published");
    let source = tokio::select! {
        source = source::named(&args.input, work.path()) => source?,
        () = interrupted() => return Err(stopped()),
    };
    let coordinator =
        Coordinator::start(config(args.config.as_deref(), args.profiles_dir.clone(), work.path())?).await?;
    let done = tokio::select! {
        done = work_on(&coordinator, &args, source, &work, json, verbose) => done,
        () = interrupted() => Err(stopped()),
    };
    coordinator.stop().await;
    done
}

/// The crew lives exactly as long as this function: when it is dropped, its processes are gone.
async fn work_on(
    coordinator: &Coordinator,
    args: &TranscodeArgs,
    source: SourceRef,
    work: &WorkDir,
    json: bool,
    verbose: u8,
) -> Result<(), UserError> {
    let submission = Submission {
        source,
        profile: ProfileChoice::Named(args.profile.clone()),
        destination: "s3://flotilla/result".parse().expect("a constant destination"),
        chunk_seconds: args.chunk_seconds,
        priority: ORDINARY_PRIORITY,
        progressive_publish: false,
        tenant: DEFAULT_TENANT.into(),
        idempotency_key: None,
        picture: None,
        sound: None,
        edits: Vec::new(),
        inserts: Vec::new(),
    };
    // The crew starts while the source is being taken in.
    let crew = Crew::muster(coordinator, args.runners, &args.profile, work.path(), verbose).await?;
    let (mut crew, job_id) = crew.submit(coordinator, submission).await?;
    let ended = watch(coordinator, &job_id, &mut crew, json).await;
    let (written, ()) = tokio::join!(
        async { take_out(coordinator, args, &job_id, ended?).await },
        // It goes while the result is being taken out.
        crew.dismiss(),
    );
    summary::print(&args.out, &written?, json)
}

/// Puts the result where it was wanted.
async fn take_out(
    coordinator: &Coordinator,
    args: &TranscodeArgs,
    job_id: &JobId,
    job: JobView,
) -> Result<Vec<PathBuf>, UserError> {
    if job.state != JobState::Published {
        return Err(job_failed(job.failure.as_ref()));
    }
    let jobs = coordinator.jobs();
    let record = jobs.record(job_id).await?;
    export(&record, jobs.storage(), &args.out, &|_, _| {})
        .await
        .map_err(|error| UserError::new(Exit::Storage, error.to_string(), error.hint()))
}

/// Shows progress until the job is over, the crew has gone, or nobody in it can do the work.
async fn watch(
    coordinator: &Coordinator,
    job_id: &JobId,
    crew: &mut Crew,
    json: bool,
) -> Result<JobView, UserError> {
    let mut display = Display::new(json);
    let mut changes = coordinator.jobs().changes();
    loop {
        let job = coordinator.jobs().view(job_id).await?;
        display.show(&job);
        if job.state.is_over() {
            display.finish();
            return Ok(job);
        }
        let trouble = match crew.all_gone().await {
            Some(trouble) => Some(trouble),
            None => incapable(coordinator, &job, crew).await?,
        };
        if let Some(trouble) = trouble {
            display.finish();
            return Err(trouble);
        }
        tokio::select! {
            () = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        // A change comes with every beat; looking more often than people can see costs processor time. The last tasks are
        // short, and what follows them waits for nobody.
        if job.progress.tasks_total.saturating_sub(job.progress.tasks_done) > LAST_TASKS {
            tokio::time::sleep(LOOK / 4).await;
        }
    }
}

/// Once the whole crew has said what it offers, work that none of it can do will wait for ever.
async fn incapable(
    coordinator: &Coordinator,
    job: &JobView,
    crew: &Crew,
) -> Result<Option<UserError>, UserError> {
    let Some(waiting) = job.waiting.as_ref().filter(|waiting| waiting.contains("encoder")) else {
        return Ok(None);
    };
    let here = coordinator.jobs().runners().await?.iter().filter(|runner| runner.slots > 0).count();
    if here < crew.len() {
        return Ok(None);
    }
    let message = format!("this machine cannot make profile {}: {waiting}", job.profile);
    let exit = Exit::from(FailureClass::NoRunner);
    Ok(Some(UserError::new(exit, message, "`flotilla-runner doctor` tells why; another profile may work")))
}

/// Of a configuration file only what is about sources holds here: limits and planning.
fn config(file: Option<&Path>, profiles_dir: Option<PathBuf>, work: &Path) -> Result<Config, UserError> {
    let Config { limits, planning, .. } = Config::load(file).map_err(StartError::Config)?;
    let mut config = Config { limits, planning, ..Config::default() };
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.data.dir = work.join("coordinator");
    config.profiles.dir = profiles_dir;
    Ok(config)
}

/// The work folder, and the output folder if it had to be made for it; both are removed when they are of no use.
struct WorkDir {
    folder: tempfile::TempDir,
    made: Option<PathBuf>,
}

impl WorkDir {
    /// The output folder is tried before any work is done: nobody wants to learn at the end that it cannot be written.
    fn create(args: &TranscodeArgs) -> Result<Self, UserError> {
        let failed = |path: &Path, error: std::io::Error| {
            let message = format!("cannot write to {}: {error}", path.display());
            UserError::new(Exit::Storage, message, "name a folder that you may write to with --out")
        };
        let made = (!args.out.exists()).then(|| args.out.clone());
        std::fs::create_dir_all(&args.out).map_err(|error| failed(&args.out, error))?;
        let inside = args.work_dir.clone().unwrap_or_else(|| args.out.clone());
        let folder = tempfile::Builder::new().prefix(".flotilla-work-").tempdir_in(&inside);
        let folder = folder.map_err(|error| failed(&inside, error));
        // Removed again only while it is empty, so nothing of anybody's can be lost.
        let clean = |made: &Option<PathBuf>| made.iter().for_each(|path| drop(std::fs::remove_dir(path)));
        folder.inspect_err(|_| clean(&made)).map(|folder| Self { folder, made })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder.path());
        if let Some(made) = &self.made {
            let _ = std::fs::remove_dir(made);
        }
    }
}
