//! Segments: whole fragments gathered to about the wanted length, and the bit rates that they make. Lengths
//! stay in ticks; only text is rounded.

use super::joined::Joined;

/// A unit of delivery: some neighbouring fragments of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From the file's first byte.
    pub offset_bytes: u64,
    /// Length.
    pub size_bytes: u64,
    /// From the track's start, ticks.
    pub start: u64,
    /// Ticks.
    pub duration: u64,
}

/// The segments of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Ticks per second.
    pub timescale: u32,
    /// In order, at least one.
    pub list: Vec<Segment>,
}

impl Segments {
    /// Cuts at keyframes, each segment as near to `segment_seconds` as whole fragments allow.
    pub fn new(joined: &Joined, segment_seconds: u32) -> Self {
        let timescale = joined.facts.timescale;
        let wanted = u64::from(segment_seconds.max(1)) * u64::from(timescale);
        let mut list: Vec<Segment> = Vec::new();
        let mut start = 0;
        for fragment in &joined.fragments {
            match list.last_mut() {
                Some(open)
                    if !fragment.starts_with_keyframe || is_nearer(open, fragment.duration, wanted) =>
                {
                    open.size_bytes += fragment.size_bytes;
                    open.duration += fragment.duration;
                }
                _ => list.push(Segment {
                    offset_bytes: fragment.offset_bytes,
                    size_bytes: fragment.size_bytes,
                    start,
                    duration: fragment.duration,
                }),
            }
            start += fragment.duration;
        }
        Self { timescale, list }
    }

    /// EXT-X-TARGETDURATION (RFC 8216 §4.3.3.1): no duration rounded to the nearest second exceeds it.
    pub fn target_duration_seconds(&self) -> u64 {
        let timescale = u64::from(self.timescale);
        let longest = self.list.iter().map(|segment| segment.duration).max().unwrap_or(0);
        (longest.saturating_add(timescale / 2 + timescale % 2) / timescale).max(1)
    }

    /// Lengths in microseconds. Ends are rounded, not lengths, so that their sum never drifts from the track.
    pub fn durations_us(&self) -> impl Iterator<Item = u64> + '_ {
        let at = |ticks| scaled(ticks, 1_000_000, self.timescale);
        self.list.iter().map(move |segment| at(segment.start + segment.duration) - at(segment.start))
    }

    /// The average segment bit rate (RFC 8216 §4.1), bit/s, rounded up.
    pub fn average_bps(&self) -> u64 {
        let (bytes, ticks) = self
            .list
            .iter()
            .fold((0, 0), |(bytes, ticks), segment| (bytes + segment.size_bytes, ticks + segment.duration));
        bitrate_bps(bytes, ticks, self.timescale)
    }

    /// The peak segment bit rate (RFC 8216 §4.1), bit/s, rounded up: the highest of all runs of neighbouring
    /// segments whose length lies between 0.5 and 1.5 target durations. A track too short for any such run
    /// has its average.
    pub fn peak_bps(&self) -> u64 {
        let target = self.target_duration_seconds() * u64::from(self.timescale);
        let runs = (0..self.list.len()).flat_map(|first| {
            self.list[first..].iter().scan((0, 0), |(bytes, ticks): &mut (u64, u64), segment| {
                *bytes += segment.size_bytes;
                *ticks += segment.duration;
                (2 * *ticks <= 3 * target).then_some((*bytes, *ticks))
            })
        });
        let eligible = runs.filter(|&(_, ticks)| 2 * ticks >= target);
        let peak = eligible.map(|(bytes, ticks)| bitrate_bps(bytes, ticks, self.timescale)).max();
        peak.unwrap_or_else(|| self.average_bps())
    }
}

/// Whether a segment comes nearer to the wanted length (or stays as near) when it grows.
fn is_nearer(open: &Segment, growth: u64, wanted: u64) -> bool {
    (open.duration + growth).abs_diff(wanted) <= open.duration.abs_diff(wanted)
}

/// `ticks` in units of `1 / per_second`, rounded to the nearest, halves up.
fn scaled(ticks: u64, per_second: u64, timescale: u32) -> u64 {
    let timescale = u128::from(timescale);
    let rounded = (2 * u128::from(ticks) * u128::from(per_second) + timescale) / (2 * timescale);
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

fn bitrate_bps(bytes: u64, ticks: u64, timescale: u32) -> u64 {
    let bits = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits.div_ceil(u128::from(ticks.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    /// Segments of fragments given as (ticks, bytes), at 1000 ticks a second.
    fn cut(fragments: &[(u32, u32)], segment_seconds: u32) -> Segments {
        Segments::new(&fixtures::joined("720p", 1000, fragments), segment_seconds)
    }

    fn check_lengths(fragments: &[u32], segment_seconds: u32, expected: &[u64]) {
        let fragments: Vec<_> = fragments.iter().map(|&ticks| (ticks, 100)).collect();
        let lengths: Vec<_> =
            cut(&fragments, segment_seconds).list.iter().map(|segment| segment.duration).collect();
        assert_eq!(lengths, expected);
    }

    #[test]
    fn segments_are_whole_fragments_near_the_wanted_length() {
        check_lengths(&[2000, 2000, 2000, 2000], 4, &[4000, 4000]);
        check_lengths(&[2002, 2002, 2002, 2002, 2002], 4, &[4004, 4004, 2002]);
        check_lengths(&[3000, 3000, 3000], 4, &[3000, 3000, 3000]);
        check_lengths(&[2000, 500, 2000, 2000], 4, &[4500, 2000]);
        check_lengths(&[10_000, 1000], 4, &[10_000, 1000]);
        check_lengths(&[40], 4, &[40]);
    }

    fn check_target(fragments: &[u32], expected: u64) {
        let fragments: Vec<_> = fragments.iter().map(|&ticks| (ticks, 100)).collect();
        assert_eq!(cut(&fragments, 1).target_duration_seconds(), expected, "{fragments:?}");
    }

    #[test]
    fn no_rounded_duration_exceeds_the_target_duration() {
        check_target(&[4000, 4000], 4);
        check_target(&[4499], 4);
        check_target(&[4500], 5);
        check_target(&[4004, 400], 4);
        check_target(&[40], 1);
    }

    #[test]
    fn durations_add_up_to_the_track_and_not_to_their_rounding_errors() {
        let thirds = fixtures::joined("720p", 3, &[(1, 100); 9]);
        let mut segments = Segments::new(&thirds, 1);
        segments.list =
            (0..9).map(|at| Segment { offset_bytes: 0, size_bytes: 1, start: at, duration: 1 }).collect();
        assert_eq!(segments.durations_us().sum::<u64>(), 3_000_000);
        assert_eq!(segments.durations_us().next(), Some(333_333));
    }

    fn check_rates(fragments: &[(u32, u32)], peak: u64, average: u64) {
        let segments = cut(fragments, 4);
        assert_eq!((segments.peak_bps(), segments.average_bps()), (peak, average), "{fragments:?}");
    }

    #[test]
    fn rates_follow_the_definitions_of_rfc_8216() {
        check_rates(&[(4000, 1000), (4000, 3000)], 6000, 4000);
        // The short tail counts only together with its neighbour, 4.1 s in all.
        check_rates(&[(4000, 1000), (100, 1000)], 3903, 3903);
        // Shorter than half a target duration, all of it.
        check_rates(&[(400, 1000)], 20_000, 20_000);
        check_rates(&[(3000, 1)], 3, 3);
    }
}
