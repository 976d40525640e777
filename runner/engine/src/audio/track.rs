//! Writes an audio track: packets of equal length into fragments, the priming signalled, the end cut to the
//! sample.
//!
//! ```text
//! media time         start          start + priming                     start + priming + sample_count
//!                      | priming      | sounds                                              | padding |
//! presentation time                 start                                  start + sample_count
//! ```

use crate::error::{Error, Result};
use crate::fragment::{AudioConfig, Fragmenter, Sample};
use crate::pipe::Outputs;
use crate::report::{Fragment, Track};
use crate::spec::EncodeAudio;

/// The only output of an audio task.
const OUTPUT: usize = 0;

/// A track being written.
pub(super) struct TrackWriter {
    fragmenter: Fragmenter,
    frame_samples: u64,
    priming_samples: u64,
    frames_per_fragment: u64,
    position: u64,
    frame_count: u64,
    fragments: Vec<Fragment>,
    init_first: bool,
    fragment_limit: usize,
}

impl TrackWriter {
    /// The first sample that sounds is shown at `start_ticks`.
    pub fn new(config: AudioConfig, frame_samples: usize, task: &EncodeAudio) -> Result<Self> {
        let (start_ticks, fragment_ticks) = (task.start_ticks, task.fragment_ticks);
        let priming_samples = config.priming_samples.into();
        Ok(Self {
            fragmenter: Fragmenter::new(config, 1, start_ticks)?,
            frame_samples: frame_samples as u64,
            priming_samples,
            frames_per_fragment: u64::from(fragment_ticks).div_ceil(frame_samples as u64).max(1),
            position: 0,
            frame_count: 0,
            fragments: Vec::new(),
            init_first: task.init_first,
            fragment_limit: task.fragment_limit.map_or(usize::MAX, |limit| limit.max(1) as usize),
        })
    }

    /// As many fragments as are wanted are written.
    pub fn is_full(&self) -> bool {
        self.fragments.len() >= self.fragment_limit
    }

    /// The start of a track that goes on behind the last fragment wanted.
    pub fn stop(self) -> Track {
        let samples: u64 = self.fragments.iter().map(|fragment| u64::from(fragment.duration)).sum();
        let init_segment = self.fragmenter.init_segment().to_vec();
        let sample_count = samples.saturating_sub(self.priming_samples);
        Track { init_segment, sample_count, fragments: self.fragments }
    }

    /// Adds a packet. With `sample_count` known, what lies behind the last sample is cut off.
    pub fn push(
        &mut self,
        data: Vec<u8>,
        sample_count: Option<u64>,
        outputs: &mut dyn Outputs,
    ) -> Result<()> {
        if self.is_full() {
            return Ok(());
        }
        let left = sample_count.map_or(u64::MAX, |count| self.end(count).saturating_sub(self.position));
        let duration = left.min(self.frame_samples);
        if duration == 0 {
            return Ok(());
        }
        self.fragmenter.push(Sample { data, duration: duration as u32, composition_offset: 0, key: true })?;
        self.position += duration;
        self.frame_count += 1;
        if self.frame_count.is_multiple_of(self.frames_per_fragment) {
            self.end_fragment(outputs)?;
        }
        Ok(())
    }

    /// Closes the track; all samples must be there.
    pub fn finish(mut self, sample_count: u64, outputs: &mut dyn Outputs) -> Result<Track> {
        self.end_fragment(outputs)?;
        let (written, due) = (self.position, self.end(sample_count));
        if written != due {
            return Err(Error::Internal(format!("the encoder gave {written} of {due} samples with priming")));
        }
        let init_segment = self.fragmenter.init_segment().to_vec();
        Ok(Track { init_segment, sample_count, fragments: self.fragments })
    }

    fn end(&self, sample_count: u64) -> u64 {
        self.priming_samples + sample_count
    }

    fn end_fragment(&mut self, outputs: &mut dyn Outputs) -> Result<()> {
        if let Some((bytes, fragment)) = self.fragmenter.end_fragment() {
            if self.init_first && self.fragments.is_empty() {
                outputs.append(OUTPUT, self.fragmenter.init_segment())?;
            }
            outputs.append(OUTPUT, &bytes)?;
            self.fragments.push(fragment);
        }
        Ok(())
    }
}
