//! Which source frames a chunk shows, and how often each grid shows each of them.

use crate::error::{Error, Result};
use crate::spec::GridSlice;

/// The source frames of a chunk, numbered from 0 in display order.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// Their times in the source.
    pub pts: Vec<i64>,
    /// Per grid and frame: in how many output frames it is shown; 0: that grid drops it.
    pub counts: Vec<Vec<u32>>,
}

impl Shown {
    /// The union of what the grids show.
    pub fn of(grids: &[GridSlice]) -> Result<Self> {
        grids.iter().try_for_each(check)?;
        let mut pts: Vec<i64> = grids.iter().flat_map(|grid| &grid.source_pts).copied().collect();
        pts.sort_unstable();
        pts.dedup();
        let counts = grids.iter().map(|grid| counts(&pts, &grid.source_pts)).collect();
        Ok(Self { pts, counts })
    }
}

fn check(grid: &GridSlice) -> Result<()> {
    let frame_count = grid.source_pts.len();
    let sound = frame_count > 0
        && grid.times.len() == frame_count + 1
        && grid.times[0] >= 0
        && grid.times.is_sorted_by(|a, b| a < b)
        && grid.source_pts.is_sorted();
    if sound { Ok(()) } else { Err(Error::Internal("the plan's frame grid is not in order".into())) }
}

fn counts(pts: &[i64], source_pts: &[i64]) -> Vec<u32> {
    let mut counts = vec![0; pts.len()];
    for time in source_pts {
        let number = pts.binary_search(time).expect("the union holds every time");
        counts[number] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(source_pts: &[i64]) -> GridSlice {
        let times = (0..=source_pts.len() as i64).collect();
        GridSlice { first_frame: 0, timescale: 1, times, source_pts: source_pts.to_vec() }
    }

    #[test]
    fn grids_share_a_decode_and_repeat_or_drop_frames() {
        let shown = Shown::of(&[grid(&[0, 10, 10, 30]), grid(&[0, 20])]).unwrap();
        assert_eq!(shown.pts, [0, 10, 20, 30]);
        assert_eq!(shown.counts, [[1, 2, 0, 1], [1, 0, 1, 0]]);
    }

    #[test]
    fn a_grid_out_of_order_is_refused() {
        assert!(Shown::of(&[grid(&[10, 0])]).is_err());
        assert!(Shown::of(&[grid(&[])]).is_err());
        assert!(Shown::of(&[GridSlice { times: vec![0, 0], ..grid(&[5]) }]).is_err());
    }
}
