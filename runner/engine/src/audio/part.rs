//! What a track has of one input: stretches of it, within the room that the plan gives them, so that the next part begins
//! at its sample whatever this one holds.

use std::ops::Range;

use super::kept::Kept;
use crate::error::Result;
use crate::spec::{EncodeAudio, SoundInput, SoundPart};

/// All of a track that is made of input 0.
pub(super) fn whole(task: &EncodeAudio) -> SoundPart {
    let sound = SoundInput {
        input: 0,
        stream_index: task.stream_index,
        demuxer: task.demuxer.clone(),
        first_pts: task.first_pts,
        kept: task.kept.clone(),
    };
    SoundPart { samples: None, silence: 0, sound: Some(sound) }
}

/// Counts the samples of a part.
#[derive(Default)]
pub(super) struct Share {
    /// None: silence.
    kept: Option<Kept>,
    /// Samples of the output that it may still fill.
    left: u64,
}

impl Share {
    /// Of which nothing has passed.
    pub fn of(part: &SoundPart) -> Result<Self> {
        let kept = part.sound.as_ref().map(|sound| Kept::new(&sound.kept)).transpose()?;
        Ok(Self { kept, left: part.samples.unwrap_or(u64::MAX) })
    }

    /// Samples of the input that have passed, kept or not.
    pub fn position(&self) -> u64 {
        self.kept.as_ref().map_or(0, Kept::position)
    }

    /// Samples of the output that it may still fill.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Nothing more of the input is wanted.
    pub fn is_over(&self) -> bool {
        self.left == 0 || self.kept.as_ref().is_none_or(Kept::is_over)
    }

    /// Takes so many samples, or as many as there is room for; answers how many.
    pub fn fill(&mut self, samples: u64) -> u64 {
        let taken = samples.min(self.left);
        self.left -= taken;
        taken
    }

    /// Passes so many samples of the input; answers which of them are encoded.
    pub fn pass(&mut self, count: usize) -> Vec<Range<usize>> {
        let kept = self.kept.as_mut().map(|kept| kept.pass(count)).unwrap_or_default();
        let within = |range: Range<usize>| {
            let length = self.fill(range.len() as u64) as usize;
            (length > 0).then(|| range.start..range.start + length)
        };
        kept.into_iter().filter_map(within).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SampleSpan;

    #[test]
    fn a_part_fills_its_room_and_no_more() {
        let kept = [(3, 5), (10, 40)].map(|(start, end)| SampleSpan { start, end }).to_vec();
        let sound = SoundInput { input: 1, stream_index: 0, demuxer: "mov".into(), first_pts: None, kept };
        let mut share = Share::of(&SoundPart { samples: Some(9), silence: 2, sound: Some(sound) }).unwrap();
        assert_eq!((share.fill(2), share.left()), (2, 7));
        let range = |ranges: Vec<Range<usize>>| (ranges.len(), ranges[0].clone());
        assert_eq!(range(share.pass(8)), (1, 3..5));
        assert_eq!((range(share.pass(16)), share.is_over(), share.position()), ((1, 2..7), true, 24));
        assert_eq!(share.pass(8), Vec::<Range<usize>>::new());
        let mut silent = Share::of(&SoundPart { samples: Some(5), silence: 0, sound: None }).unwrap();
        assert_eq!((silent.is_over(), silent.fill(9), silent.left()), (true, 5, 0));
    }
}
