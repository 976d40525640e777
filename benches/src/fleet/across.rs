//! Two machines, as far as one can show them: two runners with a processor each beside one runner with one. Coordinator and
//! object store share the runners' processors, because somebody has to do their work too: two runners bring two processors,
//! and no third one helps either side. The daemons are ready before the clock starts, as in a fleet.
//!
//! Processors of one machine are not two machines: they share caches, memory, clock and often a core, so that each is slower
//! while the other one works. So the one runner runs twice: beside an idle processor, and beside one that encodes something
//! else. Two machines are judged by the second: there a processor is as fast as each of the two.

use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use flotilla_benches::measure::median;
use flotilla_benches::site::{Setup, Site};
use serde_json::{Value, json};

use super::Args;

/// Of one runner's time, two may take so much.
const MAX_RATIO: f64 = 0.54;

/// Runs all fleets in turn.
pub fn measure(args: &Args, folder: &Path) -> Result<(String, Value)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(cores >= 2, "two runners need two processors, this machine has {cores}");
    let (mut alone, mut beside, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let folder = |name: &str| folder.join(format!("site-{round}-{name}"));
        alone.push(job(args, &folder("alone"), 1)?);
        let other = Other::start(&args.clip)?;
        beside.push(job(args, &folder("beside"), 1)?);
        drop(other);
        two.push(job(args, &folder("two"), 2)?);
    }
    let [alone_s, beside_s, two_s] = [&alone, &beside, &two].map(|seconds| median(seconds.iter().copied()));
    let (ratio, equal_ratio) = (two_s / alone_s, two_s / beside_s);
    let verdict = if equal_ratio <= MAX_RATIO { "kept" } else { "NOT KEPT" };
    let place = if args.free_coordinator { "on any processor" } else { "on the runners' processors" };
    let mut text = format!("submitted to published, daemons ready before; coordinator and store {place}\n");
    let _ =
        writeln!(text, "one runner, the other processor idle  {alone_s:>7.2} s   two take {ratio:.3} of it");
    let _ = writeln!(
        text,
        "one runner, the other one encodes     {beside_s:>7.2} s   two take {equal_ratio:.3} of it, of at most {MAX_RATIO}: {verdict}"
    );
    let _ = writeln!(text, "two runners, a processor each         {two_s:>7.2} s");
    let figures = json!({ "one_seconds": alone, "one_beside_another_seconds": beside, "two_seconds": two,
        "ratio": ratio, "equal_ratio": equal_ratio, "limit": MAX_RATIO, "free_coordinator": args.free_coordinator });
    Ok((text, figures))
}

/// Encodes the clip over and over on the second processor, as nice as an engine, until it is dropped.
struct Other(Child);

impl Other {
    fn start(clip: &Path) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", "1", "nice", "-n", "10", "ffmpeg", "-v", "error", "-nostdin"]);
        command.args(["-stream_loop", "-1", "-threads", "1", "-i"]).arg(clip);
        command.args(["-an", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-f", "null", "-"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Self(child.context("ffmpeg does not start")?))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn job(args: &Args, folder: &Path, runners: usize) -> Result<f64> {
    let processors = if runners == 1 && !args.free_coordinator { "0" } else { "0,1" };
    let setup = Setup {
        flotilla: &args.flotilla,
        folder,
        external: None,
        processors: processors.into(),
        profiles: None,
    };
    let mut site = Site::start(setup)?;
    for processor in 0..runners {
        let url = site.url().to_owned();
        site.add_runner(&processor.to_string(), 1, &url)?;
    }
    Ok(site.transcode(&args.clip, &[])?.seconds)
}
