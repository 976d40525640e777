//! How long the embedded store takes to join an hour of video out of its chunks, and in how much memory: the very calls
//! that the coordinator makes, over real bytes, read back at both ends of every chunk.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Parser;
use flotilla_coordinator::objects::{EmbeddedServer, Location, Storage};
use flotilla_coordinator::publish::layout::{self, Part};

const BUCKET: &str = "bench";

#[derive(Parser)]
struct Args {
    /// Chunks; an hour has 60 of a minute.
    #[arg(long, default_value_t = 60)]
    chunks: u8,
    /// Size of a chunk, MiB; a minute at 2.2 Mbit/s.
    #[arg(long, default_value_t = 16)]
    chunk_mib: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let server = EmbeddedServer::open(folder.path(), None)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let storage = Storage::new(&server.storage_config(&format!("http://{}", listener.local_addr()?)));
    let router = server.mount(axum::Router::new());
    tokio::spawn(async move { axum::serve(listener, router).await });
    storage.ensure_bucket(BUCKET).await?;
    let chunk_bytes = args.chunk_mib << 20;
    for number in 0..args.chunks {
        let at = chunk(number)?;
        let id = storage.create_upload(&at, "video/mp4").await?;
        let etag = storage.put_part(&at, &id, 1, Bytes::from(vec![number; chunk_bytes])).await?;
        storage.complete_upload(&at, &id, &[etag], chunk_bytes as u64).await?;
    }
    let before_kib = resident_kib()?;
    let start = Instant::now();
    join(&storage, args.chunks, chunk_bytes as u64).await?;
    let seconds = start.elapsed().as_secs_f64();
    let total_mib = usize::from(args.chunks) * args.chunk_mib;
    println!("joined {total_mib} MiB of {} chunks in {seconds:.2} s", args.chunks);
    println!("resident {} MiB before, {} MiB after", before_kib >> 10, resident_kib()? >> 10);
    Ok(())
}

async fn join(storage: &Storage, count: u8, chunk_bytes: u64) -> Result<()> {
    let at = Location::new(BUCKET, "whole")?;
    let id = storage.create_upload(&at, "video/mp4").await?;
    let parts = layout::parts(&vec![chunk_bytes; count.into()]).context("too many parts")?;
    let mut etags = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let Part::Copy(piece) = part else { anyhow::bail!("chunks below 5 MiB are not copied") };
        let from = chunk(u8::try_from(piece.object)?)?;
        etags.push(storage.copy_part(&from, None, &at, &id, number).await?);
    }
    let total = chunk_bytes * u64::from(count);
    storage.complete_upload(&at, &id, &etags, total).await?;
    for number in 0..count {
        let first = u64::from(number) * chunk_bytes;
        for offset in [first, first + chunk_bytes - 1] {
            let found = storage.get_range(&at, offset..offset + 1).await?;
            ensure!(found[..] == [number], "byte {offset} is not of chunk {number}");
        }
    }
    Ok(())
}

fn chunk(number: u8) -> Result<Location> {
    Ok(Location::new(BUCKET, &format!("chunk/{number}"))?)
}

/// What this process, which is the store too, holds in memory now.
fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
