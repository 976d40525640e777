//! A picture that was handed in beside the source, described as the covers inside of files are.

use crate::error::Result;
use crate::ffi;
use crate::pipe::SharedInputs;
use crate::report::{PictureFacts, VideoStream};
use crate::source::given;
use crate::spec::{Colour, Rational};

/// Describes the picture; one that cannot be decoded is refused.
pub fn describe(inputs: &SharedInputs, max_pixels: u64) -> Result<VideoStream> {
    let given = given::read(inputs, given::INPUT, max_pixels)?;
    let format = given.picture.format().descriptor().map_or("", |descriptor| descriptor.name());
    let [primaries, transfer, matrix] = ffi::frame_colour(&given.picture);
    let full_range =
        given.picture.color_range() == ffmpeg_next::color::Range::JPEG || format.starts_with("yuvj");
    Ok(VideoStream {
        index: 0,
        codec: given.codec.to_owned(),
        width: given.picture.width(),
        height: given.picture.height(),
        sample_aspect_ratio: None,
        rotation_degrees: 0,
        pixel_format: format.to_owned(),
        time_base: Rational { numerator: 1, denominator: 1 },
        frame_rate: Rational { numerator: 1, denominator: 1 },
        colour: Colour { primaries, transfer, matrix, full_range },
        interlaced: false,
        // Densities of print say nothing of pixels on a screen.
        picture: PictureFacts { fixed_aspect: true, given: true, ..PictureFacts::default() },
        attached_picture: true,
        is_default: false,
        pts: Vec::new(),
        keyframes: Vec::new(),
        last_duration: 1,
        block_bytes: Vec::new(),
        bitrate_bps: 0,
    })
}
