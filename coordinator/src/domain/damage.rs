//! How much of a damaged source may be missing. A source frame that cannot be decoded is covered by the picture before it;
//! what a viewer hardly sees is told in the report, more fails the job.

use super::plan::{Plan, VideoPlan};
use super::{Failure, FailureClass};

/// Share of the source frames shown that may be missing.
const MOST_PERCENT: u64 = 5;

/// The job's end, when so many source frames are missing that too few are left.
pub fn too_much(plan: &Plan, missing_frames: u64) -> Option<Failure> {
    let planned = plan.video.as_ref().map_or(0, source_frames);
    if missing_frames == 0 || missing_frames * 100 <= planned * MOST_PERCENT {
        return None;
    }
    let message = format!(
        "{missing_frames} of {planned} frames cannot be decoded; at most {MOST_PERCENT} % may be missing"
    );
    Some(Failure { class: FailureClass::Source, message })
}

/// For people: how many frames are missing and where, given the count of each chunk; none: nothing is missing.
pub fn note(plan: &Plan, missing: &[(u32, u64)]) -> Option<String> {
    let video = plan.video.as_ref()?;
    let grid = video.grids.first()?;
    let place = |(index, count): &(u32, u64)| {
        let slice = video.chunks.get(*index as usize)?.slices.first()?;
        let second = |frame| Some(grid.times.get(frame)? / i64::from(grid.timescale.max(1)));
        let (start, end) = (second(slice.start_frame)?, second(slice.end_frame)?);
        Some(format!("{count} between {} and {}", clock(start), clock(end)))
    };
    let total: u64 = missing.iter().map(|(_, count)| count).sum();
    let places: Vec<String> = missing.iter().filter(|(_, count)| *count > 0).filter_map(place).collect();
    let planned = source_frames(video);
    (total > 0).then(|| {
        format!(
            "{total} of {planned} source frames could not be decoded, and the picture before each is shown in its \
             place: {}",
            places.join(", ")
        )
    })
}

/// Distinct source frames that the finest grid shows.
fn source_frames(video: &VideoPlan) -> u64 {
    let distinct = |pts: Vec<i64>| pts.chunk_by(|a, b| a == b).count() as u64;
    video.grids.iter().map(|grid| distinct(grid.source_pts.iter().collect())).max().unwrap_or(0)
}

fn clock(seconds: i64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Chunk, Grid, Package, Slice, SourcePicture};
    use super::super::rational::Rational;
    use super::super::source::Colour;
    use super::*;

    /// 720 frames of 24 a second in chunks of 240, which show so many source frames.
    fn plan(distinct: i64) -> Plan {
        let chunk = |start| Chunk {
            seek_pts: None,
            slices: vec![Slice { start_frame: start, end_frame: start + 240 }],
            jumps: vec![],
            effort_permille: 1000,
            clip: None,
        };
        let grid = Grid {
            timescale: 24,
            frame_rate: Rational { numerator: 24, denominator: 1 },
            gop_frames: 48,
            times: (0..=720).collect(),
            source_pts: (0..720).map(|frame| frame * distinct / 720).collect(),
        };
        let video = VideoPlan {
            stream_index: 0,
            rotation_degrees: 0,
            interlaced: false,
            picture: SourcePicture::default(),
            colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false },
            grids: vec![grid],
            renditions: vec![],
            chunks: vec![chunk(0), chunk(240), chunk(480)],
            still: None,
            clips: vec![],
            marks: vec![],
        };
        Plan {
            profile: "web".to_owned(),
            demuxer: "mov".to_owned(),
            video: Some(video),
            audio: vec![],
            text: vec![],
            storyboard: None,
            early: false,
            package: Package { hls: true, progressive: false, muxed: false, segment_seconds: 4 },
            notes: vec![],
        }
    }

    #[test]
    fn at_most_one_frame_in_twenty_may_be_missing() {
        assert_eq!(too_much(&plan(720), 0), None);
        assert_eq!(too_much(&plan(720), 36), None);
        let failure = too_much(&plan(720), 41).unwrap();
        assert_eq!(failure.class, FailureClass::Source);
        assert_eq!(failure.message, "41 of 720 frames cannot be decoded; at most 5 % may be missing");
        // Repeated frames count once.
        assert_eq!(too_much(&plan(360), 18), None);
        assert!(too_much(&plan(360), 19).is_some());
    }

    #[test]
    fn the_note_says_how_many_are_missing_and_where() {
        assert_eq!(note(&plan(720), &[(0, 0), (1, 0)]), None);
        let note = note(&plan(720), &[(0, 0), (1, 3), (2, 1)]).unwrap();
        assert!(note.starts_with("4 of 720 source frames"), "{note}");
        assert!(note.ends_with(": 3 between 0:10 and 0:20, 1 between 0:20 and 0:30"), "{note}");
    }
}
