//! Earliest finish first: near the end of the queue a slow runner leaves a task alone when the faster ones will have
//! ended everything, this task included, before it would be done. While there is more work than that, everybody works.

use std::borrow::Cow;

/// A slot of another runner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// When it will be free, milliseconds from now.
    pub free_in_ms: u64,
    /// Pixels per second.
    pub speed: f64,
}

/// A runner is faster when it is so by this factor: estimates are not better.
pub const FASTER: f64 = 1.5;

/// A task is taken only where I would surely end it sooner: my own estimate may be as wrong as that. A slot that ends too early
/// finds a smaller task; one that ends too late keeps everybody waiting.
const MARGIN: f64 = 0.8;

/// Longest time for which a task is left for slots that are idle. Their runner may never ask for it, whatever the figures
/// say: its disk is full, or its network is gone.
pub const IDLE_MS: u64 = 60_000;

/// Longest time for which a task is left alone altogether.
const LONGEST_MS: u64 = 600_000;

/// Whether to leave a task of `pixels` that would take me `mine_ms`. `queue_pixels` are all that is ready, this task
/// included; `others` are the slots of other runners that could do it.
pub fn leave(pixels: u64, mine_ms: u64, queue_pixels: u64, others: &[Slot]) -> bool {
    let Some(best) = others.iter().map(|slot| slot.speed).reduce(f64::max) else { return false };
    let best_ms = pixels as f64 * 1000.0 / best;
    if best_ms * FASTER > mine_ms as f64 {
        return false;
    }
    // Slow ones help to get through the queue, too.
    let before = queue_pixels.saturating_sub(pixels) as f64;
    let Some(begun_ms) = drained_in_ms(before, others) else { return false };
    // Begun when the rest of the queue is gone, by one of the fastest.
    (begun_ms + best_ms) * MARGIN < mine_ms as f64
}

/// The slots for which a task may still be left that has been left for so long.
pub fn relied_on(slots: &[Slot], left_for_ms: u64) -> Cow<'_, [Slot]> {
    match left_for_ms {
        0..IDLE_MS => Cow::Borrowed(slots),
        IDLE_MS..LONGEST_MS => slots.iter().copied().filter(|slot| slot.free_in_ms > 0).collect(),
        _ => Cow::Borrowed(&[]),
    }
}

/// When some slot is free and `pixels` are done by all of them together, each from when it is free, milliseconds from
/// now. None without slots.
fn drained_in_ms(pixels: f64, slots: &[Slot]) -> Option<f64> {
    let mut slots: Vec<Slot> = slots.to_vec();
    slots.sort_by_key(|slot| slot.free_in_ms);
    let mut now_ms = slots.first()?.free_in_ms as f64;
    let (mut left, mut speed) = (pixels, 0.0);
    for (at, slot) in slots.iter().enumerate() {
        speed += slot.speed.max(1.0) / 1000.0;
        let until_ms = slots.get(at + 1).map_or(f64::INFINITY, |next| next.free_in_ms as f64);
        let done = speed * (until_ms - now_ms);
        if done >= left {
            return Some(now_ms + left / speed);
        }
        (left, now_ms) = (left - done, until_ms);
    }
    Some(now_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAST: f64 = 10_000.0;

    fn free_in(milliseconds: &[u64]) -> Vec<Slot> {
        milliseconds.iter().map(|&free_in_ms| Slot { free_in_ms, speed: FAST }).collect()
    }

    /// Tasks of 10 s on a fast slot, 100 s on mine; `waiting` of them are ready.
    fn check(waiting: u64, faster: &[u64], expected: bool) {
        let task = 100_000;
        let left = leave(task, 100_000, waiting * task, &free_in(faster));
        assert_eq!(left, expected, "{waiting} waiting, fast slots free in {faster:?}");
    }

    #[test]
    fn the_last_tasks_are_left_to_the_fast_and_the_first_are_not() {
        check(1, &[0], true);
        check(12, &[0], true);
        check(13, &[0], false);
        check(23, &[0, 0], true);
        check(24, &[0, 0], false);
    }

    #[test]
    fn a_fast_runner_that_is_busy_for_long_is_not_waited_for() {
        check(1, &[114_000], true);
        check(1, &[116_000], false);
        check(7, &[60_000], false);
        check(7, &[60_000, 0], true);
    }

    #[test]
    fn without_a_faster_one_everybody_works_and_patience_ends() {
        check(1, &[], false);
        let slots = free_in(&[0, 7, 0]);
        let relied_on = |left_for_ms| relied_on(&slots, left_for_ms).len();
        assert_eq!([0, IDLE_MS - 1, IDLE_MS, LONGEST_MS].map(relied_on), [3, 3, 1, 0]);
    }

    proptest! {
        #[test]
        fn more_work_or_fewer_fast_slots_never_make_me_idle(
            pixels in 1_u64..1_000_000, mine_ms in 1_u64..1_000_000, queue in 0_u64..10_000_000,
            more in 0_u64..10_000_000, slots in proptest::collection::vec((0_u64..100_000, 1_u32..100_000), 1..8),
        ) {
            let slots: Vec<Slot> = slots.into_iter()
                .map(|(free_in_ms, speed)| Slot { free_in_ms, speed: speed.into() }).collect();
            if !leave(pixels, mine_ms, pixels + queue, &slots) {
                prop_assert!(!leave(pixels, mine_ms, pixels + queue + more, &slots));
                let slowest_first = { let mut kept = slots.clone(); kept.sort_by(|a, b| a.speed.total_cmp(&b.speed)); kept };
                prop_assert!(!leave(pixels, mine_ms, pixels + queue, &slowest_first[..slots.len() - 1]));
            }
        }

        #[test]
        fn what_is_left_is_never_what_i_would_surely_end_first(
            pixels in 1_u64..1_000_000, mine_ms in 1_u64..100_000, free_in_ms in 0_u64..100_000,
        ) {
            let slot = Slot { free_in_ms, speed: FAST };
            let theirs_ms = free_in_ms as f64 + pixels as f64 * 1000.0 / FAST;
            let is_faster = FASTER * pixels as f64 * 1000.0 / FAST <= mine_ms as f64;
            prop_assert_eq!(leave(pixels, mine_ms, pixels, &[slot]), is_faster && theirs_ms * MARGIN < mine_ms as f64);
        }
    }
}
