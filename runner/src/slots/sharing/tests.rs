//! The rule in virtual rounds: in each, some tasks end, and then everybody calls until nobody is given anything more.

use proptest::prelude::*;

use super::{Member, Sharing};

/// A machine with coordinators that have so many tasks left.
struct Machine {
    sharing: Sharing,
    slot_count: u32,
    left: Vec<u32>,
    /// Leased beyond the slots.
    waiting: Vec<u32>,
    /// Rounds until each running task ends, by coordinator.
    running: Vec<Vec<u32>>,
    done: Vec<u32>,
}

const ENDLESS: u32 = u32::MAX / 2;

const ROUND_COUNT: usize = 300;

impl Machine {
    fn new(slot_count: u32, members: &[(u32, u32)]) -> Self {
        let mut sharing = Sharing::new(slot_count);
        for (share, _) in members {
            sharing.add(*share);
        }
        let left = members.iter().map(|(_, tasks)| *tasks).collect();
        let (running, none) = (vec![vec![]; members.len()], vec![0; members.len()]);
        Self { sharing, slot_count, left, waiting: none.clone(), running, done: none }
    }

    fn run(&self) -> Vec<u32> {
        self.running.iter().map(|tasks| tasks.len() as u32).collect()
    }

    fn held(&self) -> Vec<u32> {
        self.run().iter().zip(&self.waiting).map(|(running, waiting)| running + waiting).collect()
    }

    fn free(&self) -> u32 {
        self.slot_count.saturating_sub(self.held().iter().sum())
    }

    /// The answer to a call; true: it started something, or showed that there is nothing to start.
    fn answer(&mut self, member: Member, offer: u32) -> bool {
        let taken = offer.min(self.left[member]);
        if offer == 0 {
            return false;
        }
        let is_news = self.sharing.set_hungry(member, taken > 0);
        for _ in 0..taken {
            self.sharing.taken(member, &self.held());
            self.left[member] -= 1;
            self.waiting[member] += 1;
        }
        taken > 0 || is_news
    }

    fn begin(&mut self, length: u32) {
        while self.run().iter().sum::<u32>() < self.slot_count {
            let waiting = (0..self.waiting.len()).filter(|member| self.waiting[*member] > 0);
            let Some(first) = self.sharing.first(waiting, &self.run()) else { break };
            self.waiting[first] -= 1;
            self.running[first].push(length);
        }
    }

    /// All call at the same time, until that brings nothing more.
    fn settle(&mut self, length: u32) {
        loop {
            let (held, free) = (self.held(), self.free());
            let offer = |member| self.sharing.offer(member, &held, free);
            let offers: Vec<_> = (0..self.left.len()).map(offer).collect();
            assert!(offers.iter().all(|offer| *offer <= free), "{offers:?} of {free} are offered");
            let answers: Vec<_> =
                offers.iter().enumerate().map(|(member, offer)| self.answer(member, *offer)).collect();
            if !answers.contains(&true) {
                break;
            }
            self.begin(length);
        }
        let idles = self.free() > 0 && self.left.iter().any(|left| *left > 0);
        assert!(!idles, "slots are free while there is work: {:?} {:?}", self.held(), self.left);
    }

    fn round(&mut self, length: u32) {
        for (tasks, done) in self.running.iter_mut().zip(&mut self.done) {
            tasks.iter_mut().for_each(|rounds| *rounds -= 1);
            *done += tasks.iter().filter(|rounds| **rounds == 0).count() as u32;
            tasks.retain(|rounds| *rounds > 0);
        }
        self.begin(length);
        self.settle(length);
    }

    fn rounds(mut self, count: u32) -> Vec<u32> {
        (0..=count).for_each(|_| self.round(1));
        self.done
    }
}

#[test]
fn endless_work_is_done_by_share_however_few_the_slots() {
    let endless = |shares: &[u32]| shares.iter().map(|share| (*share, ENDLESS)).collect::<Vec<_>>();
    for (slot_count, shares, expected) in [
        (1, [3, 1], [300, 100]),
        (2, [3, 1], [600, 200]),
        (3, [1, 1], [600, 600]),
        (8, [3, 1], [2400, 800]),
        (1, [1, 1], [200, 200]),
        (4, [100, 1], [1584, 16]),
    ] {
        let done = Machine::new(slot_count, &endless(&shares)).rounds(400);
        // At the start each is offered all.
        let is_near = |(done, expected): (&u32, u32)| done.abs_diff(expected) <= slot_count;
        let is_near = done.iter().zip(expected).all(is_near);
        assert!(is_near, "{slot_count} slots, shares {shares:?}: {done:?}");
    }
}

