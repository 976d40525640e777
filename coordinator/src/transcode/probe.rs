//! `flotilla probe`: what a source is and what a profile would make of it, by the very probe and planner that jobs go
//! through. Coordinator and runner live until the plan is there; nothing is encoded and nothing is left behind.

use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;

use super::crew::Crew;
use super::{LOOK, config, source, survey};
use crate::app::Coordinator;
use crate::cli::exit::{Exit, UserError, job_failed};
use crate::domain::dispatch::DEFAULT_TENANT;
use crate::domain::{JobId, Plan};
use crate::jobs::{ORDINARY_PRIORITY, ProfileChoice, SourceRef, Submission};
use crate::lifecycle::interrupted;
use crate::survey::survey;

/// Whose rules a job follows where only its probe is wanted.
const ANY_PROFILE: &str = "web";

/// `flotilla probe`
#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// What to look at: a file, an http(s) URL, or s3://bucket/key, as for `flotilla transcode`.
    pub input: String,
    /// Also say what this profile would make of it; `flotilla profiles` lists them.
    #[arg(long)]
    pub profile: Option<String>,
    /// Fixed length of a chunk, as for `flotilla transcode`.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), requires = "profile")]
    pub chunk_seconds: Option<u32>,
    /// Folder of your own profiles, which add to the shipped ones or replace them.
    #[arg(long, env = "FLOTILLA_PROFILES")]
    pub profiles_dir: Option<PathBuf>,
    /// Configuration file, TOML, of which the sections limits and planning hold here; see docs/configuration.md.
    #[arg(long, env = "FLOTILLA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for the work, removed at the end [default: a new one in the system's temporary folder]
    #[arg(long)]
    pub work_dir: Option<PathBuf>,
}

/// Looks at one source.
pub async fn run(args: ProbeArgs, json: bool, verbose: u8) -> Result<(), UserError> {
    let work = work_folder(&args)?;
    let stopped = || UserError::interrupted("nothing was found out");
    let source = tokio::select! {
        source = source::named(&args.input, work.path()) => source?,
        () = interrupted() => return Err(stopped()),
    };
    let coordinator =
        Coordinator::start(config(args.config.as_deref(), args.profiles_dir.clone(), work.path())?).await?;
    let found = tokio::select! {
        found = find_out(&coordinator, &args, source, work.path(), verbose) => found,
        () = interrupted() => Err(stopped()),
    };
    coordinator.stop().await;
    let (source, plan) = found?;
    survey::print(&args.input, &survey(&source, plan.as_ref()), json)
}

type Found = (crate::domain::source::Source, Option<Plan>);

/// The crew lives exactly as long as this function: when it is dropped, its processes are gone.
async fn find_out(
    coordinator: &Coordinator,
    args: &ProbeArgs,
    source: SourceRef,
    work: &Path,
    verbose: u8,
) -> Result<Found, UserError> {
    let profile = args.profile.clone().unwrap_or_else(|| ANY_PROFILE.into());
    let submission = Submission {
        source,
        profile: ProfileChoice::Named(profile.clone()),
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
    let crew = Crew::muster(coordinator, None, &profile, work, verbose).await?;
    let (mut crew, job_id) = crew.submit(coordinator, submission).await?;
    let found = watch(coordinator, &job_id, &mut crew, args.profile.is_some()).await;
    // Nobody wants the chunks that may have been begun.
    let _ = coordinator.jobs().cancel(&job_id).await;
    crew.dismiss().await;
    found
}

/// Waits until the probe is there, and the plan if it is wanted.
async fn watch(
    coordinator: &Coordinator,
    job_id: &JobId,
    crew: &mut Crew,
    wants_plan: bool,
) -> Result<Found, UserError> {
    let jobs = coordinator.jobs();
    let mut changes = jobs.changes();
    loop {
        let job = jobs.view(job_id).await?;
        match jobs.probed(job_id).await? {
            (Some(source), None) if !wants_plan => return Ok((source, None)),
            (Some(source), Some(plan)) => return Ok((source, wants_plan.then_some(plan))),
            _ if job.state.is_over() => return Err(job_failed(job.failure.as_ref())),
            _ => {}
        }
        if let Some(trouble) = crew.all_gone().await {
            return Err(trouble);
        }
        tokio::select! {
            () = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn work_folder(args: &ProbeArgs) -> Result<TempDir, UserError> {
    let inside = args.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    tempfile::Builder::new().prefix(".flotilla-probe-").tempdir_in(&inside).map_err(|error| {
        let message = format!("cannot write to {}: {error}", inside.display());
        UserError::new(Exit::Storage, message, "name a folder that you may write to with --work-dir")
    })
}
