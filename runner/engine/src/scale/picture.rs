//! What happens to pictures on their way to the renditions, in FFmpeg's filter language.

use ffmpeg_next::color;
use ffmpeg_next::frame;

use crate::encode::VideoSettings;
use crate::error::Result;
use crate::spec::{Colour, EncodeChunk, VideoRendition};

/// The graph of the largest renditions: upright, in the colours of the plan, then scaled.
pub fn from_source(first: &frame::Video, task: &EncodeChunk, group: &[VideoRendition]) -> String {
    let turn = match task.rotation_degrees {
        90 => "transpose=clock,",
        180 => "hflip,vflip,",
        270 => "transpose=cclock,",
        _ => "",
    };
    let target = group[0].colour;
    cascade(group, turn, &conversion(first, target))
}

/// The graph of renditions that are scaled from finished ones.
pub fn from_above(group: &[VideoRendition]) -> String {
    cascade(group, "", "")
}

/// An empty picture of a rendition's shape.
pub fn like(rendition: &VideoRendition) -> Result<frame::Video> {
    let mut like = frame::Video::empty();
    like.set_width(rendition.width);
    like.set_height(rendition.height);
    like.set_format(VideoSettings::of(rendition)?.pixel_format);
    Ok(like)
}

/// `[in]turn,scale…,split[out0][to1];[to1]scale…[out1]`
fn cascade(group: &[VideoRendition], turn: &str, conversion: &str) -> String {
    let mut description = String::new();
    for (index, rendition) in group.iter().enumerate() {
        let (input, before, options) = match index {
            0 => ("[in]".to_owned(), turn, conversion),
            _ => (format!(";[to{index}]"), "", ""),
        };
        let below = index + 1;
        let split = if below < group.len() {
            format!(",split[out{index}][to{below}]")
        } else {
            format!("[out{index}]")
        };
        let VideoRendition { width, height, pixel_format, colour, .. } = rendition;
        let range = if index > 0 && colour.full_range { ":in_range=full:out_range=full" } else { "" };
        description += &format!(
            "{input}{before}scale={width}:{height}:flags=bicubic{options}{range},format={pixel_format},setsar=1{split}"
        );
    }
    description
}

/// Scaler options that bring a source's colours to the plan's. Nothing is said where nothing changes, because then a
/// picture of the right size passes without being touched.
fn conversion(first: &frame::Video, target: Colour) -> String {
    let mut options = String::new();
    let format = first.format().descriptor().map_or("", |descriptor| descriptor.name());
    let source_full = first.color_range() == color::Range::JPEG || format.starts_with("yuvj");
    if source_full || target.full_range {
        let name = |full| if full { "full" } else { "limited" };
        options += &format!(":in_range={}:out_range={}", name(source_full), name(target.full_range));
    }
    if let (Some(source), Some(target)) = (source_matrix(first.color_space()), target_matrix(target.matrix))
        && source != target
    {
        options += &format!(":in_color_matrix={source}:out_color_matrix={target}");
    }
    options
}

/// The scaler's name; none: not known, or the scaler knows best.
fn source_matrix(space: color::Space) -> Option<&'static str> {
    match space {
        color::Space::BT709 => target_matrix(1),
        color::Space::FCC => target_matrix(4),
        color::Space::BT470BG | color::Space::SMPTE170M => target_matrix(6),
        color::Space::SMPTE240M => target_matrix(7),
        color::Space::BT2020NCL => target_matrix(9),
        _ => None,
    }
}

/// The same by code point (ISO/IEC 23091-2, MatrixCoefficients).
fn target_matrix(code: u8) -> Option<&'static str> {
    match code {
        1 => Some("bt709"),
        4 => Some("fcc"),
        5 | 6 => Some("smpte170m"),
        7 => Some("smpte240m"),
        9 => Some("bt2020"),
        _ => None,
    }
}
