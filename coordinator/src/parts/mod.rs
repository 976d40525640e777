//! What every part of the coordinator works with: the store, the objects, the clock, and the little that lives only in
//! memory. `app` makes it; the edges and verbs above are handed it.

mod benches;
mod busy;
mod plans;
mod roster;
mod shares;
mod turns;
mod waiting;

use std::sync::Arc;

use flotilla_profiles::Library;
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::domain::runner::LIVE_MS;
use crate::domain::{JobId, Plan};
use crate::lifecycle::Lifecycle;
use crate::objects::{Storage, WorkBucket};
use crate::store::{Result, RunnerRecord, Store};
use crate::wake::Wake;

pub use benches::{Benches, Order as BenchOrder, State as BenchState};
pub use busy::{Busy, Writing};
pub use plans::Plans;
pub use roster::Roster;
pub use shares::Shares;
pub use turns::{Turn, Turns};
pub use waiting::{Offers, Place, Waiting};

/// What every part of the coordinator works with.
pub struct Parts {
    /// As configured.
    pub config: Config,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Objects.
    pub storage: Storage,
    /// For sources and scratch.
    pub bucket: WorkBucket,
    /// Profiles that jobs may name.
    pub profiles: Library,
    /// What time it is.
    pub clock: SharedClock,
    /// Tells that something has changed.
    pub wake: Wake,
    /// Runners' calls that hang, and whom of them a change concerns.
    pub waiting: Waiting,
    /// Runners that call.
    pub roster: Roster,
    /// Wakes the publisher.
    pub publish_wanted: Notify,
    /// Wakes the joiner: chunks may be complete.
    pub join_wanted: Notify,
    /// Wakes whoever shows jobs early: there may be more of one.
    pub early_wanted: Notify,
    /// Wakes the sweeper of sources: a job is over.
    pub sweep_wanted: Notify,
    /// Benchmarks that runners are asked for.
    pub benches: Benches,
    /// Spawning and stopping.
    pub lifecycle: Lifecycle,
    /// What is being written just now.
    pub busy: Busy,
    /// Which call of a runner is its newest.
    pub turns: Turns,
    /// Secret of the REST interface.
    pub admin_token: String,
    /// Read lately.
    pub plans: Plans,
    /// The rules of scheduling.
    pub shares: Shares,
}

impl Parts {
    /// The plan of a job.
    pub async fn plan(&self, job_id: &JobId) -> Result<Arc<Plan>> {
        self.plans.of(self.store.as_ref(), job_id).await
    }

    /// Slots of the runners that were seen lately.
    pub async fn live_slots(&self) -> Result<u32> {
        Ok(self.live_runners().await?.iter().map(|runner| runner.capabilities.slots).sum())
    }

    /// The runners that were seen lately and take work.
    pub async fn live_runners(&self) -> Result<Vec<RunnerRecord>> {
        let now = self.clock.now();
        let mut runners = self.store.runners().await?;
        runners.retain(|runner| runner.is_live(now, LIVE_MS) && !runner.draining);
        Ok(runners)
    }
}
