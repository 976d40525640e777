//! Output frame grids: for every output frame its time and the source frame that it shows. The source's own rate is kept
//! frame by frame, uneven times included; a lower rate leaves out whole frames where it can.

use super::timeline::{Moment, first_from};
use crate::domain::plan::Grid;
use crate::domain::source::VideoStream;
use crate::domain::{Rational, Sequence};

/// Finest and coarsest time of an output track, ticks a second.
const TIMESCALES: std::ops::RangeInclusive<i64> = 1000..=1_000_000;

/// For sources whose time base fits no track; every usual frame rate divides it.
const FALLBACK_TIMESCALE: i64 = 90_000;

/// How a grid follows from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Every frame of the source at its own time.
    Own,
    /// Every n-th frame of the source at its own time.
    EveryNth(u32),
    /// At an even rate, frames a second, the newest frame of the source.
    Even(Rational),
}

/// The source's frames on the output's clock, of which all grids are made.
pub(super) struct Frames<'a> {
    stream: &'a VideoStream,
    zero: Moment,
    /// Frames a second, nominal.
    pub(super) rate: Rational,
    /// No frame lasts longer than half again as long as the average one. Every rendition asks.
    is_even: bool,
}

/// A grid with its sequences unrolled, for cutting.
pub(super) struct Draft {
    pub(super) timescale: u32,
    pub(super) frame_rate: Rational,
    pub(super) gop_frames: u32,
    /// One more than there are frames.
    pub(super) times: Vec<i64>,
    pub(super) source_pts: Vec<i64>,
}

impl<'a> Frames<'a> {
    /// `zero` is the source's time that becomes 0.
    pub(super) fn new(stream: &'a VideoStream, zero: Moment) -> Self {
        let mut frames =
            Self { stream, zero, rate: Rational { numerator: 1, denominator: 1 }, is_even: false };
        (frames.rate, frames.is_even) = (frames.nominal_rate(), frames.are_even());
        frames
    }

    /// Whole frames a second, at least 1.
    pub(super) fn fps(&self) -> u32 {
        whole_fps(self.rate)
    }

    /// The pace for a rendition that is to have `fps` frames a second.
    pub(super) fn pace(&self, fps: u32) -> Pace {
        let own = self.fps();
        if fps >= own {
            return Pace::Own;
        }
        if !own.is_multiple_of(fps) {
            return Pace::Even(Rational { numerator: i64::from(fps), denominator: 1 });
        }
        match self.is_even {
            true => Pace::EveryNth(own / fps),
            false => Pace::Even(divided(self.rate, own / fps)),
        }
    }

    /// The pace for a rendition that has `fps` frames a second whatever the source has.
    pub(super) fn exact_pace(&self, fps: u32) -> Pace {
        match fps > self.fps() {
            true => Pace::Even(Rational { numerator: i64::from(fps), denominator: 1 }),
            false => self.pace(fps),
        }
    }

    /// The grid of a pace, with keyframes `gop_seconds` apart.
    pub(super) fn draft(&self, pace: Pace, gop_seconds: u32) -> Draft {
        let (timescale, frame_rate, times, source_pts) = match pace {
            Pace::Own => self.every_nth(1),
            Pace::EveryNth(step) => self.every_nth(step),
            Pace::Even(rate) => self.even(rate),
        };
        let gop_frames = whole_fps(frame_rate) * gop_seconds.max(1);
        Draft { timescale, frame_rate, gop_frames, times, source_pts }
    }

    fn every_nth(&self, step: u32) -> (u32, Rational, Vec<i64>, Vec<i64>) {
        let timescale = own_timescale(self.stream.time_base);
        let kept = || self.stream.pts.iter().copied().step_by(step as usize);
        // Relative to the first frame all steps are exact; only the common offset may be rounded.
        let first = self.moment(self.stream.pts[0]);
        let offset = first.since(self.zero, timescale);
        let ends = kept().chain([self.end_pts()]);
        let since_first = self.since_first(timescale);
        let times = ends.map(|pts| offset + since_first(pts));
        let rate = if step == 1 { self.rate } else { divided(self.rate, step) };
        (timescale, rate, strictly_rising(times), kept().collect())
    }

