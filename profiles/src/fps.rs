//! PeerTube's frame-rate rule: a rendition smaller than the source is limited, to the candidate that divides the source's
//! rate, so that whole frames can be left out.

use crate::profile::FrameRateRules;

const SMALL_CANDIDATES: [u32; 3] = [24, 25, 30];
const LARGE_CANDIDATES: [u32; 2] = [50, 60];

/// Whole frames a second of a rendition with that short side, of a source with `fps`, smaller than the source. Equal
/// to `fps` when nothing has to change.
pub fn limited_fps(fps: u32, short_side: u32, rules: FrameRateRules) -> u32 {
    let small_max = rules.small_max.min(rules.max);
    let small = match short_side < rules.small_below && fps > small_max {
        true => closest(fps, &SMALL_CANDIDATES, small_max),
        false => fps,
    };
    match small > rules.max {
        true => closest(fps, &LARGE_CANDIDATES, rules.max),
        false => small,
    }
}

/// The largest candidate up to `max` that divides `fps`, else the one that leaves the least remainder; `max` itself is a
/// candidate.
fn closest(fps: u32, candidates: &[u32], max: u32) -> u32 {
    let allowed = || candidates.iter().copied().filter(|&candidate| candidate < max).chain([max.max(1)]);
    let dividing = allowed().filter(|candidate| fps.is_multiple_of(*candidate)).max();
    let nearest = || allowed().min_by_key(|candidate| fps % candidate);
    dividing.or_else(nearest).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERTUBE: FrameRateRules = FrameRateRules { max: 60, small_below: 720, small_max: 30 };

    fn check(fps: u32, short_side: u32, expected: u32) {
        assert_eq!(
            limited_fps(fps, short_side, PEERTUBE),
            expected,
            "{fps} frames a second at {short_side}p"
        );
    }

    #[test]
    fn small_pictures_get_a_divisor_of_the_rate_up_to_30() {
        check(60, 480, 30);
        check(50, 480, 25);
        check(48, 360, 24);
        check(120, 144, 30);
        check(100, 240, 25);
        check(24, 480, 24);
        check(30, 480, 30);
    }

    #[test]
    fn without_a_divisor_the_least_remainder_decides() {
        check(59, 480, 25);
        check(31, 480, 30);
        check(55, 480, 25);
    }

    #[test]
    fn large_pictures_get_up_to_60() {
        check(60, 720, 60);
        check(120, 720, 60);
        check(100, 1080, 50);
        check(144, 720, 60);
        check(61, 1080, 60);
    }

    #[test]
    fn a_lower_limit_of_the_profile_holds_for_every_size() {
        let rules = FrameRateRules { max: 30, ..PEERTUBE };
        assert_eq!(limited_fps(60, 1080, rules), 30);
        assert_eq!(limited_fps(50, 360, FrameRateRules { small_max: 15, ..PEERTUBE }), 15);
    }
}
