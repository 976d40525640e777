//! The store alone: how many results it takes in a second, each on disk before it is acknowledged, and whether a long
//! history makes it slower to find work.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use flotilla_coordinator::domain::{Failure, FailureClass, JobState, RunnerId};
use flotilla_coordinator::store::Store;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::StoreArgs;
use super::figures::{Durations, Report, Target};
use super::jobs::Jobs;

/// Chunks of a job of ten minutes.
const CHUNKS: u32 = 100;

/// Jobs that are added at a time.
const SUBMITTING: usize = 256;

/// A claim in a full store takes at most so many times as long as in an empty one.
const SLOWDOWN: f64 = 2.0;

/// Runs it all.
pub async fn measure(args: &StoreArgs) -> Result<Report> {
    let folder = match &args.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }?;
    let title = format!("a store of {} jobs, {} runners side by side", args.jobs, args.side_by_side);
    let mut report = Report::new(&title);
    let rate = completions(args, &subfolder(folder.path(), "completions")?).await?;
    report.add("durable completions", "1/s", rate, Some(Target::AtLeast(1000.0)));
    let empty = Jobs::open(&subfolder(folder.path(), "empty")?)?;
    let before = claims(&empty, args.claims).await?;
    let full = Jobs::open(&subfolder(folder.path(), "full")?)?;
    let started = Instant::now();
    fill(&full, args.jobs, args.side_by_side).await?;
    report.add("filling the store", "s", started.elapsed().as_secs_f64(), None);
    let after = claims(&full, args.claims).await?;
    for (name, before, after) in [("claim", &before.0, &after.0), ("look for work", &before.1, &after.1)] {
        report.add_durations(&format!("{name}, empty store"), before, None);
        report.add_durations(&format!("{name}, full store"), after, None);
        let ratio = after.ms_at(0.99) / before.ms_at(0.99).max(f64::MIN_POSITIVE);
        report.add(format!("{name}, p99 full over empty"), "x", ratio, Some(Target::AtMost(SLOWDOWN)));
    }
    Ok(report)
}

fn subfolder(folder: &Path, name: &str) -> Result<std::path::PathBuf> {
    let path = folder.join(name);
    std::fs::create_dir(&path)?;
    Ok(path)
}

/// Tasks a second that go from ready to done: claimed, uploads noted, accepted, sealed; four commits each.
async fn completions(args: &StoreArgs, folder: &Path) -> Result<f64> {
    let jobs = Jobs::open(folder)?;
    let runners = runners(&jobs, args.side_by_side).await?;
    // Each ahead of those before it, so that its probe is the first in the queue.
    let mut ahead = 0;
    for _ in 0..args.completions.div_ceil(CHUNKS) {
        ahead -= 1;
        jobs.planned(&runners[0], ahead, CHUNKS).await?;
    }
    let started = Instant::now();
    let work = async |runner_id: &RunnerId| {
        let mut done = 0_u32;
        while let Some(claimed) = jobs.claim(runner_id).await? {
            jobs.complete(&claimed, 0).await?;
            done += 1;
        }
        anyhow::Ok(done)
    };
    let done = futures::future::try_join_all(runners.iter().map(work)).await?;
    Ok(f64::from(done.iter().sum::<u32>()) / started.elapsed().as_secs_f64())
}

async fn runners(jobs: &Jobs, count: usize) -> Result<Vec<RunnerId>> {
    let mut runners = Vec::new();
    for number in 0..count {
        runners.push(jobs.runner(&format!("runner-{number}")).await?);
    }
    Ok(runners)
}

/// How long claims take, and looks that find work, one after another.
async fn claims(jobs: &Jobs, count: u32) -> Result<(Durations, Durations)> {
    let runner = jobs.runner("claimer").await?;
    for number in 0..i32::try_from(count.div_ceil(CHUNKS))? {
        // Ahead of what waits already.
        jobs.planned(&runner, -1 - number, CHUNKS).await?;
    }
    let (mut claims, mut looks) = (Durations::new(), Durations::new());
    for _ in 0..count {
        let started = Instant::now();
        jobs.outlook(&runner).await?;
        looks.add(started.elapsed());
        let started = Instant::now();
        jobs.claim(&runner).await?.context("there is a task for every claim")?;
        claims.add(started.elapsed());
    }
    Ok((claims, looks))
}

/// Fills the store: of ten jobs three are published, three cancelled, three failed, and one waits.
async fn fill(jobs: &Jobs, count: u32, side_by_side: usize) -> Result<()> {
    let runners = runners(jobs, side_by_side).await?;
    let published = u32::try_from(side_by_side)?;
    let share = (count * 3 / 10).div_ceil(published);
    let publish = async |runner_id: &RunnerId| {
        for _ in 0..share {
            jobs.submit(0).await?;
            while let Some(claimed) = jobs.claim(runner_id).await? {
                if jobs.complete(&claimed, 1).await? == JobState::Publishing {
                    jobs.store.finish_job(&claimed.task.job_id, jobs.now()).await?;
                }
            }
        }
        anyhow::Ok(())
    };
    futures::future::try_join_all(runners.iter().map(publish)).await?;
    let rest = count.saturating_sub(share * published);
    stream::iter(0..rest)
        .map(|number| async move {
            let job_id = jobs.submit(1).await?;
            match number % 7 {
                0..3 => jobs.store.cancel(&job_id, jobs.now()).await?,
                3..6 => {
                    let failure = Failure { class: FailureClass::Source, message: "no media".into() };
                    jobs.store.fail_job(&job_id, failure, jobs.now()).await?;
                }
                _ => {}
            }
            anyhow::Ok(())
        })
        .buffer_unordered(SUBMITTING)
        .try_collect::<()>()
        .await
}
