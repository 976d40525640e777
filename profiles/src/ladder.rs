//! The ladder: which picture sizes are made of a source. Pictures are upright with square pixels here, sizes are even, a
//! rendition is called by its short side, and none is larger than the source.

use crate::profile::VideoRules;

/// A picture's size, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Size {
    /// What the rendition is called by.
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    fn even(self) -> Self {
        Self { width: even_below(self.width), height: even_below(self.height) }
    }

    /// Scaled so that the short side is `short_side`; the other becomes the nearest even number, as ffmpeg's
    /// `scale=-2:h` rounds it.
    fn scaled_to(self, short_side: u32) -> Self {
        let (long, short) = (u64::from(self.width.max(self.height)), u64::from(self.short_side()));
        let half = (u64::from(short_side) * long + short) / (2 * short);
        let long_side = u32::try_from(2 * half.max(1)).unwrap_or(u32::MAX - 1);
        match self.width >= self.height {
            true => Self { width: long_side, height: short_side },
            false => Self { width: short_side, height: long_side },
        }
    }
}

/// The sizes to make of a source of that size, largest first; true marks the source's own size. Never empty: a source
/// that is smaller than the whole ladder keeps its own size.
pub fn rungs(source: Size, rules: &VideoRules) -> Vec<(Size, bool)> {
    let own = source.even();
    let fits = |height: u32| match rules.keep_source_size {
        true => height < own.short_side(),
        false => height <= own.short_side(),
    };
    let mut heights: Vec<u32> = rules.heights.iter().copied().filter(|&height| fits(height)).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let own_too = rules.keep_source_size || heights.is_empty();
    let lower = heights.into_iter().map(|height| match height == own.short_side() {
        true => (own, true),
        false => (source.scaled_to(height), false),
    });
    own_too.then_some((own, true)).into_iter().chain(lower).collect()
}

/// The size of exactly that short side, as ffmpeg's `scale=-2:h` makes it; the source may be smaller.
pub fn exact_size(source: Size, short_side: u32) -> Size {
    Size { width: source.width.max(1), height: source.height.max(1) }.scaled_to(short_side)
}

/// Encoders of 4:2:0 pictures need even sides; a lost row of pixels is better than an invented one.
fn even_below(pixels: u32) -> u32 {
    (pixels & !1).max(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Library, VideoRules};

    fn web() -> VideoRules {
        let library = Library::load(None).unwrap();
        library.get("web").unwrap().video.clone().unwrap()
    }

    fn check(width: u32, height: u32, expected: &[(u32, u32)]) {
        let sizes: Vec<_> =
            rungs(Size { width, height }, &web()).iter().map(|(s, _)| (s.width, s.height)).collect();
        assert_eq!(sizes, expected, "of {width}x{height}");
    }

    #[test]
    fn all_sizes_below_the_source_and_its_own() {
        check(1280, 720, &[(1280, 720), (854, 480), (640, 360), (426, 240), (256, 144)]);
        check(960, 540, &[(960, 540), (854, 480), (640, 360), (426, 240), (256, 144)]);
        check(854, 480, &[(854, 480), (640, 360), (428, 240), (256, 144)]);
    }

    #[test]
    fn a_portrait_ladder_is_named_by_the_short_side() {
        check(406, 720, &[(406, 720), (360, 638), (240, 426), (144, 256)]);
    }

    #[test]
    fn odd_and_tiny_sources_keep_an_even_size_of_their_own() {
        check(101, 77, &[(100, 76)]);
        check(1, 1, &[(2, 2)]);
    }

    #[test]
    fn an_exact_size_may_be_larger_or_beside_an_odd_source() {
        let of = |width, height, short_side| {
            let size = exact_size(Size { width, height }, short_side);
            (size.width, size.height)
        };
        assert_eq!(of(1280, 720, 720), (1280, 720));
        assert_eq!(of(853, 481, 482), (854, 482));
        assert_eq!(of(406, 720, 1080), (1080, 1916));
        assert_eq!(of(320, 180, 2160), (3840, 2160));
    }

    #[test]
    fn without_the_own_size_the_nearest_below_is_the_top() {
        let rules = VideoRules { keep_source_size: false, heights: vec![360, 240], ..web() };
        let of = |width, height| rungs(Size { width, height }, &rules);
        assert_eq!(of(1920, 1080)[0], (Size { width: 640, height: 360 }, false));
        assert_eq!(of(640, 360)[0], (Size { width: 640, height: 360 }, true));
        assert_eq!(of(320, 180), vec![(Size { width: 320, height: 180 }, true)]);
    }

    proptest! {
        #[test]
        fn no_rung_is_odd_or_larger_than_the_source(width in 2_u32..9000, height in 2_u32..9000) {
            let ladder = rungs(Size { width, height }, &web());
            prop_assert!(ladder.windows(2).all(|pair| pair[0].0.short_side() > pair[1].0.short_side()));
            for (size, _) in ladder {
                prop_assert!(size.width <= width && size.height <= height, "{size:?}");
                prop_assert!(size.width % 2 == 0 && size.height % 2 == 0, "{size:?}");
            }
        }
    }
}
