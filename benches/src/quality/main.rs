//! What cutting costs the picture: the same clip encoded in chunks and in one piece, at the same settings. Compared are
//! bits, likeness to the source frame by frame, the frames beside the seams, and the leaky bucket over the whole stream.
//! It fails only when it cannot measure.

mod bucket;
mod compare;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use flotilla_benches::clip::Clip;
use flotilla_benches::machine::Machine;
use flotilla_benches::measure;
use flotilla_benches::report::Report;
use serde_json::json;

/// Longer than any source: everything is one chunk.
const WHOLE_SECONDS: u32 = 1_000_000;

/// Compare encodes in chunks with encodes in one piece.
#[derive(Debug, Parser)]
struct Args {
    /// What to transcode.
    #[arg(required = true)]
    clips: Vec<PathBuf>,
    /// Profile to follow.
    #[arg(long, default_value = "web")]
    profile: String,
    /// Length of the chunks [default: as the planner cuts for this machine]
    #[arg(long)]
    chunk_seconds: Option<u32>,
    /// The program flotilla, built for release, with flotilla-runner beside it.
    #[arg(long, default_value = "target/release/flotilla")]
    flotilla: PathBuf,
    /// An ffmpeg with libvmaf, to measure VMAF besides.
    #[arg(long, env = "FLOTILLA_VMAF_FFMPEG")]
    vmaf_ffmpeg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.flotilla.is_file(), "{} is not there; run `make release` first", args.flotilla.display());
    let machine = Machine::ask();
    let mut all = Vec::new();
    for clip in &args.clips {
        let (seams, rows) = clip_rows(&args, clip)?;
        if args.json {
            let rows: Vec<_> = rows.iter().map(compare::Row::json).collect();
            all.push(json!({ "clip": clip.file_name().map(|name| name.to_string_lossy()), "seams": seams, "rows": rows }));
        } else {
            println!("{}, profile {}, {seams} seams\n{}", clip.display(), args.profile, table::table(&rows));
        }
    }
    if args.json {
        println!("{}", json!({ "machine": machine.json(), "clips": all }));
    } else {
        print!("{}", table::LEGEND);
    }
    Ok(())
}

/// Encodes a clip both ways and compares all renditions; how many seams there are, and the comparison.
fn clip_rows(args: &Args, path: &Path) -> Result<(usize, Vec<compare::Row>)> {
    let folder = tempfile::tempdir().context("no folder to work in")?;
    let encode = |name: &str, seconds: Option<u32>| -> Result<(PathBuf, Report)> {
        let out = folder.path().join(name);
        let mut command = Command::new(&args.flotilla);
        command.arg("transcode").arg(path).args(["--profile", &args.profile, "--out"]).arg(&out);
        if let Some(seconds) = seconds {
            command.args(["--chunk-seconds", &seconds.to_string()]);
        }
        measure::run(command)?;
        let report = Report::read(&out)?;
        Ok((out, report))
    };
    let (chunked, report) = encode("chunked", args.chunk_seconds)?;
    let seams = report.seams();
    ensure!(
        !seams.is_empty(),
        "{} is encoded in one chunk anyhow: there is nothing to compare; see --chunk-seconds",
        path.display()
    );
    let (whole, whole_report) = encode("whole", Some(WHOLE_SECONDS))?;
    ensure!(whole_report.seams().is_empty(), "{} was cut although it should not be", path.display());
    let clip = Clip::probe(path)?;
    let grid: u64 = report.of("encode_chunk").map(|task| task.frames).sum();
    let pair = compare::Pair {
        source: path,
        clip: &clip,
        chunked: &chunked,
        whole: &whole,
        vmaf: args.vmaf_ffmpeg.as_deref(),
    };
    let rows = report.ladder.iter().zip(&whole_report.ladder).map(|(rung, alone)| {
        let seams: Vec<u64> = seams.iter().map(|seam| seam * rung.frames / grid.max(1)).collect();
        pair.row(rung, alone, &seams)
    });
    Ok((seams.len(), rows.collect::<Result<_>>()?))
}
