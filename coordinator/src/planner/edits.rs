//! Edited videos. The kept frames of the source make a video of their own, whose times have no gaps; that is planned like
//! any other, and then told in the source's words again. So all that holds for videos holds across every joint: chunks
//! encode apart, each output frame once, and sound and picture leave out the same moments.

use super::chunks;
use super::timeline::Moment;
use crate::domain::edit::{self, Edit, Span};
use crate::domain::plan::{AudioPlan, Chunk, Seek, StoryboardPlan, VideoPlan};
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};

/// Ticks a second of an edited video, at least: joints are between the frames of the source.
const LEAST_TICKS: i64 = 10_000;
/// A stretch begins without a picture for no longer than a frame lasts, and no longer than this.
const LONGEST_GAP_US: i64 = 100_000;
const MICROSECOND: Rational = Rational { numerator: 1, denominator: 1_000_000 };

/// Which stretches of the source's time are kept.
pub(super) struct Kept(Vec<Span>);

/// The kept frames as a video, and the source frame behind each.
pub(super) struct Edited {
    pub(super) stream: VideoStream,
    source_pts: Vec<i64>,
}

impl Kept {
    /// None: everything is.
    pub(super) fn of(edits: &[Edit]) -> Result<Option<Self>, Failure> {
        let refuse = |message| Failure { class: FailureClass::Profile, message };
        let spans = edit::kept(edits).map_err(refuse)?;
        let all = Span { start_us: 0, end_us: Span::END };
        Ok((spans != [all]).then_some(Self(spans)))
    }

    /// The kept frames of a video, whose time 0 is `zero`.
    pub(super) fn video(&self, stream: &VideoStream, zero: Moment) -> Result<Edited, Failure> {
        let base = stream.time_base;
        let finer = LEAST_TICKS.saturating_mul(base.numerator).div_euclid(base.denominator) + 1;
        let denominator = base.denominator.saturating_mul(finer);
        // A base that no track could have stays as it is.
        let finer = if denominator <= i64::from(i32::MAX) { finer } else { 1 };
        let fine = Rational { denominator: base.denominator * finer, ..base };
        let mut frames = Frames { stream, zero, fine, finer, passed_us: 0, found: Vec::new(), end: 0 };
        for span in &self.0 {
            frames.add(*span);
        }
        let Frames { found, end, .. } = frames;
        let Some(&(last, _)) = found.last() else {
            let message = "the edits leave no frame of the video; keep more of it".to_owned();
            return Err(Failure { class: FailureClass::Source, message });
        };
        let source_pts: Vec<i64> = found.iter().map(|&(_, at)| stream.pts[at]).collect();
        let is_key =
            |at: usize| u32::try_from(at).is_ok_and(|at| stream.keyframes.binary_search(&at).is_ok());
        let stream = VideoStream {
            time_base: fine,
            keyframes: (0..)
                .zip(&found)
                .filter(|(_, frame)| is_key(frame.1))
                .map(|(number, _)| number)
                .collect(),
            pts: found.iter().map(|&(pts, _)| pts).collect(),
            last_duration: (end - last).max(1),
            block_bytes: Vec::new(),
            ..stream.clone()
        };
        Ok(Edited { stream, source_pts })
    }

    /// Leaves out of a track what is not kept; false: nothing of it is left.
    pub(super) fn cut_sound(&self, track: &mut AudioPlan) -> bool {
        let rate = i64::from(track.sample_rate_hz);
        let samples = |us: u64| match i64::try_from(us) {
            Ok(us) => {
                MICROSECOND.rescale(us, Rational { numerator: 1, denominator: rate.max(1) }).unsigned_abs()
            }
            Err(_) => u64::MAX,
        };
        let (first, mut silent) = (track.start_ticks, 0);
        for span in &self.0 {
            let (start, end) = (samples(span.start_us), samples(span.end_us));
            if end <= first {
                silent += end - start;
                continue;
            }
            silent += first.saturating_sub(start);
            let (from, to) = (start.saturating_sub(first), end.saturating_sub(first));
            if from < track.duration_ticks {
                track.kept.push((from, to));
            }
        }
        let lengths = track.kept.iter().map(|&(from, to)| to.min(track.duration_ticks) - from);
        (track.duration_ticks, track.start_ticks) = (lengths.sum(), silent);
        !track.kept.is_empty()
    }
}

/// Gathers the kept frames: each with its time in the edited video and its place in the source.
struct Frames<'a> {
    stream: &'a VideoStream,
    zero: Moment,
    fine: Rational,
    finer: i64,
    /// Length of what was kept before.
    passed_us: u64,
    found: Vec<(i64, usize)>,
    end: i64,
}

