//! From a source's colours to the plan's, where that takes no more than another matrix, range or kind of sample. Nothing
//! is said where nothing changes, because then a picture of the right size passes without being touched.

use super::shape::Shape;
use crate::ffi;
use crate::spec::Colour;

/// Filters before the scaler, and options of the scaler.
pub struct Conversion {
    /// Each ends with a comma.
    pub before: String,
    /// What follows the scaler's flags: more flags, each after a plus, then options, each after a colon.
    pub options: String,
}

/// How pictures of a shape become those of `target`.
pub fn conversion(shape: &Shape, target: Colour) -> Conversion {
    let samples = ffi::samples(shape.format);
    let (rgb, alpha) = samples.map_or((false, false), |samples| (samples.rgb, samples.alpha));
    if alpha {
        // Opacity is only blended in a few formats; this is one, and loses no step of any.
        let into_rgb = match rgb {
            true => String::new(),
            false => format!("scale=flags=bicubic{},", stated(shape, target)),
        };
        let options = format!(":alphablend=uniform_color{}", from_rgb(target));
        return Conversion { before: format!("{into_rgb}format=rgba64le,"), options };
    }
    let options = if rgb { from_rgb(target) } else { changes(shape.colour, target) };
    Conversion { before: String::new(), options }
}

/// Only what differs.
fn changes(source: Colour, target: Colour) -> String {
    let mut options = String::new();
    if source.full_range || target.full_range {
        options += &format!(":in_range={}:out_range={}", range(source), range(target));
    }
    if let (Some(from), Some(to)) = (matrix(source.matrix), matrix(target.matrix))
        && from != to
    {
        // The usual rounding would be off by up to three steps.
        return format!("+accurate_rnd{options}:in_color_matrix={from}:out_color_matrix={to}");
    }
    options
}

/// What a source does not say of itself is taken to be as in `target`.
fn stated(shape: &Shape, target: Colour) -> String {
    let matrix = matrix(shape.colour.matrix).or_else(|| matrix(target.matrix)).unwrap_or("smpte170m");
    format!(":in_range={}:in_color_matrix={matrix}", range(shape.colour))
}

/// How pictures of a shape become red, green and blue of their own colours; high dynamic range is BT.2020's.
pub fn to_rgb(shape: &Shape) -> Conversion {
    let rgb = ffi::samples(shape.format).is_some_and(|samples| samples.rgb);
    let matrix = matrix(shape.colour.matrix).unwrap_or("bt2020");
    let options = match rgb {
        true => String::new(),
        false => format!(":in_range={}:in_color_matrix={matrix}", range(shape.colour)),
    };
    Conversion { before: String::new(), options }
}

/// Filters that make a still picture red, green, blue and opacity; each ends with a comma.
pub fn to_rgba(shape: &Shape) -> String {
    let rgb = ffi::samples(shape.format).is_some_and(|samples| samples.rgb);
    // JPEG and WebP mean the matrix of BT.601 where they say nothing.
    let matrix = matrix(shape.colour.matrix).unwrap_or("smpte170m");
    match rgb {
        true => "format=rgba,".to_owned(),
        false => {
            format!(
                "scale=flags=bicubic:in_range={}:in_color_matrix={matrix},format=rgba,",
                range(shape.colour)
            )
        }
    }
}

/// Options of a scaler that reads red, green and blue.
pub fn from_rgb(target: Colour) -> String {
    let matrix = matrix(target.matrix).unwrap_or("smpte170m");
    format!(":out_color_matrix={matrix}:out_range={}", range(target))
}

fn range(colour: Colour) -> &'static str {
    if colour.full_range { "full" } else { "limited" }
}

/// The scaler's name of a matrix (ISO/IEC 23091-2, MatrixCoefficients); none: not known, or the scaler knows best.
fn matrix(code: u8) -> Option<&'static str> {
    match code {
        1 => Some("bt709"),
        4 => Some("fcc"),
        5 | 6 => Some("smpte170m"),
        7 => Some("smpte240m"),
        9 => Some("bt2020"),
        _ => None,
    }
}
