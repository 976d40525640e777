//! What one upload costs an instance's fleet: the project's own model of a PeerTube with its jobs, a coordinator and one
//! runner. Beside it the six ffmpeg commands that PeerTube's stock runner runs for the same renditions, on this machine,
//! without what it spends besides: downloads, uploads and itself. And what PeerTube 7.2.3 with it was recorded to need
//! on another machine, for comparison of the two.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use flotilla_benches::clip::Clip;
use flotilla_benches::site::{Setup, Site};
use flotilla_benches::{contestant, measure};
use flotilla_tests::peertube::{Model, State, Upload};

/// The sintel trailer, 1280x720 at 24 frames a second, 52 s; 720 lines twice, 480, 360, 240 and 144.
const STOCK: Figures =
    Figures { cpu_seconds: 99.0, published_seconds: 21.0, all_seconds: 63.5, source_times: 5.1 };

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// No upload takes so long.
const AT_MOST: Duration = Duration::from_secs(900);

/// Measure what one upload to a PeerTube costs its fleet
#[derive(Parser)]
#[command(
    after_help = "What was recorded elsewhere is of the sintel trailer; for other clips it says nothing."
)]
struct Args {
    /// What is uploaded.
    clip: PathBuf,
    /// Short side of the clip.
    #[arg(long, default_value_t = 720)]
    resolution: u32,
    /// Frames a second.
    #[arg(long, default_value_t = 24)]
    fps: u32,
    /// The program flotilla, built for release, with flotilla-runner beside it.
    #[arg(long, default_value = "target/release/flotilla")]
    flotilla: PathBuf,
}

/// One upload.
struct Figures {
    /// Of all processes of the fleet.
    cpu_seconds: f64,
    /// Until the first job was answered, after which PeerTube shows the video.
    published_seconds: f64,
    /// Until the last job was answered.
    all_seconds: f64,
    /// Bytes that the instance served, of the source's size.
    source_times: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let model = Model::start();
    let setup = Setup {
        flotilla: &args.flotilla,
        folder: folder.path(),
        external: None,
        processors: "0,1".into(),
        profiles: None,
    };
    let mut site = Site::start(setup)?;
    let url = site.url().to_owned();
    site.add_runner("0,1", 2, &url)?;
    site.json(&["peertube", "register", &model.url(), "--registration-token", model.registration_token()])?;
    let first = upload(&args, &model, &site, &args.clip)?;
    let stock = stock(&args.clip, folder.path())?;
    let again = folder.path().join("again.mp4");
    retold(&args.clip, &again)?;
    let second = upload(&args, &model, &site, &again)?;
    ensure!(model.violations().is_empty(), "the model complains: {:?}", model.violations());
    println!("{}, six renditions, one runner of two slots\n", args.clip.display());
    println!("{:32} {:>8} {:>12} {:>9} {:>14}", "", "cpu s", "published s", "all s", "source served");
    for (name, figures) in [
        ("first upload ever", &first),
        ("next upload (anticipated)", &second),
        ("stock's commands alone, here", &stock),
        ("stock, recorded elsewhere", &STOCK),
    ] {
        let Figures { cpu_seconds, published_seconds, all_seconds, source_times } = figures;
        println!(
            "{name:32} {cpu_seconds:8.1} {published_seconds:12.1} {all_seconds:9.1} {source_times:12.2} x"
        );
    }
    println!();
    for (what, ratio, most) in [
        ("cpu, next/stock", second.cpu_seconds / stock.cpu_seconds, 0.60),
        ("all renditions, next/stock", second.all_seconds / stock.all_seconds, 0.55),
        ("published, next/stock", second.published_seconds / stock.published_seconds, 1.0),
        ("all renditions, first/stock", first.all_seconds / stock.all_seconds, 0.55),
    ] {
        let word = if ratio <= most { "kept" } else { "NOT KEPT" };
        println!("{what:32} {ratio:8.3}   of at most {most}: {word}");
    }
    Ok(())
}

/// The stock runner's commands, one after the other, with the fleet at rest. Each reads the whole source.
fn stock(clip: &Path, folder: &Path) -> Result<Figures> {
    let out = folder.join("stock");
    fs::create_dir(&out)?;
    let mut commands = contestant::stock(clip, &contestant::ladder(&Clip::probe(clip)?), &out);
    let source_times = commands.len() as f64;
    let first = measure::run(commands.remove(0))?;
    let others = measure::run_all(commands)?;
    Ok(Figures {
        cpu_seconds: first.cpu_seconds + others.cpu_seconds,
        published_seconds: first.wall_seconds,
        all_seconds: first.wall_seconds + others.wall_seconds,
        source_times,
    })
}

/// Uploads a clip and waits until every job of it is answered.
fn upload(args: &Args, model: &Model, site: &Site, clip: &Path) -> Result<Figures> {
    let wanted = Upload {
        resolution: args.resolution,
        fps: args.fps,
        lower: vec![480, 360, 240, 144],
        ..Upload::default()
    };
    let (cpu, started) = (site.cpu_seconds()?, Instant::now());
    let jobs = model.upload(&wanted, clip, None);
    let mut published_seconds = None;
    loop {
        let states: Vec<_> = jobs.iter().filter_map(|job| model.find(job)).collect();
        ensure!(states.iter().all(|job| job.failures == 0 && job.answers <= 1), "a job failed: {states:?}");
        let done = states.iter().filter(|job| job.state == State::Completed).count();
        if done > 0 {
            published_seconds.get_or_insert_with(|| started.elapsed().as_secs_f64());
        }
        if done == jobs.len() {
            break;
        }
        ensure!(started.elapsed() < AT_MOST, "{done} of {} jobs were answered in time", jobs.len());
        std::thread::sleep(LOOK);
    }
    let all_seconds = started.elapsed().as_secs_f64();
    let served: u64 = jobs.iter().filter_map(|job| Some(model.find(job)?.served_bytes)).sum();
    Ok(Figures {
        cpu_seconds: site.cpu_seconds()? - cpu,
        published_seconds: published_seconds.context("a job was answered")?,
        all_seconds,
        source_times: served as f64 / fs::metadata(clip)?.len() as f64,
    })
}

/// The same video as another file: what was made of the first one must not answer for it.
fn retold(clip: &Path, other: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(clip).args(["-map", "0", "-c", "copy"]);
    let status = command.args(["-metadata", "comment=again"]).arg(other).status()?;
    ensure!(status.success(), "ffmpeg cannot copy {}", clip.display());
    Ok(())
}
