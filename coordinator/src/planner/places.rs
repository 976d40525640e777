//! Where a cut may lie: a whole number of GOPs after the cut before it, or where a keyframe of the source is first shown, so
//! that nothing is decoded in vain. GOPs are counted from the start of each chunk, so a cut at a keyframe makes the last GOP
//! before it shorter, in all renditions alike.

use std::ops::RangeInclusive;

use super::grid::Draft;
use super::timeline::first_from;
use crate::domain::source::VideoStream;

/// Frames before the first one shown that a deinterlacer looks at.
const DEINTERLACE_LEAD_FRAMES: usize = 2;

/// Frames behind a keyframe among which one is looked for that all grids show.
const FRAMES_BEHIND: usize = 8;

/// Part of a GOP that the last one of a chunk has at least, and that keyframes are apart which are looked at.
const LEAST_GOP_PART: u64 = 4;

/// Part of a GOP that places behind a keyframe are apart.
const FINE_GOP_PART: u64 = 8;

/// Places behind a keyframe: the last one lies half a GOP behind it.
const FINE_PLACES: u64 = FINE_GOP_PART / 2;

/// The places of a video, as frames of the first grid.
pub(super) struct Places<'a> {
    /// The first grid.
    pub(super) draft: &'a Draft,
    /// All grids.
    drafts: &'a [Draft],
    /// The source.
    pub(super) stream: &'a VideoStream,
    /// Rising; where keyframes are first shown.
    keyframes: Vec<u64>,
}

impl<'a> Places<'a> {
    /// Of grids that are cut together.
    pub(super) fn of(drafts: &'a [Draft], stream: &'a VideoStream) -> Self {
        let apart = u64::from(drafts[0].gop_frames) / LEAST_GOP_PART;
        let mut keyframes: Vec<u64> = Vec::new();
        for &keyframe in &stream.keyframes {
            let shown = first_shown(drafts, stream, keyframe as usize + lead_frames(stream));
            keyframes.extend(shown.filter(|at| at - keyframes.last().unwrap_or(&0) >= apart));
        }
        Self { draft: &drafts[0], drafts, stream, keyframes }
    }

    /// Of the first grid.
    pub(super) fn gop_frames(&self) -> u64 {
        self.draft.gop_frames.into()
    }

    /// Of the first grid.
    pub(super) fn frame_count(&self) -> u64 {
        self.draft.frame_count()
    }

    /// Frames at which a keyframe of the source is first shown, rising.
    pub(super) fn keyframes(&self) -> &[u64] {
        &self.keyframes
    }

    /// Frames that are decoded in vain where a chunk begins here.
    pub(super) fn lead_in(&self, cut: u64) -> u64 {
        let first_pts = self.draft.source_pts[frame_at(cut)];
        let keyframe = keyframe_before(self.stream, first_pts).unwrap_or(0);
        (position(self.stream, first_pts) - keyframe) as u64
    }

    /// Places in a range, for a chunk that begins at `start`.
    pub(super) fn within(&self, start: u64, range: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
        let (gop_frames, last) = (self.gop_frames(), *range.end());
        let first_gop = range.start().saturating_sub(start).div_ceil(gop_frames).max(1);
        let gops = (first_gop..).map(move |gop| start + gop * gop_frames).take_while(move |at| *at <= last);
        let first = self.keyframes.partition_point(|at| at < range.start());
        let keyframes = self.keyframes[first..].iter().copied().take_while(move |at| *at <= last);
        gops.chain(keyframes)
    }