    fn even(&self, rate: Rational) -> (u32, Rational, Vec<i64>, Vec<i64>) {
        let timescale = even_timescale(rate);
        let (first, end) = (self.moment(self.stream.pts[0]), self.moment(self.end_pts()));
        let (offset, length) = (first.since(self.zero, timescale), end.since(first, timescale).max(1));
        let base = Rational { numerator: 1, denominator: i64::from(timescale) };
        let step = Rational { numerator: rate.denominator, denominator: rate.numerator };
        let starts: Vec<i64> =
            (0..).map(|frame| step.rescale(frame, base)).take_while(|&time| time < length).collect();
        let shown = starts.iter().map(|&time| {
            // To the nearest source tick: times of containers that count milliseconds are rounded themselves.
            let pts = self.stream.pts[0] + base.rescale(time, self.stream.time_base);
            let newest = self.stream.pts.partition_point(|&candidate| candidate <= pts).saturating_sub(1);
            self.stream.pts[newest]
        });
        let source_pts = shown.collect();
        let times = starts.into_iter().chain([length]).map(|time| offset + time);
        (timescale, rate, strictly_rising(times), source_pts)
    }

    /// End of the last frame; a source that does not tell lets it last as long as the others.
    fn end_pts(&self) -> i64 {
        let (first, last) = (self.stream.pts[0], self.stream.pts[self.stream.pts.len() - 1]);
        let gaps = i64::try_from(self.stream.pts.len() - 1).unwrap_or(i64::MAX);
        let usual = if gaps > 0 { (last - first) / gaps } else { 1 };
        let duration = if self.stream.last_duration > 0 { self.stream.last_duration } else { usual.max(1) };
        last.saturating_add(duration)
    }

    /// As the stream states it when its frames agree within a twentieth, else counted.
    fn nominal_rate(&self) -> Rational {
        let frames = i128::try_from(self.stream.pts.len()).unwrap_or(i128::MAX);
        let (first, end) = (self.moment(self.stream.pts[0]), self.moment(self.end_pts()));
        let length_us = i128::from(end.since(first, 1_000_000).max(1));
        let stated = self.stream.frame_rate;
        let sane = |part: i64| (1..=i64::from(i32::MAX)).contains(&part);
        if sane(stated.numerator) && sane(stated.denominator) {
            let expected = length_us * i128::from(stated.numerator) / i128::from(stated.denominator);
            if (expected - frames * 1_000_000).abs() * 20 <= frames * 1_000_000 {
                return stated;
            }
        }
        let millihertz = (frames * 1_000_000_000 / length_us).clamp(1, 1_000_000);
        Rational::new(i64::try_from(millihertz).unwrap_or(1000), 1000).unwrap_or(stated)
    }

    fn are_even(&self) -> bool {
        let pts = &self.stream.pts;
        let length = i128::from(self.end_pts()) - i128::from(pts[0]);
        let frames = i128::try_from(pts.len()).unwrap_or(i128::MAX);
        let longest = pts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        2 * frames * i128::from(longest) <= 3 * length
    }

    /// Ticks of the output from the first frame to another time of the source, as [`Moment::since`] tells them. Mostly one
    /// multiplication: films have millions of frames, and divisions of 128 bits are slow.
    fn since_first(&self, timescale: u32) -> impl Fn(i64) -> i64 {
        let (first_pts, base) = (self.stream.pts[0], self.stream.time_base);
        let ticks = base.numerator.checked_mul(i64::from(timescale));
        let factor =
            ticks.filter(|ticks| ticks % base.denominator == 0).map(|ticks| ticks / base.denominator);
        move |pts| {
            let whole =
                factor.zip(pts.checked_sub(first_pts)).and_then(|(factor, gap)| gap.checked_mul(factor));
            whole.unwrap_or_else(|| self.moment(pts).since(self.moment(first_pts), timescale))
        }
    }

    fn moment(&self, pts: i64) -> Moment {
        Moment::new(pts, self.stream.time_base).unwrap_or(self.zero)
    }
}

impl Draft {
    pub(super) fn frame_count(&self) -> u64 {
        self.source_pts.len() as u64
    }

    /// The first frame that is shown at this time or later.
    pub(super) fn frame_from(&self, time: i64, timescale: u32) -> u64 {
        if timescale == self.timescale {
            return first_from(&self.times, time) as u64;
        }
        let scaled = i128::from(time) * i128::from(self.timescale);
        self.times.partition_point(|&other| i128::from(other) * i128::from(timescale) < scaled) as u64
    }

    /// Whether a frame begins at exactly this time.
    pub(super) fn has_frame_at(&self, time: i64, timescale: u32) -> bool {
        let at = usize::try_from(self.frame_from(time, timescale)).unwrap_or(usize::MAX);
        let scaled = i128::from(time) * i128::from(self.timescale);
        self.times.get(at).is_some_and(|&other| i128::from(other) * i128::from(timescale) == scaled)
    }

