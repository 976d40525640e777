//! What the fleet pays beyond one ffmpeg command, named and measured one by one. Each step changes one thing, so that the
//! steps add up from the limit to the fleet; the parts of steps are measured by hand on the same bytes and frames.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use flotilla_benches::clip::Clip;
use flotilla_benches::contestant;
use flotilla_benches::measure::{self, Figures, median};
use flotilla_benches::process::Role;
use flotilla_benches::report::Report;
use serde_json::{Value, json};

use super::Args;
use super::race::fresh;

/// Longer than any source: everything is one chunk.
const WHOLE_SECONDS: u32 = 1_000_000;
/// Engine starts, and MiB through hash and pipe, that are measured at once.
const STARTS: u32 = 20;
const SAMPLE_MIB: u64 = 256;

/// What one round costs, CPU seconds.
struct Round {
    fleet: f64,
    coordinator: f64,
    runner: f64,
    limit: f64,
    settings: f64,
    whole: f64,
    audio: f64,
    report: Report,
}

/// A line of the table.
struct Step {
    name: String,
    seconds: f64,
    /// Part of the step before, not added.
    is_part: bool,
}

/// Runs everything; the table and its figures.
pub fn measure(args: &Args, clip: &Clip, folder: &Path) -> Result<(String, Value)> {
    let mut rounds = Vec::new();
    for number in 0..args.rounds {
        rounds.push(round(args, clip, folder, number)?);
    }
    let unit = Units::measure(args, clip, folder)?;
    let steps = steps(&rounds, clip, &unit)?;
    let (limit, fleet) = (steps[0].seconds, steps[steps.len() - 1].seconds);
    let mut text = format!("{:<66}{:>8}{:>10}\n", "", "cpu s", "of limit");
    for step in &steps {
        let name = if step.is_part { format!("    of which {}", step.name) } else { step.name.clone() };
        let _ = writeln!(text, "{name:<66}{:>8.2}{:>9.1}%", step.seconds, 100.0 * step.seconds / limit);
    }
    let _ = writeln!(text, "ratio {:.3}", fleet / limit);
    let figure =
        |step: &Step| json!({ "name": step.name, "cpu_seconds": step.seconds, "is_part": step.is_part });
    Ok((text, steps.iter().map(figure).collect()))
}

fn round(args: &Args, clip: &Clip, folder: &Path, number: usize) -> Result<Round> {
    let transcode = |name: &str, chunk_seconds| -> Result<(Figures, Report)> {
        let out = folder.join(format!("{name}-{number}"));
        let command = contestant::fleet(&args.flotilla, &args.clip, &out, args.runners, chunk_seconds);
        Ok((measure::run(command)?, Report::read(&out)?))
    };
    let (fleet, report) = transcode("fleet", None)?;
    let (_, whole) = transcode("whole", Some(WHOLE_SECONDS))?;
    let peers = fresh(folder)?;
    let cpu = |command: Command| Ok::<f64, anyhow::Error>(measure::run(command)?.cpu_seconds);
    let limit = cpu(contestant::limit(&args.clip, &contestant::ladder(clip), &peers))?;
    let ladder = contestant::same_ladder(&report.ladder, clip, true);
    Ok(Round {
        fleet: fleet.cpu_seconds,
        coordinator: fleet.watched.cpu_seconds(Role::Coordinator),
        runner: fleet.watched.cpu_seconds(Role::Runner),
        limit,
        settings: cpu(contestant::limit(&args.clip, &ladder, &peers))?,
        whole: whole.cpu_seconds("encode_chunk"),
        audio: if report.of("encode_audio").next().is_some() {
            cpu(contestant::audio(&args.clip, &peers))?
        } else {
            0.0
        },
        report,
    })
}

/// What small things cost, CPU seconds.
struct Units {
    trials: f64,
    engine_start: f64,
    decode_a_frame: f64,
    hash_a_megabyte: f64,
    pipe_a_megabyte: f64,
    fragment_everything: f64,
}

impl Units {
    fn measure(args: &Args, clip: &Clip, folder: &Path) -> Result<Self> {
        let runner = args.flotilla.with_file_name("flotilla-runner");
        let mut doctor = Command::new(&runner);
        doctor.arg("doctor").env("FLOTILLA_RUNNER_STATE", folder.join("doctor"));
        let sample = folder.join("sample");
        std::fs::write(&sample, vec![7; (SAMPLE_MIB << 20) as usize]).context("no room for a sample")?;
        let sample_megabytes = (SAMPLE_MIB << 20) as f64 / 1e6;
        let cpu = |command: Command| Ok::<f64, anyhow::Error>(measure::run(command)?.cpu_seconds);
        let start =
            format!("for i in $(seq {STARTS}); do \"$0\" engine --memory-mib 0 </dev/null; done; true");
        Ok(Self {
            trials: cpu(doctor)?,
            engine_start: cpu(shell(&start, &runner))? / f64::from(STARTS),
            decode_a_frame: cpu(contestant::decode(&args.clip))? / clip.keyframes.len().max(1) as f64,
            hash_a_megabyte: cpu(shell("sha256sum \"$0\"", &sample))? / sample_megabytes,
            pipe_a_megabyte: cpu(shell("cat \"$0\" | cat >/dev/null", &sample))? / sample_megabytes,
            fragment_everything: fragmenting(folder)?,
        })
    }
}

