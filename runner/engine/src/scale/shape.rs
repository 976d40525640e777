//! What decides how a decoded picture is converted: while it stays the same, one graph serves.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{color, frame};

use crate::ffi;
use crate::spec::{Colour, Picture};

const UNSPECIFIED: u8 = 2;
/// Pixels more oblong than this are taken for a mistake, here as in the planner.
const MAX_ASPECT: i64 = 8;

/// A decoded picture without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of its samples.
    pub format: Pixel,
    /// Coded.
    pub width: u32,
    /// Coded.
    pub height: u32,
    /// Width and height of a pixel, each at least 1.
    pub aspect: (i64, i64),
    /// As the frame states it, else as the plan does.
    pub colour: Colour,
}

impl Shape {
    /// Describes a frame.
    pub fn of(frame: &frame::Video, planned: &Picture) -> Self {
        let format = frame.format();
        let own = frame.aspect_ratio();
        let own = (i64::from(own.numerator()), i64::from(own.denominator()));
        let aspect = planned.sample_aspect_ratio.map_or(own, |ratio| (ratio.numerator, ratio.denominator));
        Self {
            format,
            width: frame.width(),
            height: frame.height(),
            aspect: if is_sane(aspect) { aspect } else { (1, 1) },
            colour: colour(frame, planned.colour),
        }
    }

    /// FFmpeg's name of the pixel format.
    pub fn format_name(&self) -> &'static str {
        self.format.descriptor().map_or("none", |descriptor| descriptor.name())
    }
}

fn is_sane((across, up): (i64, i64)) -> bool {
    across > 0 && up > 0 && across / MAX_ASPECT <= up && up / MAX_ASPECT <= across
}

fn colour(frame: &frame::Video, planned: Colour) -> Colour {
    let [primaries, transfer, matrix] = ffi::frame_colour(frame);
    let known = |own: u8, planned: u8| if own == UNSPECIFIED { planned } else { own };
    let name = frame.format().descriptor().map_or("", |descriptor| descriptor.name());
    let full_range = match frame.color_range() {
        _ if name.starts_with("yuvj") => true,
        color::Range::JPEG => true,
        color::Range::MPEG => false,
        color::Range::Unspecified => planned.full_range,
    };
    Colour {
        primaries: known(primaries, planned.primaries),
        transfer: known(transfer, planned.transfer),
        matrix: known(matrix, planned.matrix),
        full_range,
    }
}