    pub(super) fn into_grid(self) -> Grid {
        Grid {
            timescale: self.timescale,
            frame_rate: self.frame_rate,
            gop_frames: self.gop_frames,
            times: self.times.into_iter().collect::<Sequence>(),
            source_pts: self.source_pts.into_iter().collect::<Sequence>(),
        }
    }
}

fn whole_fps(rate: Rational) -> u32 {
    u32::try_from(rate.round()).unwrap_or(u32::MAX).clamp(1, 1000)
}

fn divided(rate: Rational, by: u32) -> Rational {
    Rational::new(rate.numerator, rate.denominator.saturating_mul(i64::from(by))).unwrap_or(rate)
}

/// The source's own ticks or whole fractions of them, so that times are kept exactly.
fn own_timescale(base: Rational) -> u32 {
    let lowest = Rational::new(base.numerator, base.denominator).unwrap_or(base);
    scaled_up(lowest.denominator, *TIMESCALES.start())
}

/// Ticks of which every frame of an even rate lasts a whole number.
fn even_timescale(rate: Rational) -> u32 {
    scaled_up(rate.numerator, 10_000)
}

fn scaled_up(ticks: i64, least: i64) -> u32 {
    let ticks = ticks.max(1);
    let scaled = if ticks < least { ticks * ((least + ticks - 1) / ticks) } else { ticks };
    let timescale = if scaled > *TIMESCALES.end() { FALLBACK_TIMESCALE } else { scaled };
    u32::try_from(timescale).expect("a timescale is at most a million")
}

/// Frames closer than a tick are moved apart by one.
fn strictly_rising(times: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut times: Vec<i64> = times.collect();
    for at in 1..times.len() {
        times[at] = times[at].max(times[at - 1].saturating_add(1));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::*;

    fn frames_of(stream: &VideoStream) -> Frames<'_> {
        Frames::new(stream, Moment::new(stream.pts[0], stream.time_base).unwrap())
    }

    fn rational(numerator: i64, denominator: i64) -> Rational {
        Rational { numerator, denominator }
    }

    #[test]
    fn the_own_grid_keeps_every_time_of_an_uneven_source() {
        let stream = VideoStream { pts: vec![5, 38, 72, 300, 333], ..video(640, 360, (1, 1000), 33, 0) };
        let frames = frames_of(&stream);
        let draft = frames.draft(Pace::Own, 2);
        assert_eq!((draft.timescale, draft.times), (1000, vec![0, 33, 67, 295, 328, 361]));
        assert_eq!(draft.source_pts, stream.pts);
    }

    #[test]
    fn coarse_and_odd_time_bases_become_whole_multiples() {
        assert_eq!(own_timescale(rational(1, 24)), 1008);
        assert_eq!(own_timescale(rational(1001, 30_000)), 30_000);
        assert_eq!(own_timescale(rational(1, 10_000_000)), 90_000);
    }

    #[test]
    fn half_of_an_ntsc_rate_takes_every_second_frame() {
        let stream = video(1280, 720, (1, 60_000), 1001, 240);
        let stream = VideoStream { frame_rate: rational(60_000, 1001), ..stream };
        let frames = frames_of(&stream);
        assert_eq!(frames.pace(30), Pace::EveryNth(2));
        let draft = frames.draft(Pace::EveryNth(2), 2);
        assert_eq!((draft.frame_rate, draft.gop_frames), (rational(30_000, 1001), 60));
        assert_eq!(draft.times[..3], [0, 2002, 4004]);
        assert_eq!(draft.times.last(), Some(&240_240));
    }

    #[test]
    fn a_rate_that_does_not_divide_gets_an_even_grid_of_the_same_length() {
        let stream = VideoStream { frame_rate: rational(59, 1), ..video(1280, 720, (1, 59_000), 1000, 118) };
        let frames = frames_of(&stream);
        assert_eq!(frames.pace(25), Pace::Even(rational(25, 1)));
        let draft = frames.draft(frames.pace(25), 2);
        assert_eq!((draft.frame_count(), draft.timescale), (50, 10_000));
        assert_eq!(draft.times.last(), Some(&20_000));
        // Shown at 40 ms: the frame from 33.9 ms on, not the one at 50.8 ms.
        assert_eq!(draft.source_pts[..3], [0, 2000, 4000]);
    }

    #[test]
    fn a_stated_rate_that_the_frames_contradict_is_counted_instead() {
        let stream = VideoStream { frame_rate: rational(90_000, 1), ..video(640, 360, (1, 1000), 40, 100) };
        assert_eq!(frames_of(&stream).rate, rational(25, 1));
    }
}
