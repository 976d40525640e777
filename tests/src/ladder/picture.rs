//! Frames: how many, when, and what they show.

use std::path::Path;

use anyhow::Result;

use super::Problems;
use super::media::{self, Stream, THUMB_HEIGHT, THUMB_WIDTH};

/// By how much a frame may be shown early or late, besides one tick of its track, nanoseconds.
const TIME_TOLERANCE_NS: i128 = 2_000_000;

/// Pixels of a picture that is compared.
const PIXELS: u64 = (THUMB_WIDTH * THUMB_HEIGHT) as u64;

/// All frames of a stream: what each shows, and when.
pub struct Reel {
    pictures: Vec<Vec<u8>>,
    times_ns: Vec<i128>,
    tick_ns: i128,
}

impl Reel {
    /// Decodes everything; also returns what the decoder complained of.
    pub fn read(path: &Path, stream: &Stream) -> Result<(Self, String)> {
        let (pictures, messages) = media::pictures(path, stream)?;
        let times = media::frame_times(path, stream)?;
        let times_ns = times.into_iter().map(|ticks| stream.nanoseconds(ticks)).collect();
        Ok((Self { pictures, times_ns, tick_ns: stream.nanoseconds(1) }, messages))
    }

    /// How this reel differs from every `stride`-th frame of `source`.
    pub fn differences(&self, source: &Self, stride: usize) -> Problems {
        let expected = source.pictures.len().div_ceil(stride);
        let mut problems = Problems::new();
        if self.pictures.len() != expected {
            problems.push(format!("{} frames instead of {expected}", self.pictures.len()));
        }
        problems.extend(self.late_frame(source, stride));
        problems.extend(self.wrong_frames(source, stride));
        problems
    }

    /// The worst frame that is not shown when the source's is, both counted from their first frame.
    fn late_frame(&self, source: &Self, stride: usize) -> Option<String> {
        let from_start = |times: &[i128], index: usize| times[index] - times[0];
        let (index, off_ns) = (0..self.times_ns.len().min(source.times_ns.len().div_ceil(stride)))
            .map(|index| {
                let wanted = from_start(&source.times_ns, index * stride);
                (index, (from_start(&self.times_ns, index) - wanted).abs())
            })
            .max_by_key(|&(_, off_ns)| off_ns)?;
        let tolerance = TIME_TOLERANCE_NS + self.tick_ns;
        (off_ns > tolerance).then(|| format!("frame {index} is {} us off its time", off_ns / 1000))
    }

    /// Frames that look more like a neighbour of the source's frame than like the frame itself.
    fn wrong_frames(&self, source: &Self, stride: usize) -> Option<String> {
        let last = source.pictures.len().saturating_sub(1);
        let wrong: Vec<usize> = (0..self.pictures.len())
            .filter(|index| (1..last).contains(&(index * stride)))
            .filter(|&index| source.is_telling(index * stride))
            .filter(|&index| source.looks_like_neighbour(index * stride, &self.pictures[index]))
            .collect();
        let first = wrong.first()?;
        Some(format!("{} frames show another picture, the first is frame {first}", wrong.len()))
    }

    /// True when the frame differs enough from both neighbours to be told from them.
    fn is_telling(&self, index: usize) -> bool {
        let step = |other: usize| distance(&self.pictures[index], &self.pictures[other]);
        10 * step(index - 1).min(step(index + 1)) >= 3 * PIXELS
    }

    /// The margin absorbs the coding noise of small renditions.
    fn looks_like_neighbour(&self, index: usize, picture: &[u8]) -> bool {
        let to = |other: usize| distance(picture, &self.pictures[other]);
        100 * to(index) > 125 * to(index - 1).min(to(index + 1)) + 5 * PIXELS
    }
}

/// Sum of absolute differences.
fn distance(one: &[u8], other: &[u8]) -> u64 {
    one.iter().zip(other).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum()
}
