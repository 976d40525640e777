//! Who of several coordinators is offered how many free slots: the rule, pure.
//!
//! ```text
//!          a call that offered it a slot came back with none, it is away, or it drains us
//!   hungry ────────────────────────────────────────────────────────────────────────────────> idle
//!      ^                                                                                       |
//!      +───────────────────────────────(a call started something)──────────────────────────────+
//! ```
//! Only the hungry ones count, so a coordinator that is alone with its work gets the whole machine. Each of them is entitled
//! to `slots x share / sum of shares`: it holds the whole part of that always, and takes turns with the others at the slots
//! that are left over. Turns are counted in tasks, by share: one slot and shares of 3 and 1 are three tasks of one, then one
//! of the other. Who holds more than that keeps it until its tasks end: nothing is interrupted for the sake of shares.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// A turn, in the unit in which turns are counted.
const TURN: i64 = 1_000_000;

/// A coordinator, by the order in which they came.
pub type Member = usize;

/// The coordinators of one machine.
#[derive(Clone, Debug)]
pub struct Sharing {
    slot_count: u32,
    members: Vec<Standing>,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    share: u32,
    is_hungry: bool,
    /// Turns that it is owed, or has had too early: between one too few and one too many.
    owed: i64,
}

impl Sharing {
    /// Of so many slots, among nobody yet.
    pub fn new(slot_count: u32) -> Self {
        Self { slot_count, members: Vec::new() }
    }

    /// One more, with its weight; it has to show that it is hungry.
    pub fn add(&mut self, share: u32) -> Member {
        self.members.push(Standing { share: share.max(1), is_hungry: false, owed: 0 });
        self.members.len() - 1
    }

    /// There is somebody to share with.
    pub fn is_shared(&self) -> bool {
        self.members.len() > 1
    }

    /// It had work for what it was offered last.
    pub fn is_hungry(&self, member: Member) -> bool {
        self.members[member].is_hungry
    }

    /// It has work, or none. True: that is news.
    pub fn set_hungry(&mut self, member: Member, is_hungry: bool) -> bool {
        std::mem::replace(&mut self.members[member].is_hungry, is_hungry) != is_hungry
    }

    /// How many of the free slots it is offered. `held` counts what each one has in slots, or has waiting for one. An idle
    /// one is offered what it would have if it were hungry, and one at least: else nobody would ever hear that it is.
    pub fn offer(&self, member: Member, held: &[u32], free: u32) -> u32 {
        let mut dealt = self.clone();
        let was_idle = dealt.set_hungry(member, true);
        let mut held = held.to_vec();
        let before = held[member];
        for _ in 0..free {
            let Some(next) = dealt.next(&held) else { break };
            dealt.taken(next, &held);
            held[next] += 1;
        }
        (held[member] - before).max(u32::from(was_idle && free > 0))
    }

    /// It takes a slot, or will wait for one; `held` is as it was before.
    pub fn taken(&mut self, member: Member, held: &[u32]) {
        if !self.is_hungry(member) || held[member] < self.whole(member) {
            return;
        }
        let left_over: u64 = self.hungry().map(|other| self.rest(other)).sum();
        if left_over == 0 {
            return;
        }
        for other in self.hungry().collect::<Vec<_>>() {
            self.members[other].owed += self.gain(other);
        }
        self.members[member].owed -= TURN;
        // Who held its slot for long must not come back with all the turns that passed meanwhile.
        self.members.iter_mut().for_each(|standing| standing.owed = standing.owed.clamp(-TURN, TURN));
    }

    /// Whose waiting attempt gets the next slot: those who have the least of what runs, for their shares. Of equals, the
    /// first that is named.
    pub fn first(&self, waiting: impl Iterator<Item = Member>, running: &[u32]) -> Option<Member> {
        waiting.min_by(|&one, &other| self.compare(one, other, running))
    }

    /// Who is to take the next free slot.
    fn next(&self, held: &[u32]) -> Option<Member> {
        let short = self.hungry().filter(|&member| held[member] < self.whole(member));
        let in_turn =
            self.hungry().filter(|&member| self.rest(member) > 0 && held[member] <= self.whole(member));
        let due = |member: &Member| self.members[*member].owed + self.gain(*member);
        short.min_by(|&one, &other| self.compare(one, other, held)).or_else(|| in_turn.rev().max_by_key(due))
    }

    fn hungry(&self) -> impl DoubleEndedIterator<Item = Member> {
        (0..self.members.len()).filter(|&member| self.members[member].is_hungry)
    }

    fn sum(&self) -> u64 {
        self.hungry().map(|member| u64::from(self.members[member].share)).sum::<u64>().max(1)
    }

    /// Slots that it is entitled to at all times.
    fn whole(&self, member: Member) -> u32 {
        let due = u64::from(self.slot_count) * u64::from(self.members[member].share) / self.sum();
        u32::try_from(due).unwrap_or(u32::MAX)
    }

    /// Of one slot more, in parts of the sum of all shares.
    fn rest(&self, member: Member) -> u64 {
        u64::from(self.slot_count) * u64::from(self.members[member].share) % self.sum()
    }

    /// What it is owed more after each turn of anybody.
    fn gain(&self, member: Member) -> i64 {
        let left_over: u64 = self.hungry().map(|other| self.rest(other)).sum();
        let part =
            u128::from(self.rest(member)) * u128::from(TURN.unsigned_abs()) / u128::from(left_over.max(1));
        i64::try_from(part).unwrap_or(TURN)
    }

    /// By what they have for their shares.
    fn compare(&self, one: Member, other: Member, has: &[u32]) -> Ordering {
        let weighed =
            |mine: Member, theirs: Member| u64::from(has[mine]) * u64::from(self.members[theirs].share);
        weighed(one, other).cmp(&weighed(other, one))
    }
}
