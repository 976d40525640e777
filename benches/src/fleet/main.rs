//! What a ladder costs: Flotilla's whole fleet on one machine beside those who make the same ladder otherwise. All run in
//! turn, several times, on the same machine in the same minutes; only the ratios mean anything. See README.md in this
//! folder.

mod account;
mod across;
mod external;
mod overheads;
mod proxy;
mod race;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use flotilla_benches::clip::Clip;
use flotilla_benches::machine::Machine;
use serde_json::json;

/// Measure Flotilla beside its peers.
#[derive(Debug, Parser)]
struct Args {
    /// What to transcode.
    clip: PathBuf,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Runner processes of the fleet [default: as `flotilla transcode` chooses]
    #[arg(long)]
    runners: Option<u32>,
    /// The program flotilla, built for release, with flotilla-runner beside it.
    #[arg(long, default_value = "target/release/flotilla")]
    flotilla: PathBuf,
    /// Leave out the stock runner's way, which takes longest.
    #[arg(long)]
    no_stock: bool,
    /// Instead: name and measure what the fleet pays beyond one ffmpeg command.
    #[arg(long, conflicts_with_all = ["across", "external"])]
    overheads: bool,
    /// Instead: two runners with a processor each beside one runner with one.
    #[arg(long, conflicts_with = "external")]
    across: bool,
    /// With --across: coordinator and object store may use all processors, instead of the runners' own.
    #[arg(long, requires = "across")]
    free_coordinator: bool,
    /// Instead: a job with an S3 server of its own, and what the coordinator sends and receives. The server is named by
    /// FLOTILLA_TEST_S3_ENDPOINT, _BUCKET, _REGION, _ACCESS_KEY and _SECRET_KEY, as by `tests/s3/with-store.sh`.
    #[arg(long)]
    external: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.rounds > 0, "--rounds must be at least 1");
    ensure!(args.flotilla.is_file(), "{} is not there; run `make release` first", args.flotilla.display());
    let machine = Machine::ask();
    let clip = Clip::probe(&args.clip)?;
    let folder = tempfile::tempdir().context("no folder to work in")?;
    let (table, figures) = if args.overheads {
        overheads::measure(&args, &clip, folder.path())?
    } else if args.across {
        across::measure(&args, folder.path())?
    } else if args.external {
        external::measure(&args, folder.path())?
    } else {
        race::measure(&args, &clip, folder.path())?
    };
    if args.json {
        let clip = json!({ "name": args.clip.file_name().map(|name| name.to_string_lossy()), "bytes": clip.size_bytes });
        println!(
            "{}",
            json!({ "clip": clip, "rounds": args.rounds, "machine": machine.json(), "figures": figures })
        );
    } else {
        println!("{}, {} rounds", args.clip.display(), args.rounds);
        machine.print();
        print!("\n{table}");
    }
    Ok(())
}
