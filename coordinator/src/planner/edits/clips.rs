//! Clips that edits put before and behind the source. They take on what is the source's: its size, its colours, its pace.

use super::{refused, us};
use crate::domain::edit::{self, Edit, InsertKind};
use crate::domain::plan::{self, SourcePicture};
use crate::domain::source::{AudioStream, Insert, Source, VideoStream};
use crate::domain::{Failure, FailureClass, Rational};
use crate::planner::timeline::Moment;
use crate::planner::{audio, check, colour, renditions};

/// Sound that goes on for longer than the pictures keeps the last one standing; less is padding of its encoder.
const PADDING_US: u64 = 100_000;
const MICROSECOND: Rational = Rational { numerator: 1, denominator: 1_000_000 };

/// A clip.
pub(in super::super) struct Clip<'a> {
    /// Which insert.
    pub(super) file: u32,
    pub(super) source: &'a Source,
    pub(super) video: &'a VideoStream,
    pub(super) sound: Option<&'a AudioStream>,
    /// Its own time 0.
    pub(super) zero: Moment,
    /// The source's.
    pub(super) pace: Pace,
    /// A whole number of frames, so that the source goes on at its own pace.
    pub(super) length_us: u64,
    first_mark: u32,
}

/// Frames at an even distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Frames a second.
    pub(super) rate: Rational,
}

impl Pace {
    /// Seconds of a frame.
    pub(super) fn step(self) -> Rational {
        Rational { numerator: self.rate.denominator, denominator: self.rate.numerator }
    }

    /// Whole frames nearest to a length, at least one.
    pub(super) fn frames_of(self, length_us: u64) -> i64 {
        MICROSECOND.rescale(i64::try_from(length_us).unwrap_or(i64::MAX), self.step()).max(1)
    }

    /// When a frame begins.
    pub(super) fn us_of(self, frame: i64) -> u64 {
        u64::try_from(self.step().rescale(frame, MICROSECOND)).unwrap_or(0)
    }
}

/// The clips of a source's edits.
pub(super) fn of<'a>(source: &'a Source, edits: &[Edit], rate: Rational) -> Result<Vec<Clip<'a>>, Failure> {
    let mut clips = Vec::new();
    let mut first_mark = 0;
    for (file, kind) in edit::inserts(edits) {
        match (kind, source.inserts.get(file as usize)) {
            (InsertKind::Clip, Some(Insert::Clip(clip))) => {
                let of = |failure: Failure| {
                    let message = format!("file {} of the edits: {}", file + 1, failure.message);
                    Failure { message, ..failure }
                };
                clips.push(Clip::new(file, clip, Pace { rate }, first_mark).map_err(of)?);
            }
            (InsertKind::Mark, Some(Insert::Mark { .. })) => first_mark += 1,
            _ => return Err(refused(FailureClass::Verify, "the probe does not say what the edits put in")),
        }
    }
    Ok(clips)
}

impl<'a> Clip<'a> {
    fn new(file: u32, source: &'a Source, pace: Pace, first_mark: u32) -> Result<Self, Failure> {
        let video = check::picked_video(source)?;
        let video = video.ok_or_else(|| refused(FailureClass::Source, "it holds no video"))?;
        colour::check(video)?;
        let sound = check::sounding_audio(source)?.into_iter().next();
        let out_of_bounds = || refused(FailureClass::Verify, "its times are out of all bounds");
        let first = Moment::new(video.pts[0], video.time_base).ok_or_else(out_of_bounds)?;
        let zero = sound.and_then(audio::first_sample).map_or(first, |sample| sample.or_earlier(first));
        let length_us = pace.us_of(pace.frames_of(length_us(video, sound, zero)));
        Ok(Self { file, source, video, sound, zero, pace, length_us, first_mark })
    }

    /// Position of the frame that is shown at a time. A frame may come a little late, or be rounded: what is three eighths
    /// of a frame away meets neither the rounding of containers nor frames of twice the rate.
    pub(super) fn frame_at(&self, time_us: u64) -> usize {
        let time = i64::try_from(time_us.saturating_add(self.pace.us_of(1) * 3 / 8)).unwrap_or(i64::MAX);
        let behind = self.video.pts.partition_point(|&pts| us(pts, self.video.time_base, self.zero) <= time);
        behind.saturating_sub(1)
    }

    /// What its chunks need.
    pub(super) fn planned(&self) -> plan::Clip {
        plan::Clip {
            file: self.file,
            demuxer: self.source.demuxer.clone(),
            stream_index: self.video.index,
            rotation_degrees: self.video.rotation_degrees,
            interlaced: self.video.interlaced,
            picture: SourcePicture {
                colour: colour::likely(self.video),
                ..renditions::source_picture(self.video)
            },
            first_mark: self.first_mark,
        }
    }
}

/// How long a file takes in a time line: as long as its pictures, unless its sound goes on.
pub(super) fn length_us(video: &VideoStream, sound: Option<&AudioStream>, zero: Moment) -> u64 {
    let end = |pts: i64, duration: i64, base| us(pts.saturating_add(duration.max(0)), base, zero);
    let last = video.pts[video.pts.len() - 1];
    let pictures = end(last, video.last_duration.max(1), video.time_base).max(1).unsigned_abs();
    let heard = sound.map_or(0, |sound| end(sound.first_pts, sound.duration, sound.time_base));
    let heard = u64::try_from(heard).unwrap_or(0);
    if heard > pictures + PADDING_US { heard } else { pictures }
}
