//! What a task needs of a runner, as a word: an encoder's name, or several ways of which one is taken for all chunks of a
//! job, the better first.
//!
//! ```text
//! libx264                       the encoder
//! h264_nvenc@hd*5|libx264       five sessions of a device's encoder that was tried with HD, or the encoder
//! join                          nothing that a machine must offer; a place for a join, or else a slot
//! ```
//! The first lease of a job binds it to a fingerprint: for a single encoder to that alone, for a choice to the way and its
//! fingerprint, "h264_nvenc@hd=0123", so that settings follow from what the job is bound to.

use std::collections::BTreeMap;

use super::runner::{Capabilities, Encoder};

/// The need of a task that joins what others have encoded: it reads and writes, and computes next to nothing.
pub const JOIN: &str = "join";

/// One way to do what a task needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way<'a> {
    /// What a runner must offer.
    pub offer: &'a str,
    /// Sessions of a device that it takes; 0: a processor's work.
    pub sessions: u32,
}

/// Room for work on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Tasks of its processors.
    pub slots: u32,
    /// Joins beside those.
    pub joins: u32,
    /// Sessions of its devices, by their names.
    pub sessions: BTreeMap<String, u32>,
}

/// What a task takes of a machine's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes<'a> {
    /// A slot.
    Slot,
    /// A join's place.
    Join,
    /// Sessions of a device.
    Sessions(&'a str, u32),
}

/// The need of one of several ways.
pub fn one_of<'a>(ways: impl IntoIterator<Item = Way<'a>>) -> String {
    let word = |way: Way<'_>| match way.sessions {
        0 => way.offer.to_owned(),
        count => format!("{}*{count}", way.offer),
    };
    ways.into_iter().map(word).collect::<Vec<_>>().join("|")
}

/// The ways of a need, the better first.
pub fn ways(need: &str) -> impl Iterator<Item = Way<'_>> {
    need.split('|').map(|word| match word.split_once('*') {
        Some((offer, count)) => Way { offer, sessions: count.parse().unwrap_or(1) },
        None => Way { offer: word, sessions: 0 },
    })
}

/// A need for people: "h264_nvenc@hd or libx264".
pub fn words(need: &str) -> String {
    ways(need).map(|way| way.offer).collect::<Vec<_>>().join(" or ")
}

/// FFmpeg's name of the encoder behind an offer.
pub fn encoder_of(offer: &str) -> &str {
    offer.split('@').next().unwrap_or(offer)
}

/// What a job is bound to when a runner does a need that way.
pub fn bond(need: &str, way: Way<'_>, fingerprint: &str) -> String {
    match is_choice(need) {
        true => format!("{}={fingerprint}", way.offer),
        false => fingerprint.to_owned(),
    }
}

/// Offer and fingerprint of what a job is bound to.
pub fn bound<'a>(need: &'a str, bond: &'a str) -> (&'a str, &'a str) {
    let apart = bond.split_once('=').filter(|_| is_choice(need));
    apart.unwrap_or((need, bond))
}

fn is_choice(need: &str) -> bool {
    need.contains('|')
}

/// The first way of a need that a machine can go, and its encoder: bound to a fingerprint, if there is one, and with room,
/// if that counts.
pub fn way_of<'a>(
    capabilities: &'a Capabilities,
    need: &'a str,
    bond: Option<&str>,
    room: Option<&Room>,
) -> Option<(Way<'a>, &'a Encoder)> {
    let can = |way: Way<'a>, encoder: &&'a Encoder| {
        let fits = match bond {
            Some(bond) => bond == self::bond(need, way, &encoder.fingerprint),
            None => is_worth_it(capabilities, encoder),
        };
        let is_large_enough = way.sessions <= encoder.sessions;
        let has_room = room.is_none_or(|room| match way.sessions {
            0 => room.slots > 0,
            count => room.sessions.get(&encoder.device).is_some_and(|free| *free >= count),
        });
        fits && is_large_enough && has_room
    };
    // Several devices of a machine may offer the same encoder.
    ways(need).find_map(|way| {
        let mut offered = capabilities.encoders.iter().filter(|encoder| encoder.name == way.offer);
        offered.find(|encoder| can(way, encoder)).map(|encoder| (way, encoder))
    })
}

/// As measured, a device makes at least as much as all processors of its machine together: a job is made by the one or the
/// other. What was not measured is worth a try.
fn is_worth_it(capabilities: &Capabilities, encoder: &Encoder) -> bool {
    let of_slots = capabilities.benchmark().unwrap_or(0.0) * f64::from(capabilities.slots);
    let of_device = encoder.pixels_per_second;
    encoder.device.is_empty() || of_device == 0 || of_device as f64 >= of_slots
}

impl Room {
    /// Room for tasks of processors alone.
    pub fn of_slots(slots: u32) -> Self {
        Self { slots, ..Self::default() }
    }

    /// Nothing can be started.
    pub fn is_full(&self) -> bool {
        self.is_for_joins() && self.joins == 0
    }

    /// Nothing else can be started.
    pub fn is_for_joins(&self) -> bool {
        self.slots == 0 && self.sessions.values().all(|free| *free == 0)
    }

