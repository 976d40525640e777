//! AV1 encoders side by side: rav1e and SVT-AV1 as the fleet runs them, one thread an encode and a chunk a slot, beside
//! ffmpeg commands with the encoders that it has. Not matched in quality: bytes and SSIM stand beside the time. And how
//! many threads the engines have at work at once, which must not be more than there are slots.

mod contestant;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use contestant::Peer;
use flotilla_benches::clip::Clip;
use flotilla_benches::likeness::Likeness;
use flotilla_benches::machine::Machine;
use flotilla_benches::measure;
use flotilla_benches::process::Role;
use flotilla_benches::report::Report;
use flotilla_benches::site::{Setup, Site};
use serde_json::json;
use table::Row;

/// Measure AV1 encoders side by side.
#[derive(Debug, Parser)]
struct Args {
    /// What to encode.
    clip: PathBuf,
    /// Lines to which it is scaled before anything is measured.
    #[arg(long, default_value_t = 360)]
    height: u32,
    /// Of the clip, from its start.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Length of the fleet's chunks.
    #[arg(long, default_value_t = 2)]
    chunk_seconds: u32,
    /// The program flotilla, built for release, with flotilla-runner beside it.
    #[arg(long, default_value = "target/release/flotilla")]
    flotilla: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.flotilla.is_file(), "{} is not there; run `make release` first", args.flotilla.display());
    let machine = Machine::ask();
    let folder = tempfile::tempdir().context("no folder to work in")?;
    let source = folder.path().join("source.mp4");
    measure::run(contestant::prepare(&args.clip, args.height, args.seconds, &source))?;
    let mut rows = Vec::new();
    for profile in contestant::profiles(args.height)? {
        rows.push(ours(&args, &source, folder.path(), &profile, machine.cores)?);
    }
    let clip = Clip::probe(&source)?;
    for peer in contestant::peers(machine.cores, clip.frame_rate) {
        if let Some(row) = theirs(&peer, &clip, &source, folder.path())? {
            rows.push(row);
        }
    }
    if args.json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        println!("{}", json!({ "machine": machine.json(), "slots": machine.cores, "rows": rows }));
        return Ok(());
    }
    println!("{}, {} frames of {} lines", args.clip.display(), clip.keyframes.len(), args.height);
    machine.print();
    print!("\n{}", table::table(&rows, machine.cores));
    Ok(())
}

/// The fleet with a profile that makes nothing but the source's own size. Its daemons are ready before, so that the trials
/// of a runner's start, which run side by side, are not taken for engines at work.
fn ours(
    args: &Args,
    source: &Path,
    folder: &Path,
    profile: &contestant::Profile,
    slots: usize,
) -> Result<Row> {
    let profiles = folder.join("profiles");
    std::fs::create_dir_all(&profiles).context("no folder to work in")?;
    std::fs::write(profiles.join(format!("{}.toml", profile.name)), &profile.text)
        .context("no profile written")?;
    let mut site = Site::start(Setup {
        flotilla: &args.flotilla,
        folder: &folder.join(profile.name),
        external: None,
        processors: format!("0-{}", slots - 1),
        profiles: Some(&profiles),
    })?;
    let url = site.url().to_owned();
    site.add_runner(&format!("0-{}", slots - 1), slots, &url)?;
    let seconds = args.chunk_seconds.to_string();
    let job = site.transcode(source, &["--profile", profile.name, "--chunk-seconds", &seconds])?;
    let report = Report::parse(&job.report)?;
    let rung = report.ladder.first().context("the fleet made no rendition")?;
    let file = folder.join(format!("{}.mp4", profile.name));
    site.fetch(&format!("{}/media.mp4", rung.name), &file)?;
    Ok(Row {
        name: profile.what.to_owned(),
        frames: rung.frames,
        cpu_seconds: report.cpu_seconds("encode_chunk"),
        wall_seconds: job.seconds,
        size_bytes: rung.size_bytes,
        ssim: mean_ssim(source, &file)?,
        threads: job.watched.threads(Role::Engine),
        at_work: Some((job.watched.engines_at_once, job.watched.busy_engine_threads())),
    })
}

/// A peer; none when this machine's ffmpeg lacks the encoder.
fn theirs(peer: &Peer, clip: &Clip, source: &Path, folder: &Path) -> Result<Option<Row>> {
    let file = folder.join(format!("{}.mp4", peer.encoder));
    let figures = match measure::run(peer.command(source, &file)) {
        Ok(figures) => figures,
        Err(error) if error.to_string().contains("Unknown encoder") => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Row {
        name: format!("ffmpeg, {}", peer.what()),
        frames: clip.keyframes.len() as u64,
        cpu_seconds: figures.cpu_seconds,
        wall_seconds: figures.wall_seconds,
        size_bytes: std::fs::metadata(&file).context("ffmpeg left no file")?.len(),
        ssim: mean_ssim(source, &file)?,
        threads: figures.watched.threads(Role::Other),
        at_work: None,
    }))
}

fn mean_ssim(source: &Path, file: &Path) -> Result<f64> {
    let probed = flotilla_benches::clip::ffprobe(
        file,
        &["-select_streams", "v:0", "-show_entries", "stream=width,height"],
    )?;
    let pixels = |name: &str| probed["streams"][0][name].as_u64().context("a result has no size");
    let frame_rate = Clip::probe(source)?.frame_rate;
    let frames =
        Likeness { source, frame_rate, width: pixels("width")?, height: pixels("height")? }.ssim(file)?;
    ensure!(!frames.is_empty(), "{} has no frames", file.display());
    Ok(frames.iter().sum::<f64>() / frames.len() as f64)
}
