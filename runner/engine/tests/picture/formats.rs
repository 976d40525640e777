//! Kinds of samples: whatever a source stores, its colours come out as they were, within a step or two.

use flotilla_engine::spec::Colour;

use crate::clips::Clips;
use crate::patches::{self, BT709, SIDE};
use crate::reference::to_8_bits;

const PATCHES: [[u8; 3]; 5] = [[200, 30, 40], [30, 180, 60], [40, 60, 210], [128, 128, 128], [235, 200, 170]];
/// Steps of 8 bits: the command line and the engine round once each.
const TOLERANCE: f64 = 2.0;
const WEIGHTS_709: (f64, f64) = (0.2126, 0.0722);
const WEIGHTS_601: (f64, f64) = (0.299, 0.114);
const BT601: Colour = Colour { primaries: 6, transfer: 6, matrix: 6, full_range: false };
const TAGS_709: &str = "-color_primaries bt709 -color_trc bt709 -colorspace bt709";

/// One frame of the patches in rgba.
fn frame(opacity: u8) -> Vec<u8> {
    let pixel = |[red, green, blue]: [u8; 3]| [red, green, blue, opacity];
    let row: Vec<u8> = PATCHES.iter().flat_map(|colour| pixel(*colour).repeat(SIDE)).collect();
    row.repeat(SIDE)
}

fn check(name: &str, arguments: &str, opacity: u8, (colour, weights): (Colour, (f64, f64))) {
    let clips = Clips::new();
    let width = PATCHES.len() * SIDE;
    let path = patches::clip(&clips, name, ("rgba", width), &frame(opacity), arguments);
    let (output, stream) = patches::published(&clips, &path, width as u32, colour);
    for (found, colour) in patches::means(&output, PATCHES.len()).into_iter().zip(PATCHES) {
        let over_black = colour.map(|part| f64::from(part) * f64::from(opacity) / 255.0 / 255.0);
        let what = format!("{name} ({}) {colour:?}", stream.pixel_format);
        patches::assert_close(&what, found, to_8_bits(over_black, weights), TOLERANCE);
    }
}

fn check_709(name: &str, arguments: &str) {
    check(name, arguments, 255, (BT709, WEIGHTS_709));
}

fn x264(format: &str) -> String {
    let scale = "-vf scale=out_color_matrix=bt709:flags=full_chroma_int+accurate_rnd";
    format!("{scale},format={format} -c:v libx264 -qp 0 {TAGS_709}")
}

#[test]
fn more_chroma_and_more_depth_lose_nothing_but_that() {
    check_709("422.mp4", &x264("yuv422p"));
    check_709("444.mp4", &x264("yuv444p"));
    check_709("10bit.mp4", &x264("yuv420p10le"));
    let scale = "-vf scale=out_color_matrix=bt709:flags=full_chroma_int+accurate_rnd";
    check_709(
        "422-10.mov",
        &format!("{scale},format=yuv422p10le -c:v prores_ks -profile:v 3 -q:v 1 {TAGS_709}"),
    );
    check_709("444-12.mkv", &format!("{scale},format=yuv444p12le -c:v ffv1 {TAGS_709}"));
}

#[test]
fn the_full_range_becomes_the_limited_one() {
    let scale = "-vf scale=out_color_matrix=bt709:out_range=full:flags=full_chroma_int+accurate_rnd";
    let x264 = format!("-c:v libx264 -qp 0 {TAGS_709} -color_range pc");
    check_709("full.mp4", &format!("{scale},format=yuv420p {x264}"));
    check_709("full-444.mkv", &format!("{scale},format=yuv444p {x264}"));
    let jpeg = "-vf scale=out_color_matrix=bt601:out_range=full,format=yuvj444p -c:v mjpeg -q:v 1";
    check("jpeg.mov", jpeg, 255, (BT601, WEIGHTS_601));
}

#[test]
fn red_green_and_blue_get_the_matrix_that_is_written() {
    check_709("planar.mp4", "-c:v libx264rgb -qp 0 -pix_fmt rgb24");
    check_709("packed.mov", "-c:v png -pix_fmt rgb24");
    check_709("raw.avi", "-c:v rawvideo -pix_fmt bgr24");
    check("planar-601.mkv", "-c:v ffv1 -pix_fmt gbrp", 255, (BT601, WEIGHTS_601));
    check_709("palette.mov", "-vf split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none -c:v png");
}

#[test]
fn opacity_shows_black_behind_the_picture() {
    for opacity in [255, 128, 0] {
        check("packed.mov", "-c:v qtrle -pix_fmt argb", opacity, (BT709, WEIGHTS_709));
        check("png.mov", "-c:v png -pix_fmt rgba", opacity, (BT709, WEIGHTS_709));
        let prores = format!(
            "-vf scale=out_color_matrix=bt709,format=yuva444p10le -c:v prores_ks -profile:v 4 -q:v 1 {TAGS_709}"
        );
        check("4444.mov", &prores, opacity, (BT709, WEIGHTS_709));
        let planar = format!(
            "-vf scale=out_color_matrix=bt709:flags=accurate_rnd,format=yuva420p -c:v ffv1 {TAGS_709}"
        );
        check("420.mkv", &planar, opacity, (BT709, WEIGHTS_709));
        let beside = "-vf scale=out_color_matrix=smpte170m:flags=accurate_rnd,format=yuva420p";
        for encoder in ["libvpx-vp9 -lossless 1", "libvpx -crf 4 -b:v 20M"] {
            let encode = format!("{beside} -auto-alt-ref 0 -c:v {encoder}");
            check("beside.webm", &encode, opacity, (BT601, WEIGHTS_601));
        }
    }
}

#[test]
fn the_matrix_of_a_source_is_kept_or_converted() {
    let source = "-vf scale=out_color_matrix=smpte170m:flags=full_chroma_int+accurate_rnd,format=yuv420p \
                  -c:v libx264 -qp 0 -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m";
    let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
    check("kept.mp4", &source, 255, (BT601, WEIGHTS_601));
    check("converted.mp4", &source, 255, (BT709, WEIGHTS_709));
}
