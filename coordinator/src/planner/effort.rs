//! How much effort the frames of a chunk will take. Where a source spent few bits, on titles or on black, there is little
//! to encode; where it spent many, encoding takes hardly longer than usual. Measured on a trailer's chunks: 0.55 of the
//! usual bits took 0.78 of the usual time, 0.09 took 0.42, which is about the square root. For estimates only: nothing
//! exact hangs on it.

use std::ops::Range;

use crate::domain::plan::ORDINARY_EFFORT_PERMILLE;
use crate::domain::source::{BLOCK_FRAMES, VideoStream};

/// Even a black frame must be decoded, scaled and looked at.
const LEAST_PERMILLE: u64 = 250;

/// Bytes of a stream up to each of its blocks, so that the effort of any frames is known without a walk.
pub(super) struct Efforts<'a> {
    stream: &'a VideoStream,
    /// One more than there are blocks.
    bytes_before: Vec<u128>,
}

impl<'a> Efforts<'a> {
    /// Of a stream.
    pub(super) fn of(stream: &'a VideoStream) -> Self {
        let sums = stream.block_bytes.iter().scan(0, |sum, &bytes| {
            *sum += u128::from(bytes);
            Some(*sum)
        });
        Self { stream, bytes_before: std::iter::once(0).chain(sums).collect() }
    }

    /// Effort of a frame among these of the source, thousandths of an ordinary one.
    pub(super) fn permille(&self, frames: Range<usize>) -> u32 {
        let all = 0..self.stream.pts.len();
        let ordinary: u64 = ORDINARY_EFFORT_PERMILLE.into();
        // In floating point: the sums are of what a probe claims, and only an estimate hangs on it.
        let share = self.bytes_of(&frames) * all.len() as f64 / (self.bytes_of(&all) * frames.len() as f64);
        let permille = match share.is_finite() {
            true => ((share.min(1.0).sqrt() * ordinary as f64) as u64).max(LEAST_PERMILLE),
            false => ordinary,
        };
        u32::try_from(permille).expect("at most a thousand")
    }

    /// Bytes of these frames, as if those of a block were spread evenly over it.
    fn bytes_of(&self, frames: &Range<usize>) -> f64 {
        self.bytes_until(frames.end) - self.bytes_until(frames.start)
    }

    fn bytes_until(&self, frame: usize) -> f64 {
        let block = frame / BLOCK_FRAMES;
        let (Some(&before), after) = (self.bytes_before.get(block), self.bytes_before.get(block + 1)) else {
            return self.bytes_before.last().map_or(0.0, |&all| all as f64);
        };
        let start = block * BLOCK_FRAMES;
        let length = self.stream.pts.len().saturating_sub(start).clamp(1, BLOCK_FRAMES);
        let within = after.map_or(0.0, |&after| (after - before) as f64);
        before as f64 + within * (frame - start).min(length) as f64 / length as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::*;

    #[test]
    fn few_bits_are_little_effort_and_many_are_ordinary() {
        let block_bytes = vec![64_000, 64_000, 6400, 1];
        let stream = VideoStream { block_bytes, ..video(640, 360, (1, 25), 1, 256) };
        let efforts = Efforts::of(&stream);
        let of = |frames| efforts.permille(frames);
        assert_eq!((of(0..128), of(128..192), of(192..256), of(0..256)), (1000, 436, 250, 1000));
        // Half of the block's bytes: 32 frames at 1000 bytes, 32 at 100, of a mean of 525.
        assert_eq!(of(96..160), 1000);
        assert_eq!(of(120..184), 636);
    }

    #[test]
    fn without_figures_every_frame_is_ordinary() {
        let stream = video(640, 360, (1, 25), 1, 256);
        assert_eq!(Efforts::of(&stream).permille(0..64), ORDINARY_EFFORT_PERMILLE);
        let absurd = VideoStream { block_bytes: vec![u64::MAX; 900], ..stream };
        assert_eq!(Efforts::of(&absurd).permille(0..64), ORDINARY_EFFORT_PERMILLE);
    }
}
