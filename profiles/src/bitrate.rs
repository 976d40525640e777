//! PeerTube's bitrate formula in whole numbers: X = floor(short side · long side · fps · bits per pixel), and the cap
//! T = max(min, min(avg, share of the source's rate)). The long side is the short side times the picture's ratio rounded to four
//! decimals, as PeerTube rounds it, so that both sides of a bridge agree to the bit.

use crate::profile::RateRules;

/// Which column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// What the cap aims at.
    Average,
    /// More is a waste.
    Maximum,
    /// Less is never asked for.
    Minimum,
}

/// A picture as the formula sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Short side of the rendition, pixels.
    pub short_side: u32,
    /// Width of the source as shown, pixels; only the ratio matters.
    pub source_width: u32,
    /// Height of the source as shown, pixels.
    pub source_height: u32,
    /// Whole frames a second.
    pub fps: u32,
}

/// Short side, then hundredths of a bit per pixel: average, maximum, minimum.
const BITS_PER_PIXEL: [(u32, u32, u32, u32); 8] = [
    (144, 19, 32, 2),
    (240, 17, 29, 2),
    (360, 15, 26, 2),
    (480, 12, 22, 2),
    (720, 11, 19, 2),
    (1080, 10, 17, 2),
    (1440, 9, 16, 2),
    (2160, 8, 14, 2),
];

/// Ratios carry four decimals.
const RATIO_ONE: u128 = 10_000;

/// PeerTube's rate of a picture, bit/s. Pictures below the table's first row get that row's fixed fall-back.
pub fn rate_bps(picture: Picture, rate: Rate) -> u64 {
    let row = BITS_PER_PIXEL.iter().rev().find(|row| row.0 <= picture.short_side);
    let hundredths = row.map_or(0, |&(_, average, maximum, minimum)| match rate {
        Rate::Average => average,
        Rate::Maximum => maximum,
        Rate::Minimum => minimum,
    });
    let side = u128::from(picture.short_side);
    let bits = side * side * u128::from(picture.fps) * u128::from(hundredths);
    let bits = match ratio(picture) {
        wide if wide >= RATIO_ONE => bits * wide / RATIO_ONE / 100,
        tall => bits * RATIO_ONE / tall / 100,
    };
    match (u64::try_from(bits).unwrap_or(u64::MAX), rate) {
        (0, Rate::Average) => 192_000,
        (0, Rate::Maximum) => 256_000,
        (0, Rate::Minimum) => 10_000,
        (bits, _) => bits,
    }
}

/// The cap of a rendition, bit/s; `input_bps` is the source's rate, 0 when it is not known.
pub fn cap_bps(picture: Picture, input_bps: u64, rules: RateRules) -> u64 {
    let share = |bits: u64, percent: u32| {
        u64::try_from(u128::from(bits) * u128::from(percent) / 100).unwrap_or(u64::MAX)
    };
    let average = share(rate_bps(picture, Rate::Average), rules.percent);
    let input = match input_bps {
        0 => u64::MAX,
        known => share(known, rules.input_percent),
    };
    let least = share(average, rules.least_percent).max(rate_bps(picture, Rate::Minimum));
    average.min(input).max(least)
}

/// Width over height, ten-thousandths, halves up; never 0.
fn ratio(picture: Picture) -> u128 {
    let (width, height) = (u128::from(picture.source_width), u128::from(picture.source_height.max(1)));
    ((2 * width * RATIO_ONE + height) / (2 * height)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: RateRules =
        RateRules { percent: 100, input_percent: 130, least_percent: 0, buffer_percent: 200 };

    fn wide(short_side: u32, fps: u32) -> Picture {
        Picture { short_side, source_width: 1920, source_height: 1080, fps }
    }

    /// Average and maximum in kbit/s at 16:9 and 30 frames a second, as PeerTube computes them.
    const PEERTUBE_KBPS: [(u32, u64, u64); 8] = [
        (144, 210, 353),
        (240, 522, 890),
        (360, 1036, 1797),
        (480, 1474, 2703),
        (720, 3041, 5253),
        (1080, 6220, 10_575),
        (1440, 9953, 17_694),
        (2160, 19_906, 34_836),
    ];

    #[test]
    fn the_whole_table_of_peertube_at_30_60_and_25_frames_a_second() {
        for (height, average, maximum) in PEERTUBE_KBPS {
            for (rate, kbps) in [(Rate::Average, average), (Rate::Maximum, maximum)] {
                let at = |fps| rate_bps(wide(height, fps), rate);
                assert_eq!(at(30) / 1000, kbps, "{rate:?} of {height}p30");
                assert!(at(60).abs_diff(2 * at(30)) <= 1, "{rate:?} of {height}p60 is double");
                assert!(at(25).abs_diff(at(30) * 5 / 6) <= 1, "{rate:?} of {height}p25 is five sixths");
            }
        }
    }

    #[test]
    fn the_row_is_the_largest_standard_size_that_fits() {
        assert_eq!(rate_bps(wide(540, 30), Rate::Average), 1_866_263);
        assert_eq!(rate_bps(wide(100, 30), Rate::Average), 192_000);
        assert_eq!(rate_bps(wide(100, 30), Rate::Maximum), 256_000);
        assert_eq!(rate_bps(wide(100, 30), Rate::Minimum), 10_000);
    }

    #[test]
    fn a_portrait_picture_gets_what_the_same_picture_gets_lying() {
        let tall = Picture { source_width: 1080, source_height: 1920, ..wide(720, 30) };
        let difference = rate_bps(tall, Rate::Average).abs_diff(rate_bps(wide(720, 30), Rate::Average));
        assert!(difference < 300, "only the ratio's rounding differs, not {difference} bit/s");
    }

    #[test]
    fn the_cap_follows_the_source_between_the_formulas_bounds() {
        let picture = wide(720, 30);
        let average = rate_bps(picture, Rate::Average);
        assert_eq!(cap_bps(picture, 0, RULES), average);
        assert_eq!(cap_bps(picture, 1_000_000, RULES), 1_300_000);
        assert_eq!(cap_bps(picture, 100_000_000, RULES), average);
        assert_eq!(cap_bps(picture, 1000, RULES), rate_bps(picture, Rate::Minimum));
        let rules = RateRules { least_percent: 50, ..RULES };
        assert_eq!(cap_bps(picture, 1000, rules), average / 2);
        assert_eq!(cap_bps(picture, average, rules), average);
    }
}