#[test]
fn one_slot_is_taken_in_turns() {
    let mut machine = Machine::new(1, &[(3, ENDLESS), (1, ENDLESS)]);
    let mut order = String::new();
    for _ in 0..9 {
        machine.round(1);
        order.push(if machine.running[0].is_empty() { 'b' } else { 'a' });
    }
    // At first both are offered the slot, since neither is known to have work; what that gave one too much is made good.
    assert_eq!(order, "abaaaaaba");
}

#[test]
fn who_is_alone_with_work_has_the_whole_machine_and_gives_up_half_as_tasks_end() {
    let mut machine = Machine::new(4, &[(1, 0), (1, ENDLESS)]);
    machine.settle(2);
    assert_eq!(machine.run(), [0, 4]);
    machine.left[0] = ENDLESS;
    machine.settle(2);
    assert_eq!(machine.run(), [0, 4], "nothing is interrupted");
    machine.running[1][0] = 1;
    machine.round(5);
    assert_eq!(machine.run(), [1, 3]);
    machine.round(5);
    assert_eq!(machine.run(), [2, 2]);
}

#[test]
fn an_idle_one_is_offered_its_part_and_one_slot_at_least() {
    let mut sharing = Sharing::new(4);
    let (first, second) = (sharing.add(9), sharing.add(1));
    assert_eq!([first, second].map(|member| sharing.offer(member, &[0, 0], 4)), [4, 4], "who comes first");
    sharing.set_hungry(first, true);
    assert_eq!(sharing.offer(second, &[3, 0], 1), 1);
    assert_eq!(sharing.offer(second, &[4, 0], 0), 0);
    assert_eq!(sharing.offer(first, &[3, 0], 1), 1, "an idle one takes nothing away");
    sharing.set_hungry(first, false);
    sharing.set_hungry(second, true);
    assert_eq!(sharing.offer(first, &[0, 1], 3), 3);
}

#[test]
fn a_freed_slot_goes_to_who_has_least_for_its_share() {
    let mut sharing = Sharing::new(4);
    let members = [sharing.add(3), sharing.add(1)];
    for (running, expected) in [([2, 1], 0), ([3, 0], 1), ([3, 1], 0), ([4, 1], 1)] {
        assert_eq!(sharing.first(members.into_iter(), &running), Some(expected), "{running:?}");
    }
    assert_eq!(sharing.first(members.into_iter().skip(1), &[0, 4]), Some(1));
    assert_eq!(sharing.first(std::iter::empty(), &[0, 4]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_hungry_ones_are_offered_all_slots_each_its_part(
        slot_count in 1_u32..40,
        shares in prop::collection::vec(1_u32..20, 1..6),
    ) {
        let mut sharing = Sharing::new(slot_count);
        for share in &shares {
            let member = sharing.add(*share);
            sharing.set_hungry(member, true);
        }
        let held = vec![0; shares.len()];
        let offers: Vec<_> = (0..shares.len()).map(|member| sharing.offer(member, &held, slot_count)).collect();
        prop_assert_eq!(offers.iter().sum::<u32>(), slot_count);
        let sum: u32 = shares.iter().sum();
        for (offer, share) in offers.iter().zip(&shares) {
            let (least, most) = (slot_count * share / sum, (slot_count * share).div_ceil(sum));
            prop_assert!((least..=most).contains(offer), "{:?} of {:?}", offers, shares);
        }
    }

    /// Whatever lengths tasks have, and whoever comes and goes: no slot is idle while there is work (as each round checks),
    /// and whoever always has work has its part of the time.
    #[test]
    fn who_always_has_work_has_its_part_of_the_time(
        slot_count in 1_u32..6,
        shares in prop::collection::vec(1_u32..5, 2..4),
        lengths in prop::collection::vec(1_u32..6, ROUND_COUNT),
        guest_works in prop::collection::vec(0_u32..4, 1..20),
    ) {
        let members: Vec<_> = shares.iter().map(|share| (*share, ENDLESS)).chain([(1, 0)]).collect();
        let (mut machine, guest) = (Machine::new(slot_count, &members), shares.len());
        let mut had = vec![0; members.len()];
        for round in 0..ROUND_COUNT {
            machine.left[guest] = guest_works[round % guest_works.len()];
            machine.round(lengths[round]);
            machine.run().iter().zip(&mut had).for_each(|(held, had)| *had += held);
        }
        let sum: u32 = shares.iter().sum::<u32>() + 1;
        for (had, share) in had.iter().zip(&shares) {
            // At least what it would have if the guest were always there, but for turns being tasks and not rounds.
            let due = f64::from(ROUND_COUNT as u32 * slot_count) * f64::from(*share) / f64::from(sum);
            prop_assert!(f64::from(*had) > 0.7 * due, "{} and not {} of {} slots for {:?}", had, due, slot_count, shares);
        }
    }
}
