//! The frame table of a video stream: which frames are shown, when, and where decoding can start. Packets tell it
//! without a decode, but not every container is to be believed: some frames are decoded to see whether they come at
//! the times that the packets state, at the start and from some keyframes. What does not hold is not used.

use super::times::{Flaw, Shown, Times};
use crate::error::{Error, Result};
use crate::pipe::SharedInputs;
use crate::source::Source;
use crate::source::frames::Frames;

/// Frames compared at the start: more than any codec reorders.
const FIRST_FRAMES: usize = 24;
/// Frames compared behind a keyframe.
const NEXT_FRAMES: usize = 8;
/// Keyframes tried in a row before it is said that none of them works; damage may sit on one or two.
const NEIGHBOURS: usize = 3;

/// A video stream to look at.
pub struct Stream<'a> {
    pub inputs: &'a SharedInputs,
    pub demuxer: &'a str,
    pub index: usize,
    pub max_pixels: u64,
}

impl Stream<'_> {
    /// The frames shown, in order, each at a time of its own; notes what a person should know.
    pub fn table(&self, times: &mut Times, notes: &mut Vec<String>) -> Result<Vec<Shown>> {
        let mut shown = std::mem::take(&mut times.shown);
        shown.sort_unstable();
        let repeats = shown.windows(2).any(|pair| pair[0].0 == pair[1].0);
        let flaw = times.flaw.or(repeats.then_some(Flaw::Repeated));
        if let Some(flaw) = flaw {
            return self.decoded(flaw, notes);
        }
        if self.open()?.has_whole_index() || shown.is_empty() {
            return Ok(shown);
        }
        let mut frames = Frames::from_start(self.open()?, self.index, self.max_pixels)?;
        let first = take(&mut frames, FIRST_FRAMES)?;
        let Some(first_pts) = first.first() else { return Err(nothing_decoded(&frames)) };
        // What comes before the first keyframe has lost what it was made from.
        shown.retain(|(pts, ..)| pts >= first_pts);
        if !agree(&first, &shown, frames.damage().is_some()) {
            return self.decoded(Flaw::Contradicted, notes);
        }
        if !self.keyframes_work(&shown)? {
            notes.push(format!(
                "chunks cannot start in the middle of this file: its keyframes (video stream {}) are not found by seeking",
                self.index
            ));
            shown.iter_mut().skip(1).for_each(|(.., key)| *key = false);
        }
        Ok(shown)
    }

    fn open(&self) -> Result<Source> {
        Source::open(self.inputs, self.demuxer)
    }

    /// Times as the decoder gives them from the very start, the only place where they are sure to come out the same again.
    fn decoded(&self, flaw: Flaw, notes: &mut Vec<String>) -> Result<Vec<Shown>> {
        notes.push(format!("chunks cannot start in the middle of this file: {}", flaw.words(self.index)));
        let mut frames = Frames::from_start(self.open()?, self.index, self.max_pixels)?;
        let mut shown = Vec::new();
        while let Some((pts, _)) = frames.next_frame()? {
            shown.push((pts, 0, shown.is_empty()));
        }
        if shown.is_empty() { Err(nothing_decoded(&frames)) } else { Ok(shown) }
    }

    /// Tries an early, a middle and a late keyframe.
    fn keyframes_work(&self, shown: &[Shown]) -> Result<bool> {
        let keys: Vec<usize> = (1..shown.len()).filter(|&at| shown[at].2).collect();
        let Some(last) = keys.len().checked_sub(1) else { return Ok(true) };
        let mut picked = vec![0, keys.len() / 2, last.saturating_sub(1)];
        picked.dedup();
        for pick in picked {
            let mut works = false;
            for &at in keys.iter().skip(pick).take(NEIGHBOURS) {
                works = works || self.keyframe_works(&shown[at..])?;
            }
            if !works {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn keyframe_works(&self, shown: &[Shown]) -> Result<bool> {
        let keyframe_pts = shown[0].0;
        let frames = Frames::from_keyframe(self.open()?, self.index, self.max_pixels, keyframe_pts)?;
        let Some(mut frames) = frames else { return Ok(false) };
        let next = take(&mut frames, NEXT_FRAMES)?;
        Ok(agree(&next, shown, frames.damage().is_some()))
    }
}

fn take(frames: &mut Frames, count: usize) -> Result<Vec<i64>> {
    let mut times = Vec::new();
    while times.len() < count
        && let Some((pts, _)) = frames.next_frame()?
    {
        times.push(pts);
    }
    Ok(times)
}

/// The decoded frames are the first of the table; of a damaged stream some may be missing.
fn agree(decoded: &[i64], shown: &[Shown], damaged: bool) -> bool {
    let in_table = |pts: &i64| shown.binary_search_by_key(pts, |(pts, ..)| *pts).is_ok();
    let all = decoded.len() <= shown.len() && decoded.iter().zip(shown).all(|(a, (b, ..))| a == b);
    all || (damaged && decoded.iter().all(in_table))
}

fn nothing_decoded(frames: &Frames) -> Error {
    let reason = frames.damage().map(|error| format!(": {error}")).unwrap_or_default();
    Error::Source(format!("no frame of the video can be decoded{reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_damage_excuses_frames_that_do_not_come() {
        let shown = [(0, 1, true), (1, 1, false), (2, 1, false)];
        assert!(agree(&[0, 1], &shown, false));
        assert!(!agree(&[0, 2], &shown, false));
        assert!(agree(&[0, 2], &shown, true));
        assert!(!agree(&[0, 5], &shown, true));
        assert!(!agree(&[0, 1, 2, 3], &shown, false));
    }
}
