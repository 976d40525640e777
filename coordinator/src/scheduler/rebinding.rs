//! Jobs whose encoder has vanished: its machine is gone, or its device. They wait for it as long as what they have made
//! with it took; if it has not come back by then, they start over with another encoder. So waiting and working again
//! together never cost more than twice what the better of the two would have.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::runner::LIVE_MS;
use crate::parts::Parts;
use crate::store::{LostBond, Result};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Shortest wait: after a restart of the coordinator all runners are away for a moment.
const LEAST_WAIT_MS: u64 = 5_000;

/// Jobs that wait for what they are bound to, and since when.
#[derive(Debug, Default)]
struct Waits(HashMap<LostBond, Timestamp>);

/// Starts jobs over until the coordinator stops.
pub async fn rebind_lost(parts: &Parts) {
    let mut waits = Waits::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = parts.lifecycle.stopping() => return,
        }
        if let Err(error) = look(parts, &mut waits).await {
            tracing::error!(%error, "jobs that lost their encoder could not be started over");
        }
    }
}

async fn look(parts: &Parts, waits: &mut Waits) -> Result<()> {
    let now = parts.clock.now();
    for lost in waits.over(parts.store.lost_bonds(LIVE_MS, now).await?, now) {
        if parts.store.rebind(&lost, now).await? {
            tracing::warn!(
                job.id = %lost.job_id,
                bond = lost.bond,
                lost_ms = lost.done_ms,
                "no runner offers the encoder any more: its chunks are made anew with another"
            );
            parts.wake.all();
        }
    }
    Ok(())
}

impl Waits {
    /// Those of what is lost now that have waited long enough.
    fn over(&mut self, lost: Vec<LostBond>, now: Timestamp) -> Vec<LostBond> {
        // What is back, or has changed, is waited for anew.
        self.0.retain(|known, _| lost.contains(known));
        let waited = |lost: &LostBond| {
            let since = *self.0.entry(lost.clone()).or_insert(now);
            now.since_ms(since) >= lost.done_ms.max(LEAST_WAIT_MS)
        };
        lost.into_iter().filter(waited).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(done_ms: u64) -> LostBond {
        LostBond { job_id: "job".parse().unwrap(), need: "a|b".into(), bond: "a=1".into(), done_ms }
    }

    #[test]
    fn a_job_waits_as_long_as_what_it_would_lose() {
        let mut waits = Waits::default();
        let mut at = |now: i64, lost: &[LostBond]| waits.over(lost.to_vec(), Timestamp(now)).len();
        let dear = [lost(60_000)];
        assert_eq!([at(0, &dear), at(59_999, &dear), at(60_000, &dear)], [0, 0, 1]);
        assert_eq!([at(60_001, &[]), at(60_002, &dear)], [0, 0], "it had come back");
        let cheap = [lost(0)];
        assert_eq!([at(70_000, &cheap), at(74_999, &cheap), at(75_000, &cheap)], [0, 0, 1]);
    }
}