impl Frames<'_> {
    fn add(&mut self, span: Span) {
        let (stream, zero) = (self.stream, self.zero);
        let time_us = |pts: i64| Moment::new(pts, stream.time_base).map_or(0, |at| at.since(zero, 1_000_000));
        let start_us = i64::try_from(span.start_us).unwrap_or(i64::MAX);
        let end_us = i64::try_from(span.end_us).unwrap_or(i64::MAX);
        let pts = &stream.pts;
        let first = pts.partition_point(|&pts| time_us(pts) < start_us);
        let behind = pts.partition_point(|&pts| time_us(pts) < end_us);
        let last_end = pts[pts.len() - 1].saturating_add(stream.last_duration.max(1));
        let passed_us = i64::try_from(self.passed_us).unwrap_or(i64::MAX);
        let moved = self.ticks(passed_us).saturating_sub(self.ticks(start_us));
        let usual_us = (time_us(last_end) - time_us(pts[0])) / i64::try_from(pts.len()).unwrap_or(i64::MAX);
        let usual_us = usual_us.min(LONGEST_GAP_US);
        // A picture that stands longer than others is still there when the stretch begins.
        let next_us = pts.get(first).map_or(time_us(last_end), |&pts| time_us(pts));
        if first > 0 && next_us.min(end_us) - start_us > usual_us {
            let time = self.at(start_us).saturating_add(moved);
            self.push(time, first - 1);
        }
        for (at, pts) in pts.iter().enumerate().take(behind).skip(first) {
            let time = pts.saturating_mul(self.finer).saturating_add(moved);
            self.push(time, at);
        }
        let end =
            if end_us < time_us(last_end) { self.at(end_us) } else { last_end.saturating_mul(self.finer) };
        self.end = end.saturating_add(moved);
        self.passed_us = self.passed_us.saturating_add(span.end_us - span.start_us);
    }

    /// Microseconds of the output as ticks.
    fn ticks(&self, us: i64) -> i64 {
        MICROSECOND.rescale(us, self.fine)
    }

    /// Ticks of the source's clock at a time from `zero`.
    fn at(&self, us: i64) -> i64 {
        let first = self.stream.pts[0];
        let first_us =
            Moment::new(first, self.stream.time_base).map_or(0, |at| at.since(self.zero, 1_000_000));
        first.saturating_mul(self.finer).saturating_add(self.ticks(us.saturating_sub(first_us)))
    }

    fn push(&mut self, time: i64, at: usize) {
        let least = self.found.last().map_or(i64::MIN, |&(before, _)| before + 1);
        self.found.push((time.max(least), at));
    }
}

impl Edited {
    /// Tells a plan of the edited video in the source's words.
    pub(super) fn restore(&self, plan: &mut VideoPlan, source: &VideoStream) {
        for grid in &mut plan.grids {
            grid.source_pts = grid.source_pts.iter().map(|pts| self.source(pts)).collect();
        }
        for at in 0..plan.chunks.len() {
            let shown = shown(plan, &plan.chunks[at]);
            let (seek_pts, jumps) = seeks(source, &shown);
            let chunk = &mut plan.chunks[at];
            (chunk.seek_pts, chunk.jumps) = (seek_pts, jumps);
        }
    }

    /// The same for a storyboard.
    pub(super) fn restore_storyboard(&self, plan: &mut StoryboardPlan, source: &VideoStream) {
        for sprite in &mut plan.sprites {
            let pts = self.source(sprite.pts);
            *sprite = Seek { seek_pts: chunks::seek_for(source, pts), pts };
        }
    }

    fn source(&self, pts: i64) -> i64 {
        let at = self.stream.pts.partition_point(|&other| other <= pts).saturating_sub(1);
        self.source_pts[at]
    }
}

