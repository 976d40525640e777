//! Who is rung, and that no ring is lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;

use super::*;
use crate::domain::runner::Encoder;

fn offers(prints: &[&str]) -> Option<Offers> {
    let encoder = |print: &&str| Encoder {
        name: "libx264".into(),
        fingerprint: (*print).into(),
        version: String::new(),
        ..Encoder::default()
    };
    let encoders = prints.iter().map(encoder).collect();
    Some(Offers::of(&Capabilities { encoders, ..Capabilities::default() }))
}

fn enter(waiting: &Waiting, name: &str, prints: &[&str]) -> Place {
    waiting.enter(&name.parse().unwrap(), offers(prints), vec![])
}

fn work(pinned: Option<&str>, task_count: u32) -> ReadyWork {
    ReadyWork { needs: vec![("libx264".into(), pinned.map(Into::into))], task_count }
}

fn is_rung(place: &Place) -> bool {
    place.rung().now_or_never().is_some()
}

fn change(waiting: &Waiting, ready: &[ReadyWork]) {
    waiting.begin_change();
    waiting.ring_for(ready);
}

#[test]
fn a_task_rings_for_one_that_can_do_it_the_longest_waiting_first() {
    let waiting = Waiting::default();
    let plain = waiting.enter(&"p".parse().unwrap(), offers(&[]), vec![]);
    let places = ["a", "b", "c"].map(|name| enter(&waiting, name, &["one"]));
    let other = enter(&waiting, "o", &["two"]);
    change(&waiting, &[work(Some("two"), 1)]);
    assert!(is_rung(&other) && !places.iter().any(is_rung) && !is_rung(&plain));
    change(&waiting, &[work(Some("one"), 2), work(Some("two"), 1)]);
    assert_eq!(places.each_ref().map(is_rung), [true, true, false]);
    assert!(!is_rung(&other), "it counts for the task for which it was rung before");
    waiting.ring_for(&[ReadyWork { needs: vec![], task_count: 9 }]);
    assert!(is_rung(&plain) && is_rung(&places[2]), "a probe needs no encoder");
}

#[test]
fn a_ring_in_vain_is_handed_on_until_all_have_looked() {
    let waiting = Waiting::default();
    let places = ["a", "b", "c"].map(|name| enter(&waiting, name, &["one"]));
    places.iter().for_each(Place::look);
    waiting.begin_change();
    let ready = [work(None, 1)];
    for place in &places {
        waiting.ring_for(&ready);
        waiting.ring_for(&ready);
        assert_eq!(places.iter().filter(|place| is_rung(place)).count(), 1, "one at a time");
        place.look();
        place.found_nothing();
        assert!(waiting.settled().now_or_never().is_some());
    }
    waiting.ring_for(&ready);
    assert!(!places.iter().any(is_rung), "all have looked since the change");
    assert_eq!(waiting.vain(), 3);
    change(&waiting, &ready);
    assert!(is_rung(&places[0]));
}

#[test]
fn a_machine_whose_slots_are_taken_is_rung_for_joins_alone() {
    let waiting = Waiting::default();
    let full = waiting.enter(&"full".parse().unwrap(), Some(Offers::Joins), vec![]);
    let anything = ReadyWork { needs: vec![], task_count: 1 };
    let join = ReadyWork { needs: vec![(choice::JOIN.into(), None)], task_count: 1 };
    change(&waiting, &[work(None, 1), anything]);
    assert!(!is_rung(&full));
    change(&waiting, std::slice::from_ref(&join));
    assert!(is_rung(&full));
    drop(full);
    let free = enter(&waiting, "free", &["one"]);
    change(&waiting, &[join]);
    assert!(is_rung(&free));
}

#[test]
fn a_call_that_leaves_hands_its_ring_on() {
    let waiting = Waiting::default();
    let (first, second) = (enter(&waiting, "a", &["one"]), enter(&waiting, "b", &["one"]));
    change(&waiting, &[work(None, 1)]);
    drop(first);
    assert!(waiting.settled().now_or_never().is_some());
    waiting.ring_for(&[work(None, 1)]);
    assert!(is_rung(&second));
    drop(second);
    assert!(
        waiting.nobody_is_idle() && waiting.lock().open.is_empty() && waiting.lock().newest_of.is_empty()
    );
    assert!(waiting.lock().unsettled.is_empty());
}

