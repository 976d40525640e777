//! Groups of pictures: how far apart the frames are at which decoding can start.

use serde::Serialize;

use crate::domain::Rational;
use crate::domain::source::VideoStream;

/// The groups of a stream, lengths in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gops {
    /// How many there are.
    pub count: u64,
    /// The longest.
    pub longest_frames: u64,
    /// The shortest, the last one included.
    pub shortest_frames: u64,
    /// On average.
    pub mean_frames: Rational,
}

/// None: decoding can start nowhere.
pub(super) fn of(stream: &VideoStream) -> Option<Gops> {
    let frames = stream.pts.len() as u64;
    let starts = || stream.keyframes.iter().map(|key| u64::from(*key));
    let ends = starts().skip(1).chain([frames]);
    let lengths = || starts().zip(ends.clone()).map(|(start, end)| end.saturating_sub(start));
    let (count, total) = (stream.keyframes.len() as u64, lengths().sum::<u64>());
    Some(Gops {
        count,
        longest_frames: lengths().max()?,
        shortest_frames: lengths().min()?,
        mean_frames: Rational::new(i64::try_from(total).ok()?, i64::try_from(count).ok()?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::fixtures;

    #[test]
    fn the_last_group_ends_with_the_stream() {
        let mut stream = fixtures::video(640, 360, (1, 24), 1, 100);
        stream.keyframes = vec![0, 48, 90];
        let gops = of(&stream).unwrap();
        assert_eq!((gops.count, gops.longest_frames, gops.shortest_frames), (3, 48, 10));
        assert_eq!(gops.mean_frames, Rational::new(100, 3).unwrap());
        stream.keyframes.clear();
        assert_eq!(of(&stream), None);
    }
}
