//! Cutting a video that is shown while it is being encoded: the first two chunks are half a GOP each, so that they are there
//! soon; those after them double, so that each plays about as long as the next takes; from the usual length on all are as
//! usual.

use super::chunks::{Joints, Wanted, cut_at, primary_cuts};
use super::effort::Efforts;
use super::grid::Draft;
use super::places::Places;
use crate::domain::plan::Chunk;
use crate::domain::source::VideoStream;

/// Cuts all grids; `wanted` is how large chunks would be otherwise.
pub(super) fn cut(drafts: &[Draft], stream: &VideoStream, wanted: &Wanted, joints: &Joints) -> Vec<Chunk> {
    let efforts = Efforts::of(stream);
    let usual = primary_cuts(&Places::of(drafts, stream), &efforts, wanted);
    let gop_frames = u64::from(drafts[0].gop_frames);
    cut_at(drafts, stream, &efforts, joints, &cuts(drafts[0].frame_count(), gop_frames, &usual))
}

/// The usual cuts, led in by short chunks.
fn cuts(frame_count: u64, gop_frames: u64, usual: &[u64]) -> Vec<u64> {
    let usual_length = usual.first().copied().unwrap_or(frame_count);
    let doubling = std::iter::successors(Some(gop_frames), |cut| cut.checked_mul(2));
    let halved = (gop_frames > 1).then_some(gop_frames / 2);
    let early = halved.into_iter().chain(doubling);
    let mut cuts: Vec<u64> = early.take_while(|&cut| cut < frame_count && cut <= usual_length).collect();
    // What is left up to the next usual cut is no shorter than a quarter of a chunk.
    let least = cuts.last().copied().unwrap_or(0) + usual_length / 4;
    cuts.extend(usual.iter().copied().filter(|&cut| cut > least));
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All in GOPs; `later` are the cuts after the one within the first GOP.
    fn check(gop_count: u64, usual: &[u64], later: &[u64]) {
        let in_frames = |gops: &[u64]| gops.iter().map(|gop| gop * 48).collect::<Vec<_>>();
        let expected = [vec![24], in_frames(later)].concat();
        assert_eq!(cuts(gop_count * 48, 48, &in_frames(usual)), expected, "{gop_count} {usual:?}");
    }

    #[test]
    fn chunks_double_up_to_the_usual_length() {
        check(300, &[30, 60, 90], &[1, 2, 4, 8, 16, 30, 60, 90]);
        check(300, &[17, 34, 51], &[1, 2, 4, 8, 16, 34, 51]);
        check(26, &[4, 9, 13, 17, 22], &[1, 2, 4, 9, 13, 17, 22]);
        check(5, &[], &[1, 2, 4]);
        check(2, &[], &[1]);
        check(1, &[], &[]);
    }

    #[test]
    fn one_frame_is_not_halved() {
        assert_eq!(cuts(3, 1, &[]), [1, 2]);
    }
}