#[test]
fn a_change_while_a_call_looks_rings_again() {
    let (waiting, ready) = (Waiting::default(), [work(None, 1)]);
    let place = enter(&waiting, "a", &["one"]);
    change(&waiting, &ready);
    assert!(is_rung(&place));
    place.look();
    // It has read the store already; now two more tasks become ready.
    change(&waiting, &[work(None, 2)]);
    place.found_nothing();
    assert!(is_rung(&place));
}

#[test]
fn one_that_is_held_up_while_it_looks_counts_for_nobody_after_a_tour() {
    let (waiting, ready) = (Waiting::default(), [work(None, 1)]);
    let (stuck, free) = (enter(&waiting, "a", &["one"]), enter(&waiting, "b", &["one"]));
    change(&waiting, &ready);
    stuck.look();
    waiting.ring_for(&ready);
    assert!(!is_rung(&free));
    waiting.begin_tour();
    waiting.ring_for(&ready);
    assert!(is_rung(&free));
}

#[test]
fn only_the_newest_call_of_a_runner_is_rung_for_work() {
    let waiting = Waiting::default();
    let (older, newer) = (enter(&waiting, "a", &["one"]), enter(&waiting, "a", &["one"]));
    older.look();
    change(&waiting, &[work(None, 2)]);
    assert!(!is_rung(&older) && is_rung(&newer));
    let full = waiting.enter(&"a".parse().unwrap(), None, vec![]);
    change(&waiting, &[work(None, 9)]);
    assert!(!is_rung(&older) && !is_rung(&full));
}

#[test]
fn the_end_of_an_attempt_rings_for_its_runner_alone() {
    let waiting = Waiting::default();
    let attempts: Vec<AttemptId> = ["t1", "t2"].iter().map(|id| id.parse().unwrap()).collect();
    let places =
        [0, 1].map(|n| waiting.enter(&format!("r{n}").parse().unwrap(), None, vec![attempts[n].clone()]));
    assert!(waiting.somebody_watches());
    waiting.ring_watchers(&HashSet::from([attempts[1].clone()]));
    assert_eq!(places.each_ref().map(is_rung), [true, false]);
    places[0].watch(vec![]);
    waiting.ring_watchers(&HashSet::from([attempts[1].clone()]));
    assert!(!is_rung(&places[0]));
}

/// Many tasks, many runners of two kinds, and no clock by which anybody would look again: every task is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_task_is_left_while_one_waits_that_could_do_it() {
    const TASKS: usize = 2_000;
    let waiting = Waiting::default();
    let queue: Arc<Mutex<[VecDeque<usize>; 2]>> = Arc::default();
    let done = Arc::new(AtomicUsize::new(0));
    let (changed, all_done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut spawned = Vec::new();
    for runner in 0..40 {
        let (waiting, queue, done) = (waiting.clone(), queue.clone(), done.clone());
        let all_done = all_done.clone();
        spawned.push(tokio::spawn(async move {
            let kind = runner % 2;
            loop {
                // A call hangs until it has a task, as a Sync does; then the next one comes in.
                let place = enter(&waiting, &format!("r{runner}"), &[["one", "two"][kind]]);
                loop {
                    place.look();
                    let task = queue.lock().unwrap()[kind].pop_front();
                    tokio::task::yield_now().await;
                    if task.is_some() {
                        break;
                    }
                    place.found_nothing();
                    place.rung().await;
                }
                if done.fetch_add(1, Ordering::SeqCst) + 1 == TASKS {
                    all_done.notify_one();
                }
            }
        }));
    }
    spawned.push(tokio::spawn({
        let (waiting, queue, changed) = (waiting.clone(), queue.clone(), changed.clone());
        async move {
            loop {
                tokio::select! {
                    () = changed.notified() => waiting.begin_change(),
                    () = waiting.settled() => {}
                }
                let counts = { queue.lock().unwrap().each_ref().map(VecDeque::len) };
                let kinds = ["one", "two"].into_iter().zip(counts);
                let ready: Vec<_> =
                    kinds.map(|(print, count)| work(Some(print), u32::try_from(count).unwrap())).collect();
                waiting.ring_for(&ready);
            }
        }
    }));
    for task in 0..TASKS {
        queue.lock().unwrap()[task / 3 % 2].push_back(task);
        changed.notify_one();
        if task % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let finished = tokio::time::timeout(std::time::Duration::from_secs(30), all_done.notified()).await;
    spawned.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(finished.is_ok(), "{} of {TASKS} tasks were found", done.load(Ordering::SeqCst));
}
