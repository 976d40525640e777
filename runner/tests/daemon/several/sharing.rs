//! Who gets how much of the machine. Tasks are counted, nothing is timed.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::coordinator::FakeCoordinator;
use crate::engine::DONE;

use super::{Two, until_done, until_last};

/// Tasks that each has done when both together have done so many, both having as much work as they want.
async fn done_of(total: usize, slots: u32, shares: [u32; 2]) -> [usize; 2] {
    let two = Two::new().await;
    let task = two.world.task("", 1024, Vec::new());
    for coordinator in two.both() {
        coordinator.with(|state| state.endless = Some(task.clone()));
    }
    let daemon = two.start(DONE, slots, shares).await;
    let done = [const { AtomicUsize::new(0) }; 2];
    let is_enough = |of: usize, count: usize| {
        done[of].store(count, Ordering::Relaxed);
        done.iter().map(|done| done.load(Ordering::Relaxed)).sum::<usize>() >= total
    };
    let counted = |of: usize, coordinator: FakeCoordinator| async move {
        coordinator.until("so many tasks are done", |state| is_enough(of, state.completes.len())).await;
    };
    let [first, second] = two.both().map(Clone::clone);
    tokio::select! {
        () = counted(0, first) => {}
        () = counted(1, second) => {}
    }
    two.drained(daemon).await;
    done.map(AtomicUsize::into_inner)
}

#[tokio::test]
async fn one_slot_is_shared_three_to_one() {
    let [first, second] = done_of(40, 1, [3, 1]).await;
    assert!((27..=33).contains(&first) && second >= 7, "{first} and {second}");
}

#[tokio::test]
async fn two_slots_are_shared_three_to_one() {
    let [first, second] = done_of(40, 2, [3, 1]).await;
    assert!((26..=34).contains(&first) && second >= 6, "{first} and {second}");
}

#[tokio::test]
async fn who_has_no_work_leaves_the_machine_to_the_other() {
    let two = Two::new().await;
    let daemon = two.start(&two.gated(), 2, [1, 1]).await;
    let task = two.world.task("", 1024, Vec::new());
    two.second.with(|state| state.endless = Some(task));
    until_last(&two.second, "it has both slots", |sync| sync.attempts.len() == 2).await;
    // One that has work now waits for a task to end, and no longer.
    two.lease(&two.world.coordinator, "a");
    two.world.until_held(&["a"]).await;
    two.open_gate();
    until_done(&two.world.coordinator, 1).await;
    until_done(&two.second, 10).await;
    two.drained(daemon).await;
}
