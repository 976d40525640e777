//! Decode times of reordered frames. They lie on the frame grid, all composition offsets raised by a fixed
//! shift. Where frames are so unequally long that an offset would still be negative, its frame is decoded
//! earlier: by the time it is shown it must be there, and FFmpeg misreads tracks with negative offsets.

use mp4_atom::TrunEntry;

/// Raises offsets by the shift and moves decode times within the fragment, whose start and end stay.
pub(super) fn settle(entries: &mut [TrunEntry], shift: u32) {
    if shift == 0 {
        return;
    }
    let shift = i64::from(shift);
    let nominal: Vec<i64> = entries
        .iter()
        .scan(0, |time, entry| {
            let start = *time;
            *time += i64::from(entry.duration.unwrap_or(0));
            Some(start)
        })
        .collect();
    let end =
        nominal.last().map_or(0, |start| start + i64::from(entries[entries.len() - 1].duration.unwrap_or(0)));
    let mut next = end;
    for (index, entry) in entries.iter_mut().enumerate().rev() {
        let shown = nominal[index] + entry.cts.unwrap_or(0) + shift;
        let decoded = if index == 0 { 0 } else { nominal[index].min(shown).min(next - 1) };
        entry.duration = Some((next - decoded).max(0) as u32);
        entry.cts = Some(shown - decoded);
        next = decoded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Durations and presentation times in decode order; the result as decode times and offsets.
    fn check(durations: &[u32], shown: &[i64], shift: u32, expected: &[(i64, i64)]) {
        let mut time = 0;
        let mut entries: Vec<_> = (durations.iter().zip(shown))
            .map(|(duration, shown)| {
                let cts = Some(shown - time);
                time += i64::from(*duration);
                TrunEntry { duration: Some(*duration), cts, ..Default::default() }
            })
            .collect();
        settle(&mut entries, shift);
        let mut decoded = 0;
        let found: Vec<_> = entries
            .iter()
            .map(|entry| {
                let pair = (decoded, entry.cts.unwrap());
                decoded += i64::from(entry.duration.unwrap());
                pair
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(decoded, time, "the fragment keeps its length");
    }

    #[test]
    fn an_even_grid_keeps_its_decode_times() {
        check(&[10; 4], &[0, 30, 10, 20], 20, &[(0, 20), (10, 40), (20, 10), (30, 10)]);
    }

    #[test]
    fn a_long_frame_makes_those_behind_it_decode_early_enough() {
        check(&[10, 100, 10, 10], &[0, 120, 10, 110], 20, &[(0, 20), (10, 130), (30, 0), (120, 10)]);
    }

    #[test]
    fn without_reordering_nothing_changes() {
        check(&[10, 20], &[0, 10], 0, &[(0, 0), (10, 0)]);
    }
}
