//! What an instance usually asks for, learned from what it has asked: so that the renditions that it will ask for next
//! are encoded from the same decode as the first one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use flotilla_profiles::{FrameRateRules, limited_fps};
use serde::{Deserialize, Serialize};

/// A size and a rate, as an instance asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rung {
    /// Short side, pixels.
    pub short_side: u32,
    /// Whole frames a second.
    pub fps: u32,
}

impl Rung {
    /// No size at all: nothing has been asked for yet.
    pub const NONE: Self = Self { short_side: 0, fps: 0 };
}

/// What of a rendition is made, and how it is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A progressive MP4 with sound.
    Progressive,
    /// A fragmented MP4 with sound, for HLS.
    Muxed,
    /// A fragmented MP4 without sound, or the sound alone, for HLS.
    Separate,
}

/// After so many videos without it a rendition is no longer expected.
const REMEMBERED_VIDEOS: u64 = 8;

/// PeerTube's own rule for the rates of renditions below the source's size (its default of 60 at most).
const RATES: FrameRateRules = FrameRateRules { max: 60, small_below: 720, small_max: 30 };

/// What an instance has asked for lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// Videos so far.
    videos: u64,
    /// For each form and short side below the video's largest: the number of the last video for which it was asked.
    lower: BTreeMap<Form, BTreeMap<u32, u64>>,
    /// For each form: the number of the last video for which it was asked at the largest size.
    top: BTreeMap<Form, u64>,
}

/// What is to be made of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    /// Renditions; none: sound alone.
    pub rungs: BTreeSet<Rung>,
    /// Forms in which each of them is made.
    pub forms: BTreeSet<Form>,
}

impl Habits {
    /// A new video has come.
    pub fn begin_video(&mut self) {
        self.videos += 1;
    }

    /// Something was asked for of a video whose largest rendition is `top`.
    pub fn note(&mut self, top: u32, short_side: u32, form: Form) {
        match short_side < top && short_side > 0 {
            true => drop(self.lower.entry(form).or_default().insert(short_side, self.videos)),
            false => drop(self.top.insert(form, self.videos)),
        }
    }

    /// What is likely to be asked for besides of a video of which `top` is asked for first.
    pub fn expected(&self, top: Rung) -> Menu {
        let is_fresh = |seen: u64| seen + REMEMBERED_VIDEOS > self.videos;
        let sizes = self.lower.values().flatten().filter(|&(_, &seen)| is_fresh(seen));
        let lower = sizes.map(|(&short_side, _)| short_side).filter(|&side| side < top.short_side);
        let rung = |short_side| Rung { short_side, fps: limited_fps(top.fps, short_side, RATES) };
        let at_top = self.top.iter().filter(|&(_, &seen)| is_fresh(seen)).map(|(&form, _)| form);
        let below = (self.lower.iter())
            .filter(|(_, sizes)| sizes.values().any(|&seen| is_fresh(seen)))
            .map(|(&form, _)| form);
        Menu { rungs: lower.map(rung).collect(), forms: at_top.chain(below).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: Rung = Rung { short_side: 1080, fps: 60 };

    fn sides(menu: &Menu) -> Vec<(u32, u32)> {
        menu.rungs.iter().map(|rung| (rung.short_side, rung.fps)).collect()
    }

    #[test]
    fn nothing_is_expected_of_an_instance_that_is_new() {
        assert_eq!(Habits::default().expected(TOP), Menu::default());
    }

    #[test]
    fn what_was_asked_for_last_time_is_expected_at_the_rates_of_the_new_video() {
        let mut habits = Habits::default();
        habits.begin_video();
        for (short_side, form) in
            [(720, Form::Progressive), (720, Form::Muxed), (480, Form::Muxed), (1080, Form::Muxed)]
        {
            habits.note(1080, short_side, form);
        }
        let menu = habits.expected(TOP);
        assert_eq!(sides(&menu), [(480, 30), (720, 60)]);
        assert_eq!(menu.forms, BTreeSet::from([Form::Progressive, Form::Muxed]));
        // Only what is smaller than the new video.
        assert_eq!(sides(&habits.expected(Rung { short_side: 720, fps: 25 })), [(480, 25)]);
        assert_eq!(sides(&habits.expected(Rung { short_side: 480, fps: 25 })), []);
    }

    #[test]
    fn a_rendition_that_is_asked_for_no_more_is_forgotten() {
        let mut habits = Habits::default();
        habits.begin_video();
        habits.note(1080, 360, Form::Muxed);
        for _ in 0..REMEMBERED_VIDEOS {
            assert_eq!(sides(&habits.expected(TOP)), [(360, 30)]);
            habits.begin_video();
        }
        assert_eq!(sides(&habits.expected(TOP)), []);
    }

    #[test]
    fn sound_alone_is_no_size() {
        let mut habits = Habits::default();
        habits.begin_video();
        habits.note(720, 0, Form::Separate);
        let menu = habits.expected(Rung { short_side: 720, fps: 24 });
        assert_eq!((sides(&menu), menu.forms), (vec![], BTreeSet::from([Form::Separate])));
    }
}
