//! `bench`: how fast this machine is, as people and the scheduler want to know it. Real chunks of a real clip go through
//! real engines, one in each slot at the same time; what comes out is counted and dropped.

mod calibration;
mod cases;
mod clip;
mod course;
mod devices;
mod energy;
mod measure;
mod quality;
mod result;
mod signature;
mod table;
#[cfg(test)]
mod tests;
mod vmaf;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use self::clip::Clip;
use self::course::Course;
use self::result::Findings;
use self::signature::Signed;
use crate::config::{self, Config};
use crate::error::Error;
use crate::identity::{Identity, StateDir};
use crate::lifecycle;
use crate::link::asked::{Measured, Meter};
use crate::slots::benchmark::Benchmark;
use crate::slots::capability::{self, Trial};
use crate::slots::machine::Machine;
use crate::slots::trials::Trials;

/// What the figures mean, for `--help`.
pub const HELP: &str = "\
Encodes a clip that comes with this program (\"flower\", 960x540, 5 s, by MDN contributors, CC0 1.0) in real engine
processes, one in every slot at the same time, with each encoder that works here. Encoders of devices that a runner would
offer are measured too, by no more engines at a time than their sessions carry. Nothing is sent anywhere; what comes out
is judged, counted and dropped. Do nothing else on the machine meanwhile: a daemon with the same state folder must be
stopped.

Figures are medians of three runs (--quick: one), with their spread. FRAMES/S and REAL TIME are of all engines together;
CPU S/MIN and J/MIN are what a minute of video takes; MEMORY is of the largest engine; KBIT/S is of all sizes together.

SSIM is how like the largest size is to the pictures that its encoder was given: structural similarity of brightness, the
mean over all frames of FFmpeg's lavfi.ssim.Y; 1 is equal. It is taken after the timed part, from the first run. --json
has the worst frame's too, and the bit rate of that size alone. VMAF has a column where the program ffmpeg has the filter
libvmaf (see --ffmpeg), which most do not; it is of the same pictures, and costs some seconds for each encoder.

--calibrate encodes the clip at four CRFs of libx264 and at nine numbers of the scale of each device's encoder, without a
cap, and says which number looks like which CRF. With --quick it takes 30 frames instead of 150; --json is not signed then.

Energy is that of the processors by their own counters (RAPL), where this machine has them and this user may read them, and
of NVIDIA cards by theirs (NVML), where the driver is there; what it is of is said below the table. Cards count as a whole,
also while they rest.

The figures are kept in the state folder: from its next start on, the daemon tells the coordinator what a slot does in a
second, which schedules by it until it has measured itself. --json signs them with the secret of this runner's identity,
of several that of the coordinator that was joined first (HMAC-SHA256), so that results of several machines are not mixed
up; --check says whether such a file is unchanged.";

/// What `bench` is asked for.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Fewer encoders and sizes, each once: well below a minute
    #[arg(long)]
    quick: bool,
    /// Write the signed figures there too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A program ffmpeg: where it has the filter libvmaf, VMAF is measured too
    #[arg(long, value_name = "PROGRAM", default_value = vmaf::PROGRAM)]
    ffmpeg: PathBuf,
    /// Compare the scales of quality of this machine's devices with x264's CRF instead: minutes
    #[arg(long)]
    calibrate: bool,
    /// Measure nothing: say whether FILE is an unchanged result of this runner
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "json", "calibrate"])]
    check: Option<PathBuf>,
}

/// Measures, prints, signs and keeps the figures; or checks some that were kept.
pub async fn run(config: Config, options: Options) -> Result<(), Error> {
    let state = StateDir::open(&config.state_dir)?;
    let identities = state.identities()?;
    if let Some(path) = &options.check {
        return signature::check(path, &identities);
    }
    // A daemon that works meanwhile would be measured too.
    let _claim = state.claim()?;
    if options.calibrate {
        return until_interrupted(calibrate(&config, &state, &options)).await;
    }
    let findings = until_interrupted(course(&config, &state, &options, Some(progress_bar())).run()).await?;
    print!("{findings}");
    keep(&findings, &state, &config.engine);
    if let Some(path) = &options.json {
        write(path, &Signed::new(findings, identities.first()))?;
    }
    Ok(())
}

