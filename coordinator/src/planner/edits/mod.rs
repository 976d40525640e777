//! Edited videos. What is kept of the source, and of the clips that are put before and behind it, makes a video of its
//! own, whose times have no gaps; that is planned like any other, and then told in its files' words again. So all that holds
//! for videos holds across every joint: chunks encode apart, each output frame once, and sound and picture leave out the
//! same moments. A chunk has frames of one file only, so its engine reads one.

mod clips;
mod frames;
#[cfg(test)]
mod joined_tests;
mod marks;
mod restore;
mod sound;
#[cfg(test)]
mod tests;

use self::clips::Clip;
pub(super) use self::frames::Edited;
use super::grid;
use super::timeline::Moment;
use crate::domain::edit::{self, Edit, Part, Span};
use crate::domain::plan::VideoPlan;
use crate::domain::source::{AudioStream, Source, VideoStream};
use crate::domain::{Failure, FailureClass, Rational};

/// What an edited video is made of.
pub(super) struct Kept<'a> {
    /// By time.
    parts: Vec<Part>,
    clips: Vec<Clip<'a>>,
    /// Length of the source.
    source_us: u64,
}

impl<'a> Kept<'a> {
    /// Of a source with this video and these sounds, whose time 0 is the last. None: all of the source and nothing else,
    /// though pictures may lie over it.
    pub(super) fn of(
        edits: &[Edit],
        source: &'a Source,
        (video, sounds, zero): (Option<&VideoStream>, &[&AudioStream], Option<Moment>),
    ) -> Result<Option<Self>, Failure> {
        let in_vain = |message: String| Failure { class: FailureClass::Profile, message };
        let (clips, source_us) = match (video, zero) {
            _ if edit::inserts(edits).is_empty() => (Vec::new(), Span::END),
            (Some(video), Some(zero)) => {
                let rate = grid::Frames::new(video, zero).rate;
                (clips::of(source, edits, rate)?, clips::length_us(video, sounds.first().copied(), zero))
            }
            _ => {
                let message = "the source has no video to which files could be added";
                return Err(refused(FailureClass::Source, message));
            }
        };
        let length = |file: Option<u32>| match file {
            None => source_us,
            Some(file) => clips.iter().find(|clip| clip.file == file).map_or(0, |clip| clip.length_us),
        };
        let parts = edit::timeline(edits, length).map_err(in_vain)?;
        let all = [Part { file: None, spans: vec![Span { start_us: 0, end_us: Span::END }] }];
        Ok((parts != all).then_some(Self { parts, clips, source_us }))
    }

    /// It is made of the source alone.
    pub(super) fn is_source(&self) -> bool {
        self.parts.iter().all(|part| part.file.is_none())
    }

    /// The clips' part of a plan.
    pub(super) fn put_clips(&self, plan: &mut VideoPlan) {
        plan.clips = self.clips.iter().map(Clip::planned).collect();
    }
}

/// The marks' part of a plan.
pub(super) fn put_marks(plan: &mut VideoPlan, source: &Source, edits: &[Edit]) -> Result<(), Failure> {
    if let Some(first) = plan.renditions.first() {
        plan.marks = marks::of(source, edits, (first.width, first.height))?;
    }
    Ok(())
}

/// Microseconds from `zero` to a time of a file.
fn us(pts: i64, base: Rational, zero: Moment) -> i64 {
    Moment::new(pts, base).map_or(0, |at| at.since(zero, 1_000_000))
}

fn refused(class: FailureClass, message: &str) -> Failure {
    Failure { class, message: message.to_owned() }
}
