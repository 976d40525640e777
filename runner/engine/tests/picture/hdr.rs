//! High dynamic range: patches of known light in PQ and in HLG are published within a stated distance of a reference
//! that is computed here from the formulas.

use std::path::Path;

use crate::clips::Clips;
use crate::patches::{self, BT709, SIDE, Steps};
use crate::reference::{Rgb, hlg_codes, pq_code, to_10_bits, tone_mapped};

/// Light of a display, cd/m2 in BT.2020: reference white, a grey of 18 %, skin, grass, sky, a shadow, a highlight.
const PATCHES: [(&str, Rgb); 7] = [
    ("white", [203.0, 203.0, 203.0]),
    ("grey", [36.5, 36.5, 36.5]),
    ("skin", [95.0, 66.0, 49.0]),
    ("grass", [27.0, 38.0, 14.0]),
    ("sky", [60.0, 82.0, 130.0]),
    ("shadow", [2.0, 2.0, 2.0]),
    ("highlight", [900.0, 900.0, 850.0]),
];
/// Steps of 8 bits: the source's rounding to 10 bits makes up to 0.3, the table between its points up to 0.8, the
/// rounding of the result 0.5.
const TOLERANCE: f64 = 1.6;
/// The mean of many pixels of the same error.
const MEAN_TOLERANCE: f64 = 1.0;

/// One frame of the patches in yuv420p10le.
fn frame(code: impl Fn(Rgb) -> Rgb) -> Vec<u8> {
    let colours: Vec<[u16; 3]> = PATCHES.iter().map(|(_, light)| to_10_bits(code(*light))).collect();
    let mut bytes = Vec::new();
    for (part, side) in [(0, SIDE), (1, SIDE / 2), (2, SIDE / 2)] {
        for _ in 0..side {
            let row = colours.iter().flat_map(|colour| std::iter::repeat_n(colour[part], side));
            bytes.extend(row.flat_map(u16::to_le_bytes));
        }
    }
    bytes
}

fn lossless(transfer: &str) -> String {
    format!(
        "-c:v libx264 -preset ultrafast -qp 0 -color_primaries bt2020 -color_trc {transfer} \
         -colorspace bt2020nc -color_range tv"
    )
}

fn check(path: &Path, clips: &Clips, peak: f64) -> Vec<Steps> {
    let width = (PATCHES.len() * SIDE) as u32;
    let (output, _) = patches::published(clips, path, width, BT709);
    assert_eq!(patches::tags(&output), "tv,bt709,bt709,bt709");
    let found = patches::means(&output, PATCHES.len());
    let expected: Vec<Steps> = PATCHES.iter().map(|(_, light)| tone_mapped(*light, peak)).collect();
    for (((name, _), found), expected) in PATCHES.iter().zip(&found).zip(&expected) {
        patches::assert_close(name, *found, *expected, TOLERANCE);
    }
    let mean = |steps: &[Steps]| steps.iter().map(|step| step[0]).sum::<f64>() / steps.len() as f64;
    let (found_mean, expected_mean) = (mean(&found), mean(&expected));
    assert!((found_mean - expected_mean).abs() < MEAN_TOLERANCE, "{found_mean} is not {expected_mean}");
    // White is bright, and yet leaves room for what is brighter.
    let share = |steps: Steps| (steps[0] - 16.0) / 219.0;
    assert!((0.75..0.90).contains(&share(found[0])), "{:?}", found[0]);
    assert!(share(found[6]) > share(found[0]) + 0.1, "{:?}", found[6]);
    println!("{path:?}: mean luma {found_mean:.2} of {expected_mean:.2}; {found:.1?}");
    found
}

#[test]
fn pq_is_published_as_the_reference_tone_map() {
    let clips = Clips::new();
    let frame = frame(|light| light.map(pq_code));
    let width = PATCHES.len() * SIDE;
    let path = patches::clip(&clips, "pq.mp4", ("yuv420p10le", width), &frame, &lossless("smpte2084"));
    let found = check(&path, &clips, 10_000.0);
    // Cut to 8 bits instead, white is what washes pictures out: 58 % of luma.
    assert!(found[0][0] - (16.0 + 219.0 * pq_code(203.0)) > 40.0);
}

#[test]
fn hlg_is_published_as_the_reference_tone_map() {
    let clips = Clips::new();
    let frame = frame(hlg_codes);
    let width = PATCHES.len() * SIDE;
    let path = patches::clip(&clips, "hlg.mkv", ("yuv420p10le", width), &frame, &lossless("arib-std-b67"));
    check(&path, &clips, 1000.0);
}

#[test]
fn colours_that_only_the_container_states_count() {
    let clips = Clips::new();
    let frame = frame(|light| light.map(pq_code));
    let width = PATCHES.len() * SIDE;
    let bare = "-c:v libx265 -x265-params lossless=1:log-level=none -pix_fmt yuv420p10le";
    let silent = patches::clip(&clips, "silent.mkv", ("yuv420p10le", width), &frame, bare);
    let path = silent.with_file_name("container.mp4");
    let tags = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -movflags +write_colr";
    let copy = format!("-v error -y -i {} -c copy {tags} {}", silent.display(), path.display());
    assert!(std::process::Command::new("ffmpeg").args(copy.split(' ')).status().unwrap().success());
    let stream = crate::plan::probe(&std::fs::read(&path).unwrap()).1;
    assert_eq!((stream.colour.primaries, stream.colour.transfer, stream.colour.matrix), (9, 16, 9));
    check(&path, &clips, 10_000.0);
}
