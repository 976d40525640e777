//! How a picture lies within the largest rendition: it fills it, unless it is of another aspect, as a source that
//! changes in midstream may be; then it is shown whole, between black bars.

use super::shape::Shape;

/// What the planner's rounding to even pixels explains is no other aspect: this many pixels, and one part in that many.
const ROUNDED_PIXELS: u64 = 2;
const ROUNDED_PART: u64 = 50;

/// The part of a rendition that a picture covers, in even pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Black columns to the left.
    pub left: u32,
    /// Black rows above.
    pub top: u32,
}

impl Fit {
    /// Fits a picture, turned by so many degrees, into `width` x `height`.
    pub fn of(shape: &Shape, rotation_degrees: u32, (width, height): (u32, u32)) -> Self {
        let whole = Self { width, height, left: 0, top: 0 };
        let (across, up) = shape.aspect;
        // The shown size in a unit of its own, in which both sides are whole numbers.
        let shown = (i128::from(shape.width) * i128::from(across), i128::from(shape.height) * i128::from(up));
        let (shown_width, shown_height) = match rotation_degrees {
            90 | 270 => (shown.1, shown.0),
            _ => shown,
        };
        let (wide, high) = (i128::from(width), i128::from(height));
        if shown_width <= 0 || shown_height <= 0 {
            return whole;
        }
        let fitted_width = scaled(high, shown_width, shown_height).min(width);
        let fitted_height = scaled(wide, shown_height, shown_width).min(height);
        let fills = is_close(fitted_width, width) && is_close(fitted_height, height);
        if fills {
            return whole;
        }
        let (fitted_width, fitted_height) = (even(fitted_width), even(fitted_height));
        // Even offsets too: chroma samples lie on every other pixel.
        let (left, top) = ((width - fitted_width) / 4 * 2, (height - fitted_height) / 4 * 2);
        Self { width: fitted_width, height: fitted_height, left, top }
    }

    /// The picture covers everything.
    pub fn fills(&self, (width, height): (u32, u32)) -> bool {
        (self.width, self.height) == (width, height)
    }
}

fn scaled(pixels: i128, numerator: i128, denominator: i128) -> u32 {
    u32::try_from((2 * pixels * numerator + denominator) / (2 * denominator)).unwrap_or(u32::MAX)
}

fn is_close(fitted: u32, whole: u32) -> bool {
    u64::from(whole - fitted) <= ROUNDED_PIXELS.max(u64::from(whole) / ROUNDED_PART)
}

fn even(pixels: u32) -> u32 {
    (pixels & !1).max(2)
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::format::Pixel;

    use super::*;
    use crate::spec::Colour;

    fn check(
        (width, height, aspect, turn): (u32, u32, (i64, i64), u32),
        target: (u32, u32),
        expected: (u32, u32, u32, u32),
    ) {
        let shape = Shape { format: Pixel::YUV420P, width, height, aspect, colour: Colour::default() };
        let fit = Fit::of(&shape, turn, target);
        assert_eq!((fit.width, fit.height, fit.left, fit.top), expected, "{shape:?} in {target:?}");
    }

    #[test]
    fn a_picture_of_the_planned_aspect_fills_everything() {
        check((1920, 1080, (1, 1), 0), (1920, 1080), (1920, 1080, 0, 0));
        check((1920, 1080, (1, 1), 90), (1080, 1920), (1080, 1920, 0, 0));
        check((720, 576, (64, 45), 0), (1024, 576), (1024, 576, 0, 0));
        check((101, 77, (1, 1), 0), (100, 76), (100, 76, 0, 0));
        check((1, 1, (1, 1), 0), (2, 2), (2, 2, 0, 0));
        check((5, 3, (1, 1), 0), (4, 2), (4, 2, 0, 0));
        check((426, 240, (1, 1), 0), (1920, 1080), (1920, 1080, 0, 0));
        check((854, 480, (1, 1), 0), (640, 360), (640, 360, 0, 0));
    }

    #[test]
    fn another_aspect_gets_bars_of_even_width() {
        check((720, 576, (16, 15), 0), (1024, 576), (768, 576, 128, 0));
        check((640, 360, (1, 1), 0), (640, 480), (640, 360, 0, 60));
        check((360, 640, (1, 1), 0), (640, 360), (202, 360, 218, 0));
        check((4000, 2, (1, 1), 0), (640, 480), (640, 2, 0, 238));
    }
}