    /// What a task with these needs, each with what its job is bound to, takes of it on that machine; none: it cannot
    /// be started.
    pub fn takes<'a>(
        &self,
        capabilities: &'a Capabilities,
        needs: &'a BTreeMap<String, Option<String>>,
    ) -> Option<Takes<'a>> {
        let mut takes = None;
        if needs.contains_key(JOIN) && self.joins > 0 {
            return Some(Takes::Join);
        }
        for (need, bond) in needs.iter().filter(|(need, _)| *need != JOIN) {
            let (way, encoder) = way_of(capabilities, need, bond.as_deref(), Some(self))?;
            if way.sessions > 0 {
                takes = Some(Takes::Sessions(&encoder.device, way.sessions));
            }
        }
        takes.or((self.slots > 0).then_some(Takes::Slot))
    }

    /// The room that is left.
    pub fn without(mut self, takes: Takes<'_>) -> Self {
        match takes {
            Takes::Slot => self.slots = self.slots.saturating_sub(1),
            Takes::Join => self.joins = self.joins.saturating_sub(1),
            Takes::Sessions(device, count) => {
                if let Some(free) = self.sessions.get_mut(device) {
                    *free = free.saturating_sub(count);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: &str = "h264_nvenc@hd*5|libx264";

    fn machine(sessions: u32) -> Capabilities {
        let encoder = |name: &str, device: &str, sessions| Encoder {
            name: name.into(),
            fingerprint: format!("print of {name}"),
            version: String::new(),
            pixels_per_second: 0,
            device: device.into(),
            sessions,
        };
        let encoders = vec![encoder("h264_nvenc@hd", "cuda", sessions), encoder("libx264", "", 0)];
        Capabilities { encoders, ..Capabilities::default() }
    }

    fn chosen(sessions: u32, bond: Option<&str>, room: Option<&Room>) -> Option<String> {
        let machine = machine(sessions);
        way_of(&machine, NEED, bond, room).map(|(way, _)| way.offer.to_owned())
    }

    #[test]
    fn a_need_reads_back_as_it_was_written() {
        let read: Vec<_> = ways(NEED).collect();
        assert_eq!(read[0], Way { offer: "h264_nvenc@hd", sessions: 5 });
        assert_eq!(one_of(read), NEED);
        assert_eq!(encoder_of("h264_nvenc@hd"), "h264_nvenc");
        assert_eq!(one_of(ways("libx264")), "libx264");
        assert_eq!(words(NEED), "h264_nvenc@hd or libx264");
    }

    #[test]
    fn the_better_way_is_gone_where_it_can_be() {
        assert_eq!(chosen(5, None, None).as_deref(), Some("h264_nvenc@hd"));
        assert_eq!(chosen(4, None, None).as_deref(), Some("libx264"), "the device is too small");
        let room = |free| Room { slots: 1, joins: 0, sessions: [("cuda".to_owned(), free)].into() };
        assert_eq!(chosen(5, None, Some(&room(4))).as_deref(), Some("libx264"), "the device is busy");
        assert_eq!(chosen(5, None, Some(&Room { slots: 0, ..room(4) })), None);
    }

    #[test]
    fn a_device_is_chosen_by_its_measured_speed() {
        let chosen = |of_device, of_slot, bond: Option<&str>| {
            let mut machine = machine(5);
            machine.slots = 8;
            (machine.encoders[0].pixels_per_second, machine.encoders[1].pixels_per_second) =
                (of_device, of_slot);
            way_of(&machine, NEED, bond, None).map(|(way, _)| way.offer.to_owned())
        };
        assert_eq!(chosen(800, 100, None).as_deref(), Some("h264_nvenc@hd"));
        assert_eq!(chosen(799, 100, None).as_deref(), Some("libx264"), "eight slots make more");
        assert_eq!(chosen(0, 100, None).as_deref(), Some("h264_nvenc@hd"), "not measured");
        assert_eq!(chosen(1, 0, None).as_deref(), Some("h264_nvenc@hd"), "not measured either");
        let bound = Some("h264_nvenc@hd=print of h264_nvenc@hd");
        assert_eq!(chosen(799, 100, bound).as_deref(), Some("h264_nvenc@hd"), "it goes on as it began");
    }

    #[test]
    fn a_bond_leaves_no_choice() {
        let of = |offer: &str| format!("{offer}=print of {offer}");
        assert_eq!(chosen(5, Some(&of("libx264")), None).as_deref(), Some("libx264"));
        assert_eq!(chosen(4, Some(&of("h264_nvenc@hd")), None), None);
        assert_eq!(chosen(5, Some("h264_nvenc@hd=another"), None), None);
        assert_eq!(bound(NEED, "h264_nvenc@hd=ab"), ("h264_nvenc@hd", "ab"));
        assert_eq!(bound("aac", "ab=c"), ("aac", "ab=c"));
    }

    #[test]
    fn a_join_takes_a_place_of_its_own_or_else_a_slot() {
        let machine = machine(5);
        let needs: BTreeMap<_, _> = [(JOIN.to_owned(), None)].into();
        let nothing = BTreeMap::new();
        let mut room = Room { slots: 1, joins: 1, ..Room::default() };
        for expected in [Takes::Join, Takes::Slot] {
            assert!(!room.is_full());
            assert_eq!(room.takes(&machine, &needs), Some(expected));
            room = room.without(expected);
        }
        assert!(room.is_full() && room.takes(&machine, &needs).is_none());
        let beside = Room { joins: 1, ..Room::default() };
        assert!(beside.is_for_joins() && beside.takes(&machine, &nothing).is_none());
        assert!(machine.offers(JOIN, None), "everybody joins");
    }

    #[test]
    fn tasks_take_of_the_room_what_they_need() {
        let machine = machine(5);
        let needs: BTreeMap<_, _> = [(NEED.to_owned(), None)].into();
        let nothing = BTreeMap::new();
        let mut room = Room { slots: 1, joins: 0, sessions: [("cuda".to_owned(), 9)].into() };
        for expected in [Takes::Sessions("cuda", 5), Takes::Slot] {
            assert_eq!(room.takes(&machine, &needs), Some(expected));
            room = room.without(expected);
        }
        assert_eq!((room.takes(&machine, &needs), room.takes(&machine, &nothing)), (None, None));
        assert!(!room.is_full(), "four sessions are left");
    }
}
