//! Where on one encoder's scale of quality a picture looks like that of another: pure, from samples of both.

/// What an encoder made at one number of its scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Its number.
    pub number: f64,
    /// Likeness to what it was given; falls as the number rises.
    pub ssim: f64,
    /// Bit rate.
    pub kbps: f64,
}

/// The place between samples where the likeness is that; none: not within the range that was tried. Samples that rise where they
/// should fall are taken for noise: neighbours that do so share their mean (pool adjacent violators).
pub fn alike(samples: &[Sample], ssim: f64) -> Option<Sample> {
    let falling = falling(samples);
    falling.windows(2).find_map(|pair| {
        let (upper, lower) = (pair[0], pair[1]);
        let is_between = (lower.ssim..=upper.ssim).contains(&ssim);
        is_between.then(|| {
            let span = upper.ssim - lower.ssim;
            let part = if span > 0.0 { (upper.ssim - ssim) / span } else { 0.5 };
            let at = |from: f64, to: f64| from + part * (to - from);
            Sample { number: at(upper.number, lower.number), ssim, kbps: at(upper.kbps, lower.kbps) }
        })
    })
}

/// By number, each likeness no higher than the one before; pooled ones become one sample in their middle, so that it falls strictly.
fn falling(samples: &[Sample]) -> Vec<Sample> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|one, other| one.number.total_cmp(&other.number));
    let mut pools: Vec<(Sample, f64)> = Vec::new();
    for sample in sorted {
        let mut newest = (sample, 1.0);
        while let Some((before, weight)) = pools.pop_if(|(before, _)| before.ssim <= newest.0.ssim) {
            let all = weight + newest.1;
            let mean = |one: f64, other: f64| (one * weight + other * newest.1) / all;
            let pooled = Sample {
                number: mean(before.number, newest.0.number),
                ssim: mean(before.ssim, newest.0.ssim),
                kbps: mean(before.kbps, newest.0.kbps),
            };
            newest = (pooled, all);
        }
        pools.push(newest);
    }
    pools.into_iter().map(|(sample, _)| sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(points: &[(f64, f64)]) -> Vec<Sample> {
        points.iter().map(|&(number, ssim)| Sample { number, ssim, kbps: 100.0 * ssim }).collect()
    }

    fn check(points: &[(f64, f64)], ssim: f64, expected: Option<f64>) {
        let found = alike(&samples(points), ssim);
        let is_same = match (found, expected) {
            (Some(found), Some(number)) => (found.number - number).abs() < 1e-9,
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(is_same, "{ssim} in {points:?}: {found:?}, not {expected:?}");
    }

    #[test]
    fn between_two_samples_it_is_on_the_line() {
        let points = [(20.0, 0.98), (23.0, 0.97), (26.0, 0.95)];
        check(&points, 0.97, Some(23.0));
        check(&points, 0.975, Some(21.5));
        check(&points, 0.96, Some(24.5));
        check(&[points[2], points[0], points[1]], 0.96, Some(24.5));
    }

    #[test]
    fn what_lies_beyond_the_samples_is_not_guessed() {
        let points = [(20.0, 0.98), (23.0, 0.97)];
        check(&points, 0.981, None);
        check(&points, 0.969, None);
        check(&points, f64::NAN, None);
        check(&[(20.0, 0.98)], 0.98, None);
        check(&[], 0.98, None);
    }

    #[test]
    fn noise_is_smoothed() {
        // 22 and 24 share 0.965 at 23.
        let points = [(20.0, 0.98), (22.0, 0.96), (24.0, 0.97), (26.0, 0.95)];
        check(&points, 0.965, Some(23.0));
        check(&points, 0.9725, Some(21.5));
        // All the same says nothing.
        check(&[(20.0, 0.97), (23.0, 0.97), (26.0, 0.97)], 0.97, None);
    }
}
