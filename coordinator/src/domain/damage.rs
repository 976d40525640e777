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