/// Compares scales of quality; prints and writes what was found.
async fn calibrate(config: &Config, state: &StateDir, options: &Options) -> Result<(), Error> {
    let devices = course(config, state, options, None).devices().await;
    let engine = &config.engine;
    let clip = Clip::probe(engine).await.map_err(|message| failed("the clip", &message))?;
    let frames = if options.quick { 30 } else { 150 };
    let bench = calibration::Bench { clip, frames, engine, bar: Some(progress_bar()) };
    let found = bench.calibrate(&devices).await.map_err(|message| failed("scales of quality", &message))?;
    print!("{found}");
    match &options.json {
        Some(path) => write(path, &found),
        None => Ok(()),
    }
}

async fn until_interrupted<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::select! {
        // Signals first: they are listened to before there is an engine.
        biased;
        signal = lifecycle::interrupted() => {
            signal?;
            Err(Error::BenchInterrupted)
        }
        done = work => done,
    }
}

/// Measures when a coordinator asks for it: figures are kept and signed as those of the command.
pub fn meter(
    config: &Config,
    state: &StateDir,
    identity: &Identity,
    (machine, slot_count, trials): (&Machine, u32, Vec<Trial>),
) -> Meter {
    let given = Arc::new((config.clone(), state.clone(), identity.clone(), machine.clone(), trials));
    Arc::new(move |is_quick| {
        let given = given.clone();
        Box::pin(async move {
            let (config, state, identity, machine, trials) = given.as_ref();
            let options = Options { quick: is_quick, ffmpeg: vmaf::PROGRAM.into(), ..Options::default() };
            let findings = course(config, state, &options, None).run().await;
            let findings = findings.map_err(|error| error.to_string())?;
            keep(&findings, state, &config.engine);
            let kept = Benchmark::load(state, &Trials::key(&config.engine));
            let capabilities = capability::capabilities(machine, slot_count, trials, kept.as_ref());
            let signed = Signed::new(findings, Some(identity));
            let result_json = serde_json::to_string(&signed).expect("plain data has a JSON form");
            Ok(Measured { result_json, capabilities })
        })
    })
}

fn course<'a>(
    config: &'a Config,
    state: &'a StateDir,
    options: &'a Options,
    bar: Option<ProgressBar>,
) -> Course<'a> {
    Course { config, state, is_quick: options.quick, ffmpeg: &options.ffmpeg, bar }
}

/// On standard error, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Makes the figures known to the next `run` and to `doctor`.
fn keep(findings: &Findings, state: &StateDir, engine: &config::Engine) {
    let key = Trials::key(engine);
    let mut kept = Benchmark {
        key,
        slots: findings.host.slots,
        pixels_per_second: findings.speeds(),
        summary: findings.summary.clone(),
    };
    // A quick one may have left out what an earlier one measured.
    if let Some(before) = Benchmark::load(state, &kept.key).filter(|before| before.slots == kept.slots) {
        for (encoder, speed) in before.pixels_per_second {
            kept.pixels_per_second.entry(encoder).or_insert(speed);
        }
    }
    if let Err(error) = kept.store(state) {
        tracing::warn!(%error, "the result of the benchmark cannot be kept");
    }
}

fn write(path: &Path, figures: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(figures).expect("plain data has a JSON form");
    std::fs::write(path, text + "\n").map_err(|error| {
        let message = format!("the figures cannot be written to {}: {error}", path.display());
        Error::usage(message, "name a file in a folder that this user can write")
    })
}

fn failed(what: &str, message: &str) -> Error {
    let hint = "run `flotilla-runner doctor`, and this again with -vv";
    Error::internal(format!("the benchmark of {what} failed: {message}"), hint)
}