fn shell(script: &str, argument: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(argument);
    command
}

/// The published renditions copied into fragments once more, less as many starts of ffmpeg: an upper bound, because they
/// are read and taken apart too.
fn fragmenting(folder: &Path) -> Result<f64> {
    let out = folder.join("fleet-0");
    let report = Report::read(&out)?;
    let files: Vec<PathBuf> =
        report.ladder.iter().map(|rung| out.join(&rung.name).join("media.mp4")).collect();
    let copies = files.iter().map(|file| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-i"]).arg(file);
        command.args(["-c", "copy", "-movflags", "empty_moov+frag_keyframe+default_base_moof", "-f", "mp4"]);
        command.args(["-y", "/dev/null"]);
        command
    });
    let starts = files.iter().map(|_| {
        let mut command = Command::new("ffmpeg");
        command.arg("-version");
        command
    });
    let (copied, started) = (measure::run_all(copies.collect())?, measure::run_all(starts.collect())?);
    Ok((copied.cpu_seconds - started.cpu_seconds).max(0.0))
}

fn steps(rounds: &[Round], clip: &Clip, unit: &Units) -> Result<Vec<Step>> {
    let middle = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let report = &rounds.first().context("there was no round")?.report;
    let (limit, settings, whole) = (middle(|r| r.limit), middle(|r| r.settings), middle(|r| r.whole));
    let (audio, chunks) = (middle(|r| r.audio), middle(|r| r.report.cpu_seconds("encode_chunk")));
    let assembly = middle(|r| r.report.cpu_seconds("assemble"));
    let lead_in: usize =
        report.seams().iter().map(|frame| clip.lead_in_frames(seam_in_source(report, clip, *frame))).sum();
    let joined = report.of("assemble").count();
    let chunk_count = report.of("encode_chunk").count();
    let moved = (report.bytes_downloaded + report.bytes_uploaded) as f64 / 1e6;
    let step = |name: String, seconds| Step { name, seconds, is_part: false };
    let part = |name: String, seconds| Step { name, seconds, is_part: true };
    let mut steps = vec![
        step("limit: one ffmpeg".into(), limit),
        step("the fleet's sizes, frame rates and encoder settings".into(), settings - limit),
        step("the engine in place of ffmpeg, whole video".into(), whole - (settings - audio)),
        part("fragmenting, at most".into(), unit.fragment_everything),
        step(format!("cutting into {chunk_count} chunks"), chunks - whole),
        part(format!("{lead_in} lead-in frames decoded"), lead_in as f64 * unit.decode_a_frame),
        step("sound as a task of its own".into(), middle(|r| r.report.cpu_seconds("encode_audio")) - audio),
        step("probe".into(), middle(|r| r.report.cpu_seconds("probe"))),
        step("text".into(), middle(|r| r.report.cpu_seconds("extract_text"))),
        step(format!("assembly, {joined} tasks"), assembly),
        part(format!("starts of {joined} engines"), joined as f64 * unit.engine_start),
        step("start-up: trials of all encoders".into(), unit.trials),
        step("runner daemons: pipes, HTTP, hashing, calls".into(), middle(|r| r.runner)),
        part(format!("pipes, {moved:.0} MB at both ends"), moved * unit.pipe_a_megabyte),
        part("hashing of the same bytes".into(), moved * unit.hash_a_megabyte),
        step("coordinator and object store: protocol, database, files".into(), middle(|r| r.coordinator)),
        part("hashing of the same bytes".into(), moved * unit.hash_a_megabyte),
    ];
    let fleet = middle(|r| r.fleet);
    let named: f64 = steps.iter().filter(|step| !step.is_part).map(|step| step.seconds).sum();
    steps.push(step("not explained (noise, and what ended between two looks)".into(), fleet - named));
    steps.push(step("fleet".into(), fleet));
    Ok(steps)
}

/// A frame of the finest grid as one of the source: the same share of the whole.
fn seam_in_source(report: &Report, clip: &Clip, frame: u64) -> usize {
    let frames: u64 = report.of("encode_chunk").map(|task| task.frames).sum();
    (frame * clip.keyframes.len() as u64 / frames.max(1)) as usize
}
