//! What the coordinator asks of an S3 store, checked on the embedded server and on an independent one.
//!
//! The independent server is named by `FLOTILLA_TEST_S3_ENDPOINT`, `…_BUCKET`, `…_ACCESS_KEY`, `…_SECRET_KEY`
//! and `…_REGION` (`garage` unless set). Without them that run is left out, and says so.

#[path = "objects/conformance.rs"]
mod conformance;
#[path = "objects/durability.rs"]
mod durability;
#[path = "objects/protocol.rs"]
mod protocol;
#[path = "objects/target.rs"]
mod target;

use std::io::Write;

use target::{Server, Target};

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_server_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    conformance::check_all(&server.target().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_server_conforms() {
    match Target::from_environment() {
        Some(target) => conformance::check_all(&target).await,
        None => tell_skipped(),
    }
}

fn tell_skipped() {
    let text = "\n*** SKIPPED: the conformance run against an independent S3 server. ***\n\
                *** Set FLOTILLA_TEST_S3_ENDPOINT, _BUCKET, _ACCESS_KEY and _SECRET_KEY to run it. ***\n\n";
    // Not by a macro: the harness would keep the words of a test that passes to itself.
    std::io::stderr().write_all(text.as_bytes()).expect("standard error is open");
}
