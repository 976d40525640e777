//! The measurement with a crowd: gather it, make a part of it busy, measure the calls, then dispatch tasks to those that
//! wait.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::FleetArgs;
use super::coordinator::Coordinator;
use super::crowd::Crowd;
use super::figures::{Durations, Report, Target};

/// A beat of an idle runner and a bit: after that everybody hangs and nothing of the joining is left.
const SETTLE: Duration = Duration::from_secs(12);

/// No dispatch takes that long.
const AT_MOST: Duration = Duration::from_secs(30);

/// Between two dispatches: they are measured one by one.
const BETWEEN: Duration = Duration::from_millis(50);

/// Runs it all.
pub async fn measure(args: &FleetArgs) -> Result<Report> {
    ensure!(args.busy < args.runners, "some runners must be left to wait");
    // Both ends of every connection need a descriptor, each in its own process; the coordinator inherits the limit.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    ensure!(most > args.runners as u64 + 100, "only {most} files may be open; see `ulimit -Hn`");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(&args.flotilla, folder.path())?;
    let FleetArgs { runners, busy, seconds, .. } = args;
    let mut report = Report::new(&format!("{runners} runners, {busy} of them busy, for {seconds} s"));

    // One goes first, so that what is only made once is not counted for the crowd. It stays to the end: if it went, its task
    // would be given out anew among those that are timed.
    let mut first = Crowd::gather(&coordinator, 1).await?;
    let source = source(&coordinator, &mut first).await?;
    let before_kb = coordinator.resident_kb()?;
    let started = Instant::now();
    let mut crowd = Crowd::gather(&coordinator, args.runners).await?;
    report.add("joining", "s", started.elapsed().as_secs_f64(), None);
    tokio::time::sleep(SETTLE).await;
    let idle_kb = coordinator.resident_kb()?;
    let a_runner_kb = (idle_kb - before_kb) / args.runners as f64;
    report.add("coordinator's memory, no runner", "MB", before_kb / 1000.0, Some(Target::AtMost(60.0)));
    report.add("coordinator's memory, all connected", "MB", idle_kb / 1000.0, None);
    report.add("memory a runner", "kB", a_runner_kb, Some(Target::AtMost(60.0)));

    make_busy(&coordinator, &mut crowd, &source, args.busy).await?;
    listen(&coordinator, &crowd, *seconds, &mut report).await?;
    let dispatched = dispatch(&coordinator, &mut crowd, &source, args.dispatches).await?;
    report.add_durations("dispatch, from submission to lease", &dispatched, Some(Target::AtMost(50.0)));
    report.add("coordinator's memory, at the end", "MB", coordinator.resident_kb()? / 1000.0, None);
    let failed = crowd.failed() + first.failed();
    report.add("calls that failed", "", failed as f64, Some(Target::AtMost(0.0)));
    Ok(report)
}

/// An object that lies in the coordinator's store: the copy that the first job's runner is told to read. Jobs that name it
/// need no copy of their own.
async fn source(coordinator: &Coordinator, crowd: &mut Crowd) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/video.mp4", listener.local_addr()?);
    let served = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nvideo")
                .await;
        }
    });
    coordinator.submit(&url, "first").await?;
    let (lease, _) = crowd.lease().await.context("the first job is given out")?;
    served.abort();
    let input = lease.inputs.first().context("a probe reads its source")?;
    let path = input.url.strip_prefix(&coordinator.url).and_then(|rest| rest.split('?').next());
    Ok(format!("s3:/{}", path.context("the source lies in the coordinator's own store")?))
}

/// As many jobs as there are to be busy runners: each probes one for ever.
async fn make_busy(coordinator: &Coordinator, crowd: &mut Crowd, source: &str, count: usize) -> Result<()> {
    for number in 0..count {
        coordinator.submit(source, &format!("busy-{number}")).await?;
    }
    for _ in 0..count {
        let given = tokio::time::timeout(AT_MOST, crowd.lease()).await;
        given.context("not all runners became busy")?;
    }
    Ok(())
}

/// The calls of everybody for a while.
async fn listen(coordinator: &Coordinator, crowd: &Crowd, seconds: u64, report: &mut Report) -> Result<()> {
    let (cpu, calls, started) = (coordinator.cpu_seconds()?, crowd.calls(), Instant::now());
    crowd.count(true);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    crowd.count(false);
    let elapsed = started.elapsed().as_secs_f64();
    let (hanging, prompt) = crowd.durations().await;
    report.add("calls", "1/s", (crowd.calls() - calls) as f64 / elapsed, None);
    report.add("coordinator's load", "cores", (coordinator.cpu_seconds()? - cpu) / elapsed, None);
    report.add_durations("Sync that is to be answered at once", &prompt, Some(Target::AtMost(100.0)));
    report.add_durations("Sync that hangs, beyond its time", &hanging, Some(Target::AtMost(100.0)));
    Ok(())
}

/// Jobs one by one, each timed from before its submission until a runner has its lease.
async fn dispatch(
    coordinator: &Coordinator,
    crowd: &mut Crowd,
    source: &str,
    count: usize,
) -> Result<Durations> {
    crowd.keep_no_more();
    let mut durations = Durations::new();
    for number in 0..count {
        let submitted = Instant::now();
        let name = format!("dispatched-{number}");
        let (job, lease) = tokio::try_join!(coordinator.submit(source, &name), async {
            let given = tokio::time::timeout(AT_MOST, crowd.lease()).await;
            given.context("a task found no runner")?.context("the crowd is there")
        })?;
        ensure!(lease.0.job_id == job, "a lease of another job came");
        durations.add(lease.1 - submitted);
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(durations)
}