    /// Places a little behind a keyframe, rising: few frames are decoded in vain there, and chunks of a video that has few
    /// keyframes can still be of almost any length.
    pub(super) fn behind_keyframes(&self) -> Vec<u64> {
        let step = (self.gop_frames() / FINE_GOP_PART).max(1);
        let ends = self.keyframes[1.min(self.keyframes.len())..].iter().copied().chain([self.frame_count()]);
        let behind = self.keyframes.iter().zip(ends).flat_map(|(&keyframe, end)| {
            let fine = (1..=FINE_PLACES).map(move |place| keyframe + place * step);
            fine.take_while(move |&at| at < end)
        });
        let aligned = behind.filter_map(|at| {
            let shown = position(self.stream, self.draft.source_pts[frame_at(at)]);
            first_shown(self.drafts, self.stream, shown)
        });
        // A frame that all grids show may lie behind the next keyframe.
        let mut places: Vec<u64> = aligned.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The place in a range at which a cut costs least: decoding in vain, being far from the ideal one, and short GOPs.
    pub(super) fn near(
        &self,
        (start, ideal): (u64, u64),
        range: RangeInclusive<u64>,
        (lead_in_cost, move_cost): (u64, u64),
    ) -> u64 {
        let cost = |at: &u64| {
            let moved = at.abs_diff(ideal);
            (
                lead_in_cost * self.lead_in(*at) + move_cost * moved + self.last_gop_cost(at - start),
                moved,
                *at,
            )
        };
        self.within(start, range).min_by_key(cost).unwrap_or(ideal)
    }

    /// What the keyframe costs that follows a last GOP which is not whole, in frames.
    fn last_gop_cost(&self, length: u64) -> u64 {
        let gop_frames = self.gop_frames();
        match length % gop_frames {
            0 => 0,
            rest if rest < gop_frames / LEAST_GOP_PART => gop_frames / 2,
            _ => gop_frames / 8,
        }
    }
}

/// The frame of the first grid with which a chunk can begin that shows nothing before this frame of the source. All grids
/// show one at the same time if there is any, so that their keyframes stay aligned; frames before it are decoded in vain.
fn first_shown(drafts: &[Draft], stream: &VideoStream, source_frame: usize) -> Option<u64> {
    let pts = *stream.pts.get(source_frame)?;
    let (primary, others) = drafts.split_first()?;
    let first = first_from(&primary.source_pts, pts);
    let in_all = |at: &usize| {
        let time = primary.times[*at];
        let is_shown = |draft: &Draft| draft.has_frame_at(time, primary.timescale);
        others.iter().all(is_shown)
    };
    let aligned = (first..primary.source_pts.len()).take(FRAMES_BEHIND).find(in_all);
    let at = aligned.unwrap_or(first) as u64;
    (1..primary.frame_count()).contains(&at).then_some(at)
}

/// Position of the keyframe from which a frame, and what its filters look at, can be decoded.
pub(super) fn keyframe_before(stream: &VideoStream, first_pts: i64) -> Option<usize> {
    let needed = position(stream, first_pts).saturating_sub(lead_frames(stream));
    let after = stream.keyframes.partition_point(|&keyframe| keyframe as usize <= needed);
    Some(stream.keyframes[after.checked_sub(1)?] as usize)
}

fn lead_frames(stream: &VideoStream) -> usize {
    if stream.interlaced { DEINTERLACE_LEAD_FRAMES } else { 0 }
}

/// Grids show only frames that the source has.
pub(super) fn position(stream: &VideoStream, pts: i64) -> usize {
    first_from(&stream.pts, pts)
}

pub(super) fn frame_at(frame: u64) -> usize {
    usize::try_from(frame).expect("a grid fits in memory")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::super::grid::{Frames, Pace};
    use super::super::timeline::Moment;
    use super::*;

    fn drafts(stream: &VideoStream, paces: &[Pace]) -> Vec<Draft> {
        let zero = Moment::new(stream.pts[0], stream.time_base).unwrap();
        paces.iter().map(|&pace| Frames::new(stream, zero).draft(pace, 2)).collect()
    }

    fn check(keyframes: &[u32], interlaced: bool, paces: &[Pace], expected: &[(u64, u64)]) {
        let keyframes = keyframes.to_vec();
        let stream = VideoStream { keyframes, interlaced, ..video(640, 360, (1, 50), 1, 1000) };
        let drafts = drafts(&stream, paces);
        let places = Places::of(&drafts, &stream);
        let found: Vec<_> = places.keyframes.iter().map(|&at| (at, places.lead_in(at))).collect();
        assert_eq!(found, expected, "{paces:?}");
    }

    #[test]
    fn all_grids_show_the_first_frame_of_a_place() {
        let both = [Pace::Own, Pace::EveryNth(2)];
        check(&[0, 201, 400], false, &[Pace::Own], &[(201, 0), (400, 0)]);
        check(&[0, 201, 400], false, &both, &[(202, 1), (400, 0)]);
        check(&[0, 201, 999], true, &both, &[(204, 3)]);
    }

    #[test]
    fn keyframes_close_together_are_one_place() {
        check(&[0, 1, 20, 30, 54, 60], false, &[Pace::Own], &[(30, 0), (60, 0)]);
    }

    #[test]
    fn places_behind_keyframes_are_shown_by_all_grids() {
        let check = |keyframes: &[u32], paces: &[Pace], expected: &[u64]| {
            let stream = VideoStream { keyframes: keyframes.to_vec(), ..video(640, 360, (1, 60), 1, 1000) };
            let drafts = drafts(&stream, paces);
            assert_eq!(Places::of(&drafts, &stream).behind_keyframes(), expected, "{paces:?}");
        };
        check(&[0, 250, 975], &[Pace::Own], &[265, 280, 295, 310, 990]);
        check(&[0, 250, 975], &[Pace::Own, Pace::EveryNth(2)], &[266, 280, 296, 310, 992]);
        check(&[0, 250, 290], &[Pace::Own], &[265, 280, 305, 320, 335, 350]);
        check(&[0], &[Pace::Own], &[]);
    }

    #[test]
    fn a_keyframe_is_worth_a_short_gop_that_is_not_too_short() {
        let near = |keyframes: &[u32], range| {
            let stream = VideoStream { keyframes: keyframes.to_vec(), ..video(640, 360, (1, 50), 1, 1000) };
            let drafts = drafts(&stream, &[Pace::Own]);
            Places::of(&drafts, &stream).near((0, 200), range, (4, 1))
        };
        assert_eq!(near(&[0, 150], 100..=300), 150);
        assert_eq!(near(&[0, 190, 205], 100..=300), 190);
        assert_eq!(near(&[0, 90], 100..=300), 100);
        assert_eq!(near(&[0], 150..=160), 200);
    }
}
