//! The frames of an edited video: each with its time in it, and the file and the frame that it shows.

use super::Kept;
use super::clips::Clip;
use crate::domain::edit::Span;
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};
use crate::planner::timeline::Moment;

/// Ticks a second of an edited video, at least: joints are between the frames of the source.
const LEAST_TICKS: i64 = 10_000;
/// A stretch begins without a picture for no longer than a frame lasts, and no longer than this.
const LONGEST_GAP_US: i64 = 100_000;
const MICROSECOND: Rational = Rational { numerator: 1, denominator: 1_000_000 };

/// The frames of an edited video as a video, and what is behind each.
pub(in super::super) struct Edited {
    pub(in super::super) stream: VideoStream,
    /// Source frames, ticks of their file.
    pub(super) source_pts: Vec<i64>,
    /// By time; each begins where the one before ends.
    pub(super) runs: Vec<Run>,
}

/// Frames of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Position of the first one in the edited video.
    pub(super) first: usize,
    /// Which clip; none: the source.
    pub(super) clip: Option<usize>,
}

/// Gathers frames: each with its time in the edited video and its place in its file.
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

impl Kept<'_> {
    /// The kept frames; `stream` is the source's video, whose time 0 is `zero`.
    pub(in super::super) fn video(&self, stream: &VideoStream, zero: Moment) -> Result<Edited, Failure> {
        let mut frames = Frames::new(stream, zero);
        let mut runs: Vec<Run> = Vec::new();
        for part in &self.parts {
            let clip = part.file.and_then(|file| self.clips.iter().position(|clip| clip.file == file));
            runs.push(Run { first: frames.found.len(), clip });
            for span in &part.spans {
                match clip {
                    None => frames.add(*span),
                    Some(at) => frames.add_clip(&self.clips[at], *span),
                }
            }
        }
        // A part may lie between two frames of its file.
        runs.dedup_by(|later, earlier| {
            let is_empty = later.first == earlier.first;
            if is_empty {
                earlier.clip = later.clip;
            }
            is_empty
        });
        runs.retain(|run| run.first < frames.found.len());
        let Frames { found, end, fine, .. } = frames;
        let Some(&(last, _)) = found.last() else {
            let message = "the edits leave no frame of the video; keep more of it".to_owned();
            return Err(Failure { class: FailureClass::Source, message });
        };
        let (mut source_pts, mut keyframes) = (Vec::with_capacity(found.len()), Vec::new());
        for (number, run) in runs.iter().enumerate() {
            let of = run.clip.map_or(stream, |clip| self.clips[clip].video);
            let behind = runs.get(number + 1).map_or(found.len(), |next| next.first);
            let is_key =
                |at: usize| u32::try_from(at).is_ok_and(|at| of.keyframes.binary_search(&at).is_ok());
            for (number, &(_, at)) in (run.first..behind).zip(&found[run.first..behind]) {
                source_pts.push(of.pts[at]);
                keyframes.extend(u32::try_from(number).ok().filter(|_| is_key(at)));
            }
        }
        let stream = VideoStream {
            time_base: fine,
            keyframes,
            pts: found.iter().map(|&(pts, _)| pts).collect(),
            last_duration: (end - last).max(1),
            block_bytes: Vec::new(),
            ..stream.clone()
        };
        Ok(Edited { stream, source_pts, runs })
    }
}

impl<'a> Frames<'a> {
    fn new(stream: &'a VideoStream, zero: Moment) -> Self {
        let base = stream.time_base;
        let finer = LEAST_TICKS.saturating_mul(base.numerator).div_euclid(base.denominator) + 1;
        let denominator = base.denominator.saturating_mul(finer);
        // A base that no track could have stays as it is.
        let finer = if denominator <= i64::from(i32::MAX) { finer } else { 1 };
        let fine = Rational { denominator: base.denominator * finer, ..base };
        Self { stream, zero, fine, finer, passed_us: 0, found: Vec::new(), end: 0 }
    }

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
        self.passed_us = self.passed_us.saturating_add(span.length_us());
    }

    /// Frames of a clip, at the pace of the source: what is put in must not make an uneven video of an even one.
    fn add_clip(&mut self, clip: &Clip, span: Span) {
        let start = self.at(i64::try_from(self.passed_us).unwrap_or(i64::MAX));
        for frame in 0..clip.pace.frames_of(span.length_us()) {
            let at = clip.frame_at(span.start_us.saturating_add(clip.pace.us_of(frame)));
            self.push(start.saturating_add(clip.pace.step().rescale(frame, self.fine)), at);
        }
        self.passed_us = self.passed_us.saturating_add(span.length_us());
        self.end = self.at(i64::try_from(self.passed_us).unwrap_or(i64::MAX));
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
