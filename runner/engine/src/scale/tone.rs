//! High dynamic range to standard: a colour of PQ or HLG (Recommendation BT.2100) as the colour of BT.709 that looks like
//! it. Light is measured against reference white (203 cd/m2, Report BT.2408), highlights are rolled off by a curve that
//! leaves everything below 61 cd/m2, skin included, as it is, and what BT.709 cannot show is paled until it can.
//! docs/colour.md explains and shows it.

/// cd/m2 of reference white, which is 1 here.
const REFERENCE_WHITE: f64 = 203.0;
/// Where the curve begins to bend.
const KNEE: f64 = 0.3;
/// Exponent of the reference display of BT.709 (Recommendation BT.1886).
const DISPLAY_GAMMA: f64 = 2.4;
/// Luminance of red, green and blue.
const BT2020_LUMA: [f64; 3] = [0.2627, 0.678, 0.0593];
const BT709_LUMA: [f64; 3] = [0.2126, 0.7152, 0.0722];
/// Linear light of BT.2020 in that of BT.709 (Report BT.2407).
const BT2020_TO_BT709: [[f64; 3]; 3] =
    [[1.660_5, -0.587_6, -0.072_8], [-0.124_6, 1.132_9, -0.008_3], [-0.018_2, -0.100_6, 1.118_7]];

/// Red, green and blue.
pub type Rgb = [f64; 3];

/// What code values of high dynamic range mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Perceptual quantiser (SMPTE ST 2084): absolute light.
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67): light relative to a display, here the reference one of 1000 cd/m2.
    Hlg,
}

impl Transfer {
    /// By its code point (ISO/IEC 23091-2); none: standard dynamic range.
    pub fn of(code: u8) -> Option<Self> {
        match code {
            16 => Some(Self::Pq),
            18 => Some(Self::Hlg),
            _ => None,
        }
    }

    /// Brightest light that it carries, cd/m2.
    fn peak(self) -> f64 {
        match self {
            Self::Pq => 10_000.0,
            Self::Hlg => 1000.0,
        }
    }

    /// Light of the reference display, cd/m2.
    fn light(self, code: Rgb) -> Rgb {
        match self {
            Self::Pq => code.map(pq_light),
            Self::Hlg => {
                let scene = code.map(hlg_scene);
                // System gamma 1.2 acts on luminance, not on each colour, which would make them gaudy.
                let gain = self.peak() * luma(scene, BT2020_LUMA).powf(0.2);
                scene.map(|part| part * gain)
            }
        }
    }
}

/// A colour of BT.2020 as one of BT.709; code values of the full range, 0 to 1.
pub fn mapped(transfer: Transfer, code: Rgb) -> Rgb {
    let wide = transfer.light(code).map(|part| part / REFERENCE_WHITE);
    let light = BT2020_TO_BT709.map(|row| luma(wide, row));
    // One factor for all three keeps the hue.
    let brightest = light.into_iter().fold(1e-6, f64::max);
    let gain = rolled_off(brightest, transfer.peak() / REFERENCE_WHITE) / brightest;
    within_gamut(light.map(|part| part * gain)).map(|part| part.powf(1.0 / DISPLAY_GAMMA))
}

/// The identity up to the knee, then a hyperbola that meets it smoothly and takes `peak` to 1.
fn rolled_off(light: f64, peak: f64) -> f64 {
    if light <= KNEE {
        return light;
    }
    let a = -KNEE * KNEE * (peak - 1.0) / (KNEE * KNEE - 2.0 * KNEE + peak);
    let b = (KNEE * KNEE - 2.0 * KNEE * peak + peak) / (peak - 1.0);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

/// Mixed with grey of its own luminance until no part is below 0 or above 1.
fn within_gamut(colour: Rgb) -> Rgb {
    let grey = luma(colour, BT709_LUMA).clamp(0.0, 1.0);
    let share = colour.into_iter().fold(1.0, |share: f64, part| {
        if part < 0.0 {
            share.min(grey / (grey - part))
        } else if part > 1.0 {
            share.min((1.0 - grey) / (part - grey))
        } else {
            share
        }
    });
    colour.map(|part| (grey + (part - grey) * share).clamp(0.0, 1.0))
}

fn luma(colour: Rgb, weights: [f64; 3]) -> f64 {
    colour.into_iter().zip(weights).map(|(part, weight)| part * weight).sum()
}

/// Recommendation BT.2100, table 4: the PQ EOTF, cd/m2.
fn pq_light(code: f64) -> f64 {
    const M1: f64 = 2610.0 / 16_384.0;
    const M2: f64 = 2523.0 / 4096.0 * 128.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 4096.0 * 32.0;
    const C3: f64 = 2392.0 / 4096.0 * 32.0;
    let power = code.powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// Recommendation BT.2100, table 5: the inverse of the HLG OETF, light of the scene from 0 to 1.
fn hlg_scene(code: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    if code <= 0.5 { code * code / 3.0 } else { (((code - C) / A).exp() + B) / 12.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transfer: Transfer, code: Rgb, expected: Rgb) {
        let shown = mapped(transfer, code);
        let close = shown.iter().zip(expected).all(|(one, other)| (one - other).abs() < 0.005);
        assert!(close, "{transfer:?} {code:?}: {shown:?} is not {expected:?}");
    }

    #[test]
    fn reference_white_is_bright_and_nothing_is_clipped() {
        // Reference white and 1000 cd/m2 (Report BT.2408, table 1), then the brightest there is.
        check(Transfer::Pq, [0.581; 3], [0.837; 3]);
        check(Transfer::Pq, [0.752; 3], [0.964; 3]);
        check(Transfer::Pq, [1.0; 3], [1.0; 3]);
        check(Transfer::Hlg, [0.75; 3], [0.851; 3]);
        check(Transfer::Hlg, [1.0; 3], [1.0; 3]);
        check(Transfer::Pq, [0.0; 3], [0.0; 3]);
        check(Transfer::Hlg, [0.0; 3], [0.0; 3]);
    }

    #[test]
    fn what_is_darker_than_the_knee_keeps_its_light() {
        // 26 cd/m2 (grey of 18 % at a white of about 203 in BT.2408): 0.128 of white.
        check(Transfer::Pq, [0.379; 3], [0.425; 3]);
        check(Transfer::Hlg, [0.38; 3], [0.427; 3]);
    }

    #[test]
    fn colours_outside_of_bt709_are_paled_not_clipped() {
        let red = mapped(Transfer::Pq, [0.5, 0.0, 0.0]);
        assert!(red[0] > 0.6 && red[1] < 0.05 && red[2] < 0.35, "{red:?}");
        for code in [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.2, 0.9, 0.1]] {
            assert!(mapped(Transfer::Hlg, code).iter().all(|part| (0.0..=1.0).contains(part)), "{code:?}");
        }
    }
}