/// Source frames that a chunk shows, rising.
fn shown(plan: &VideoPlan, chunk: &Chunk) -> Vec<i64> {
    let slices = plan.grids.iter().zip(&chunk.slices);
    let mut shown: Vec<i64> =
        slices.flat_map(|(grid, slice)| grid.source_pts.slice(slice.start_frame, slice.end_frame)).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// Where decoding of these frames starts, and where it leaves frames out: wherever a keyframe spares some.
fn seeks(source: &VideoStream, shown: &[i64]) -> (Option<i64>, Vec<Seek>) {
    let first = shown.first().and_then(|&pts| chunks::seek_for(source, pts));
    let follows = |before: i64, pts: i64| {
        let next = source.pts.partition_point(|&other| other <= before);
        source.pts.get(next).is_none_or(|&next| next >= pts)
    };
    let jumps = shown.windows(2).filter(|pair| !follows(pair[0], pair[1])).filter_map(|pair| {
        let seek_pts = chunks::seek_for(source, pair[1])?;
        (seek_pts > pair[0]).then_some(Seek { seek_pts: Some(seek_pts), pts: pair[1] })
    });
    (first, jumps.collect())
}

#[cfg(test)]
mod tests {
    use flotilla_profiles::{Library, StoryboardRules};

    use super::super::{Request, fixtures, plan_edited};
    use super::*;
    use crate::domain::Plan;

    const SECOND: u64 = 1_000_000;
    const REQUEST: Request = Request { slots: 1, chunk_seconds: Some(8), early: false };

    fn stream() -> VideoStream {
        VideoStream {
            keyframes: (0..750).step_by(50).collect(),
            ..fixtures::video(640, 360, (1, 25), 1, 750)
        }
    }

    fn planned(stream: VideoStream, edits: &[Edit]) -> Plan {
        let mut profile = Library::load(None).unwrap().get("web").unwrap().clone();
        profile.storyboard = Some(StoryboardRules {
            sprite_width: 16,
            sprite_height: 9,
            columns: 9,
            rows: 9,
            seconds_per_sprite: 9,
        });
        let source = fixtures::source(vec![stream], vec![fixtures::audio("aac", 48_000, 2, 128_000)], 0);
        plan_edited(&source, &profile, &REQUEST, edits).unwrap()
    }

    fn remove(start_us: u64, end_us: u64) -> Edit {
        Edit::RemoveSegments { segments: vec![(start_us, end_us)] }
    }

    #[test]
    fn pictures_and_sound_leave_out_the_same_moments() {
        let plan = planned(stream(), &[remove(9 * SECOND, 20 * SECOND)]);
        let video = plan.video.as_ref().unwrap();
        let grid = &video.grids[0];
        assert_eq!((grid.frame_count(), grid.has_variable_rate()), (475, false));
        assert_eq!(grid.length_ticks(), Some(19 * u64::from(grid.timescale)));
        assert!(grid.source_pts.iter().eq((0..225).chain(500..750)));
        assert_eq!(
            (plan.audio[0].kept.as_slice(), plan.audio[0].copy),
            (&[(0, 432_000), (960_000, u64::MAX)][..], false)
        );
        assert_eq!((plan.audio[0].start_ticks, plan.audio[0].duration_ticks), (0, 19 * 48_000));
    }

    #[test]
    fn chunks_cover_the_edited_video_and_jump_over_what_is_left_out() {
        let plan = planned(stream(), &[remove(9 * SECOND, 20 * SECOND)]);
        let video = plan.video.unwrap();
        let ends: Vec<_> = video.chunks.iter().map(|chunk| chunk.slices[0].end_frame).collect();
        assert_eq!(ends.last(), Some(&475));
        let jumps: Vec<_> = video.chunks.iter().flat_map(|chunk| chunk.jumps.clone()).collect();
        assert_eq!(jumps, [Seek { seek_pts: Some(500), pts: 500 }]);
        for (chunk, start) in video.chunks.iter().zip([0].iter().chain(&ends)) {
            let first = video.grids[0].source_pts.get(*start).unwrap();
            assert_eq!(chunk.seek_pts, chunks::seek_for(&stream(), first));
        }
        // 18 s of the edited video are 29 s of the source.
        let sprites: Vec<_> = plan.storyboard.unwrap().sprites.iter().map(|sprite| sprite.pts).collect();
        assert_eq!(sprites, [0, 500, 725]);
    }

    #[test]
    fn a_cut_between_two_frames_keeps_sound_to_the_sample_and_pictures_to_the_frame() {
        let cut = Edit::Cut { start_us: Some(1_020_000), end_us: Some(3 * SECOND) };
        let plan = planned(stream(), &[cut]);
        let grid = &plan.video.as_ref().unwrap().grids[0];
        let scale = i64::from(grid.timescale);
        assert_eq!((grid.times.get(0), grid.times.last()), (Some(scale / 50), Some(scale * 99 / 50)));
        assert!(grid.source_pts.iter().eq(26..75));
        assert_eq!(plan.audio[0].kept, [(48_960, 144_000)]);
        assert_eq!((plan.audio[0].start_ticks, plan.audio[0].duration_ticks), (0, 95_040));
    }

    #[test]
    fn a_picture_that_stands_is_still_there_behind_the_cut() {
        let slides = VideoStream { pts: vec![0, 250, 700], keyframes: vec![0, 2], ..stream() };
        let plan = planned(slides, &[Edit::Cut { start_us: Some(20 * SECOND), end_us: None }]);
        let video = plan.video.unwrap();
        assert_eq!(video.grids[0].source_pts.iter().collect::<Vec<_>>(), [250, 700]);
        let seconds = |at: u64| video.grids[0].times.get(at).unwrap() / i64::from(video.grids[0].timescale);
        assert_eq!((seconds(0), seconds(1), video.chunks[0].seek_pts), (0, 8, None));
    }

    #[test]
    fn nothing_changes_where_nothing_is_left_out_and_too_much_is_refused() {
        let whole = planned(stream(), &[]);
        assert_eq!(planned(stream(), &[Edit::Cut { start_us: Some(0), end_us: None }]), whole);
        let source = fixtures::source(vec![stream()], Vec::new(), 0);
        let profile = Library::load(None).unwrap().get("web").unwrap().clone();
        let beyond = [Edit::Cut { start_us: Some(60 * SECOND), end_us: None }];
        let refused = plan_edited(&source, &profile, &REQUEST, &beyond).unwrap_err();
        assert_eq!(refused.class, FailureClass::Source);
    }
}
