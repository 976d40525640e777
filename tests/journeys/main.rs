//! Journeys: the product as its users meet it, with real processes, real media and real accidents. Each ends with the
//! judge's word that what was published is exact, or with the proof that nothing was.

mod accidents;
mod cancelling;
mod devices;
mod editing;
mod examples;
mod instances;
mod measuring;
mod merging;
mod mistakes;
mod muxing;
mod neighbours;
mod onward;
mod probing;
mod progressive;
mod serving;
mod sharing;
mod storyboards;
mod tracks;

use std::time::Duration;

use flotilla_tests::fleet::{Bucket, Store};

/// How long a job of a few seconds of video may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Every store that a journey can be made on: the embedded one, and the external one if there is one.
fn stores() -> Vec<Store> {
    let external = Bucket::from_environment().map(Store::External);
    [Some(Store::Embedded), external].into_iter().flatten().collect()
}
