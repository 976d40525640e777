//! Two machines, as far as one can show them: two runners with a processor each beside one runner with one. Coordinator and
//! object store share the runners' processors, because somebody has to do their work too: two runners bring two processors,
//! and no third one helps either side. The daemons are ready before the clock starts, as in a fleet.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, ensure};
use flotilla_benches::measure::median;
use flotilla_benches::site::{Setup, Site};
use serde_json::{Value, json};

use super::Args;

/// Of one runner's time, two may take so much.
const MAX_RATIO: f64 = 0.54;

/// Runs both fleets in turn.
pub fn measure(args: &Args, folder: &Path) -> Result<(String, Value)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(cores >= 2, "two runners need two processors, this machine has {cores}");
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        for (count, seconds) in [(1, &mut one), (2, &mut two)] {
            let folder = folder.join(format!("site-{round}-{count}"));
            seconds.push(job(args, &folder, count)?);
        }
    }
    let (one_seconds, two_seconds) = (median(one.iter().copied()), median(two.iter().copied()));
    let ratio = two_seconds / one_seconds;
    let verdict = if ratio <= MAX_RATIO { "kept" } else { "NOT KEPT" };
    let place = if args.free_coordinator { "on any processor" } else { "on the runners' processors" };
    let mut text = format!("submitted to published, daemons ready before; coordinator and store {place}\n");
    let _ = writeln!(text, "one runner on one processor          {one_seconds:>7.2} s");
    let _ = writeln!(text, "two runners on one processor each    {two_seconds:>7.2} s");
    let _ = writeln!(
        text,
        "ratio                                {ratio:>7.3}   of at most {MAX_RATIO}: {verdict}"
    );
    let figures = json!({ "one_seconds": one, "two_seconds": two, "ratio": ratio, "limit": MAX_RATIO,
        "free_coordinator": args.free_coordinator });
    Ok((text, figures))
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
