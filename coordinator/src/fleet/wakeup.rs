//! Who of the runners whose calls hang is woken by a change. One loop reads the store for all of them: a task that has
//! become ready rings for one runner that could do it, an attempt that has ended for its own runner.
//!
//! Whether the one that is rung gets the task is the store's decision. When it gets none the next is rung, so that a task
//! which only some may have (not on the machine on which it failed) finds them. A few are rung at every change whatever is
//! ready: there may be work for them that no queue shows. What all this misses waits for one beat at most
//! (`leases.hold_ms`, 10 seconds), since every call looks for itself when it comes in.

use std::time::Duration;

use tokio::time::Instant;

use crate::parts::Parts;
use crate::store::Result;

/// Ready tasks of the queue that one round looks at: more than one round could hand out.
const QUEUE_HEAD: u32 = 1_000;

/// Ends of attempts reach their runners after so long at most; all changes in that time cost one look.
const PAUSE: Duration = Duration::from_millis(50);

/// Runners that look in each pause although no task seems to be there for them.
const SCOUTS: usize = 8;

/// Rings in each pause that may turn out to be in vain before the next ones wait.
const VAIN_LIMIT: usize = 32;

/// Wakes runners until the coordinator stops.
pub async fn wake_runners(parts: &Parts) {
    let mut changes = parts.wake.subscribe();
    let (mut next_tour, mut tour_is_due) = (Instant::now(), false);
    loop {
        tokio::select! {
            () = changes.changed() => {
                parts.waiting.begin_change();
                tour_is_due = true;
            }
            () = parts.waiting.settled() => {}
            () = tokio::time::sleep_until(next_tour), if tour_is_due => {}
            () = parts.lifecycle.stopping() => return,
        }
        if tour_is_due && Instant::now() >= next_tour {
            (next_tour, tour_is_due) = (Instant::now() + PAUSE, false);
            parts.waiting.begin_tour();
            note(tour(parts).await);
        }
        match parts.waiting.vain() < VAIN_LIMIT {
            true => note(ring_for_work(parts).await),
            false => tour_is_due = true,
        }
    }
}

/// Rings for what is ready.
async fn ring_for_work(parts: &Parts) -> Result<()> {
    if !parts.waiting.nobody_is_idle() {
        parts.waiting.ring_for(&parts.store.ready_work(QUEUE_HEAD).await?);
    }
    Ok(())
}

/// Rings for what has ended, and for what cannot be seen from here.
async fn tour(parts: &Parts) -> Result<()> {
    if parts.waiting.somebody_watches() {
        parts.waiting.ring_watchers(&parts.store.running().await?);
    }
    parts.waiting.ring_some(SCOUTS);
    Ok(())
}

/// Runners look for themselves soon.
fn note(outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the store could not say whom to wake");
    }
}
