//! What becomes of difficult, broken and hostile files: each gives an exact ladder or one clear sentence, the same with
//! one chunk as with several, and none leaves a trace in the daemons or the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flotilla_tests::corpus::{self, Fate};
use flotilla_tests::fleet::{ENGINE_MEMORY_MIB, Runner, Stage, Store};
use flotilla_tests::wait::wait_for;

/// Longer than any file of the corpus: everything is one chunk.
const ONE_CHUNK_SECONDS: u32 = 36_000;
const CHUNK_SECONDS: u32 = 2;

/// Garbage is swept up soon after a job has ended.
const SWEEP: Duration = Duration::from_secs(60);

/// Names a folder with more files than ship with the project. The table that is kept is of a collection of 123 files, from
/// where the shipped ones are taken; another folder's is written anew with INSTA_UPDATE=always.
const MORE: &str = "FLOTILLA_CORPUS";

#[test]
fn the_files_that_ship() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("media/odd");
    insta::assert_snapshot!("shipped", table(&corpus::files(&folder)));
}

#[test]
fn a_larger_corpus() {
    let Some(folder) = std::env::var_os(MORE) else {
        eprintln!("*** SKIPPED: a larger corpus. {MORE} names no folder. ***");
        return;
    };
    insta::assert_snapshot!("larger", table(&corpus::files(Path::new(&folder))));
}

/// Runs the files twice over one fleet, whose state must be at the end what it was at the start.
fn table(files: &[PathBuf]) -> String {
    assert!(!files.is_empty(), "the corpus is empty");
    let stage = Stage::new();
    let mut coordinator = stage.coordinator(Store::Embedded);
    let mut runner = stage.runner(&coordinator, "only", 2);
    let whole = corpus::run(&coordinator, files, ONE_CHUNK_SECONDS);
    let cut = corpus::run(&coordinator, files, CHUNK_SECONDS);
    assert!(coordinator.process.is_running() && runner.process.is_running(), "the daemons live");
    assert_untouched(&runner, &coordinator.bucket());
    for fate in whole.iter().chain(&cut) {
        let mebibytes = fate.peak_memory_bytes >> 20;
        println!("{mebibytes:>5} MiB  {}: {}", fate.file, fate.outcome);
        assert!(mebibytes < ENGINE_MEMORY_MIB, "{} took {mebibytes} MiB", fate.file);
        let was_read = fate.published.is_some();
        assert!(mebibytes > 0 || !was_read, "what an engine took for {} is not known", fate.file);
    }
    for (whole, cut) in whole.iter().zip(cut) {
        let bad = ["crash", "internal", "verify", "expired", "runner", "transient"];
        assert!(!bad.contains(&whole.outcome.as_str()), "{whole}");
        assert_eq!(whole.clone().without_chunks(), cut.without_chunks(), "one chunk, and several");
    }
    whole.iter().map(Fate::to_string).collect()
}

fn assert_untouched(runner: &Runner, bucket: &flotilla_tests::fleet::Bucket) {
    wait_for("the end of the last engine", SWEEP, || runner.engines().is_empty().then_some(()));
    for prefix in ["scratch/", "sources/"] {
        wait_for("the sweep", SWEEP, || bucket.keys(prefix).is_empty().then_some(()));
    }
}
