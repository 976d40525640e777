//! A plan of an edited video, told in the words of the files that it is made of.

use super::Kept;
use super::frames::Edited;
use crate::domain::plan::{Seek, StoryboardPlan, VideoPlan};
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass};
use crate::planner::chunks;

impl Edited {
    /// Times of the frames with which another file begins: no chunk has frames of two.
    pub(in super::super) fn joints(&self) -> Vec<i64> {
        self.runs.iter().skip(1).map(|run| self.stream.pts[run.first]).collect()
    }

    /// Tells a plan of the edited video in its files' words.
    pub(in super::super) fn restore(
        &self,
        plan: &mut VideoPlan,
        source: &VideoStream,
        kept: &Kept<'_>,
    ) -> Result<(), Failure> {
        for at in 0..plan.chunks.len() {
            let shown = shown(plan, at);
            let run = self.run_of(&shown)?;
            let of = run.map_or(source, |clip| kept.clips[clip].video);
            // A frame may be shown at several times.
            let mut pts: Vec<i64> = shown.into_iter().map(|pts| self.source(pts)).collect();
            pts.dedup();
            let chunk = &mut plan.chunks[at];
            (chunk.seek_pts, chunk.jumps) = seeks(of, &pts);
            chunk.clip = run.and_then(|clip| u32::try_from(clip).ok());
        }
        for grid in &mut plan.grids {
            grid.source_pts = grid.source_pts.iter().map(|pts| self.source(pts)).collect();
        }
        Ok(())
    }

    /// The same for a storyboard, of the source alone.
    pub(in super::super) fn restore_storyboard(&self, plan: &mut StoryboardPlan, source: &VideoStream) {
        for sprite in &mut plan.sprites {
            let pts = self.source(sprite.pts);
            *sprite = Seek { seek_pts: chunks::seek_for(source, pts), pts };
        }
    }

    /// The clip of these frames; none: they are the source's.
    fn run_of(&self, shown: &[i64]) -> Result<Option<usize>, Failure> {
        let run = |pts: &i64| {
            let at = self.at(*pts);
            self.runs.partition_point(|run| run.first <= at).saturating_sub(1)
        };
        let (first, last) = (shown.first().map_or(0, run), shown.last().map_or(0, run));
        if first != last {
            let message =
                "a file of the edits, or what they leave of one, is shorter than a frame of a rendition";
            return Err(Failure { class: FailureClass::Profile, message: message.to_owned() });
        }
        Ok(self.runs.get(first).and_then(|run| run.clip))
    }

    fn source(&self, pts: i64) -> i64 {
        self.source_pts[self.at(pts)]
    }

    fn at(&self, pts: i64) -> usize {
        self.stream.pts.partition_point(|&other| other <= pts).saturating_sub(1)
    }
}

/// Frames of the edited video that a chunk shows, rising.
fn shown(plan: &VideoPlan, chunk: usize) -> Vec<i64> {
    let slices = plan.grids.iter().zip(&plan.chunks[chunk].slices);
    let mut shown: Vec<i64> =
        slices.flat_map(|(grid, slice)| grid.source_pts.slice(slice.start_frame, slice.end_frame)).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// Where decoding of these frames starts, and where it leaves frames out: wherever a keyframe spares some.
fn seeks(source: &VideoStream, shown: &[i64]) -> (Option<i64>, Vec<Seek>) {
    let first = shown.first().and_then(|&pts| chunks::seek_for(source, pts));
    let follows = |before: i64, pts: i64| {
        let next = source.pts.partition_point(|&other| other <= before);
        source.pts.get(next).is_none_or(|&next| next >= pts)
    };
    let jumps = shown.windows(2).filter(|pair| !follows(pair[0], pair[1])).filter_map(|pair| {
        let seek_pts = chunks::seek_for(source, pair[1])?;
        (seek_pts > pair[0]).then_some(Seek { seek_pts: Some(seek_pts), pts: pair[1] })
    });
    (first, jumps.collect())
}
