//! The reference that published colours are held against, from the formulas of the Recommendations alone: PQ and HLG
//! backwards (light to code values) for the clips, BT.2020 to BT.709 and the curve of docs/colour.md for the result.

use crate::patches::Steps;

/// Red, green and blue; light in cd/m2, or code values from 0 to 1.
pub type Rgb = [f64; 3];

/// Luminance of a display's light in BT.2020.
pub fn luminance([red, green, blue]: Rgb) -> f64 {
    0.2627 * red + 0.6780 * green + 0.0593 * blue
}

/// BT.2100 table 4, the inverse of the EOTF: cd/m2 to code value.
pub fn pq_code(light: f64) -> f64 {
    let power = (light / 10_000.0).powf(0.159_301_757_812_5);
    ((0.835_937_5 + 18.851_562_5 * power) / (1.0 + 18.687_5 * power)).powf(78.843_75)
}

/// BT.2100 table 5, the inverse of the EOTF for a display of 1000 cd/m2: its light to code values.
pub fn hlg_codes(light: Rgb) -> Rgb {
    // The display shows luminance to the power of 1.2.
    let scene_luminance = (luminance(light) / 1000.0).powf(1.0 / 1.2);
    let scene = light.map(|part| part / 1000.0 / scene_luminance.powf(0.2));
    scene.map(|part| match part <= 1.0 / 12.0 {
        true => (3.0 * part).sqrt(),
        false => 0.178_832_77 * (12.0 * part - 0.284_668_92).ln() + 0.559_910_73,
    })
}

/// Code values as Y', Cb, Cr of BT.2020 at 10 bits, limited range.
pub fn to_10_bits([red, green, blue]: Rgb) -> [u16; 3] {
    let luma = luminance([red, green, blue]);
    let (cb, cr) = ((blue - luma) / 1.8814, (red - luma) / 1.4746);
    [64.0 + 876.0 * luma, 512.0 + 896.0 * cb, 512.0 + 896.0 * cr].map(|step| step.round() as u16)
}

/// The light of a display of high dynamic range as Y', Cb, Cr of BT.709 at 8 bits, limited range.
pub fn tone_mapped(light: Rgb, peak: f64) -> Steps {
    let [red, green, blue] = light.map(|part| part / 203.0);
    let narrow = [
        1.6605 * red - 0.5876 * green - 0.0728 * blue,
        -0.1246 * red + 1.1329 * green - 0.0083 * blue,
        -0.0182 * red - 0.1006 * green + 1.1187 * blue,
    ];
    let brightest = narrow[0].max(narrow[1]).max(narrow[2]);
    let gain = curve(brightest, peak / 203.0) / brightest;
    // The patches lie within BT.709, so nothing has to be paled.
    assert!(narrow.iter().all(|part| *part >= 0.0), "{light:?} is outside of BT.709");
    to_8_bits(narrow.map(|part| (part * gain).powf(1.0 / 2.4)), (0.2126, 0.0722))
}

/// Straight up to 0.3, from there a hyperbola of the same slope that reaches 1 at `peak`.
fn curve(light: f64, peak: f64) -> f64 {
    let knee = 0.3;
    if light <= knee {
        return light;
    }
    // The hyperbola knee + room·x / (x + room) of x = light - knee has slope 1 at 0 and ends below 1 + knee; the
    // factor in its divisor makes it reach 1 just at the peak.
    let (x, end) = (light - knee, peak - knee);
    let room = 1.0 - knee;
    knee + x / (1.0 + x * (1.0 / room - 1.0 / end))
}

/// Code values as Y', Cb, Cr at 8 bits, limited range; `weights` of red and blue.
pub fn to_8_bits([red, green, blue]: Rgb, (weight_red, weight_blue): (f64, f64)) -> Steps {
    let luma = weight_red * red + (1.0 - weight_red - weight_blue) * green + weight_blue * blue;
    let cb = (blue - luma) / (2.0 - 2.0 * weight_blue);
    let cr = (red - luma) / (2.0 - 2.0 * weight_red);
    [16.0 + 219.0 * luma, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr]
}
