//! How much effort the frames of a chunk will take. Where a source spent few bits, on titles or on black, there is little
//! to encode; where it spent many, encoding takes hardly longer than usual. Measured on a trailer's chunks: 0.55 of the
//! usual bits took 0.78 of the usual time, 0.09 took 0.42, which is about the square root. For estimates only: nothing
//! exact hangs on it.

use std::ops::Range;

use crate::domain::plan::ORDINARY_EFFORT_PERMILLE;
use crate::domain::source::{BLOCK_FRAMES, VideoStream};

/// Even a black frame must be decoded, scaled and looked at.
const LEAST_PERMILLE: u64 = 250;

/// Effort of a frame among these of the source, thousandths of an ordinary one.
pub(super) fn permille(stream: &VideoStream, frames: Range<usize>) -> u32 {
    let all = 0..stream.pts.len();
    let (bytes, all_bytes) = (bytes_of(stream, &frames), bytes_of(stream, &all));
    let share = u128::from(bytes) * all.len() as u128 * u128::from(ORDINARY_EFFORT_PERMILLE);
    let ordinary = u128::from(all_bytes) * frames.len() as u128;
    let permille = share.checked_div(ordinary).map_or(ORDINARY_EFFORT_PERMILLE.into(), |share| {
        let share = u64::try_from(share).unwrap_or(u64::MAX).min(ORDINARY_EFFORT_PERMILLE.into());
        (share * u64::from(ORDINARY_EFFORT_PERMILLE)).isqrt().max(LEAST_PERMILLE)
    });
    u32::try_from(permille).expect("at most a thousand")
}

/// Bytes of these frames, as if those of a block were spread evenly over it. Saturates: a probe's word is not believed.
/// Only the blocks that they lie in are looked at, and only the outermost two are divided: films have thousands of blocks
/// and are cut into hundreds of chunks.
fn bytes_of(stream: &VideoStream, frames: &Range<usize>) -> u64 {
    let end = frames.end.min(stream.pts.len());
    let first_block = frames.start / BLOCK_FRAMES;
    let touched = first_block..end.div_ceil(BLOCK_FRAMES).min(stream.block_bytes.len());
    let blocks = stream.block_bytes.get(touched).unwrap_or_default();
    let share = |(index, &bytes): (usize, &u64)| {
        let start = index * BLOCK_FRAMES;
        let block_end = (start + BLOCK_FRAMES).min(stream.pts.len());
        if frames.start <= start && block_end <= end {
            return bytes;
        }
        let within = block_end.min(end).saturating_sub(start.max(frames.start)) as u128;
        u64::try_from(u128::from(bytes) * within / (block_end - start).max(1) as u128).unwrap_or(u64::MAX)
    };
    (first_block..).zip(blocks).map(share).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::*;

    #[test]
    fn few_bits_are_little_effort_and_many_are_ordinary() {
        let block_bytes = vec![64_000, 64_000, 6400, 1];
        let stream = VideoStream { block_bytes, ..video(640, 360, (1, 25), 1, 256) };
        let of = |frames| permille(&stream, frames);
        assert_eq!((of(0..128), of(128..192), of(192..256), of(0..256)), (1000, 435, 250, 1000));
        // Half of the block's bytes: 32 frames at 1000 bytes, 32 at 100, of a mean of 525.
        assert_eq!(of(96..160), 1000);
        assert_eq!(of(120..184), 635);
    }

    #[test]
    fn without_figures_every_frame_is_ordinary() {
        let stream = video(640, 360, (1, 25), 1, 256);
        assert_eq!(permille(&stream, 0..64), ORDINARY_EFFORT_PERMILLE);
        let absurd = VideoStream { block_bytes: vec![u64::MAX; 900], ..stream };
        assert_eq!(permille(&absurd, 0..64), ORDINARY_EFFORT_PERMILLE);
    }
}
