//! Rate, channels and sample format of the source made those of the encoder, by libswresample with its
//! standard down-mix. As many samples come out as the rates demand, to the sample.

use ffmpeg_next::frame;
use ffmpeg_next::software::resampling;

use super::pcm::Shape;
use crate::error::{Error, Result};

/// More than the filter holds back at any rate.
const FILTER_SAMPLES: u64 = 8192;

/// A converter from one shape to another.
pub(super) struct Resampler {
    context: resampling::Context,
    from: Shape,
    to: Shape,
    read: u64,
    written: u64,
}

impl Resampler {
    pub fn new(from: Shape, to: Shape) -> Result<Self> {
        let context = resampling::Context::get(
            from.format,
            from.layout,
            from.sample_rate_hz,
            to.format,
            to.layout,
            to.sample_rate_hz,
        );
        let unusable = |error| Error::reading("the sound cannot be converted", error);
        Ok(Self { context: context.map_err(unusable)?, from, to, read: 0, written: 0 })
    }

    /// The shape that [`Resampler::push`] takes.
    pub fn from(&self) -> Shape {
        self.from
    }

    /// Converts samples; what the filter still needs to see more for stays inside.
    pub fn push(&mut self, samples: &frame::Audio) -> Result<frame::Audio> {
        self.read += samples.samples() as u64;
        let mut converted = self.to.room(self.room(samples.samples() as u64));
        self.context.run(samples, &mut converted).map_err(failed)?;
        self.written += converted.samples() as u64;
        Ok(converted)
    }

    /// What is left inside, with its true length: the filter's own end is rounded.
    pub fn finish(mut self) -> Result<(frame::Audio, usize)> {
        let due = self.due().saturating_sub(self.written) as usize;
        let mut rest = self.to.room(self.room(0).max(due));
        self.context.flush(&mut rest).map_err(failed)?;
        if rest.samples() >= due {
            return Ok((rest, due));
        }
        let mut padded = self.to.silence(due);
        self.to.overwrite_start(&mut padded, &rest);
        Ok((padded, due))
    }

    /// Samples that all input so far makes, rounded up.
    fn due(&self) -> u64 {
        let ticks = u128::from(self.read) * u128::from(self.to.sample_rate_hz);
        ticks.div_ceil(self.from.sample_rate_hz.max(1).into()) as u64
    }

    fn room(&self, more: u64) -> usize {
        let scaled = more * u64::from(self.to.sample_rate_hz) / u64::from(self.from.sample_rate_hz.max(1));
        (scaled + FILTER_SAMPLES) as usize
    }
}

fn failed(error: ffmpeg_next::Error) -> Error {
    Error::machinery("the sound cannot be converted", error)
}
