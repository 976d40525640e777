//! What happens to pictures on their way to the renditions, in FFmpeg's filter language.

use ffmpeg_next::frame;

use super::colour::{self, Conversion};
use super::fit::Fit;
use super::mark;
use super::shape::Shape;
use super::table;
use crate::encode::VideoSettings;
use crate::error::Result;
use crate::spec::{EncodeChunk, VideoRendition};

/// The graph of the largest renditions: upright, scaled, in the colours of the plan, under its marks. Where it tone-maps,
/// it reads the table from `[table]`.
pub fn from_source(
    shape: Shape,
    (task, marks): (&EncodeChunk, &[frame::Video]),
    group: &[VideoRendition],
) -> Result<String> {
    let VideoRendition { width, height, pixel_format, colour, .. } = &group[0];
    let size = (*width, *height);
    let fit = Fit::of(&shape, task.rotation_degrees, size);
    let is_hdr = table::transfer(&shape, *colour).is_some();
    let Conversion { before, options } =
        if is_hdr { colour::to_rgb(&shape) } else { colour::conversion(&shape, *colour) };
    // Scaled first: the table costs many times as much as the scaler.
    let scale = format!("scale={}:{}:flags=bicubic{options},", fit.width, fit.height);
    let tone = match is_hdr {
        true => format!(
            "format={}[light];[light][table]{},scale=flags=bicubic{},",
            table::FORMAT,
            table::filters()?,
            colour::from_rgb(*colour)
        ),
        false => String::new(),
    };
    let bars = match fit.fills(size) {
        true => String::new(),
        false => format!(",pad={width}:{height}:{}:{}:color=black", fit.left, fit.top),
    };
    let upright = upright(task);
    let under = mark::filters(&task.marks, marks, &group[0])?;
    let first = format!("[in]{upright}{before}{scale}{tone}format={pixel_format}{bars},setsar=1{under}");
    Ok(cascade(group, first))
}

/// The graph of renditions that are scaled from finished ones.
pub fn from_above(group: &[VideoRendition]) -> String {
    cascade(group, format!("[in]{}", scaled(&group[0], false)))
}

/// An empty picture of a rendition's shape.
pub fn like(rendition: &VideoRendition) -> Result<frame::Video> {
    let mut like = frame::Video::empty();
    like.set_width(rendition.width);
    like.set_height(rendition.height);
    like.set_format(VideoSettings::pixel_format(rendition)?);
    Ok(like)
}

/// Mirrored, then turned clockwise.
fn upright(task: &EncodeChunk) -> &'static str {
    match (task.rotation_degrees, task.picture.mirrored) {
        (90, false) => "transpose=clock,",
        (180, false) => "hflip,vflip,",
        (270, false) => "transpose=cclock,",
        (90, true) => "hflip,transpose=clock,",
        (180, true) => "vflip,",
        (270, true) => "hflip,transpose=cclock,",
        (_, true) => "hflip,",
        (_, false) => "",
    }
}

/// `[in]first,split[out0][to1];[to1]scale…[out1]`
fn cascade(group: &[VideoRendition], first: String) -> String {
    let mut description = first;
    for (index, _) in group.iter().enumerate() {
        let below = index + 1;
        description += &match group.get(below) {
            Some(next) => format!(",split[out{index}][to{below}];[to{below}]{}", scaled(next, true)),
            None => format!("[out{index}]"),
        };
    }
    description
}

fn scaled(rendition: &VideoRendition, below: bool) -> String {
    let VideoRendition { width, height, pixel_format, colour, .. } = rendition;
    let range = if below && colour.full_range { ":in_range=full:out_range=full" } else { "" };
    format!("scale={width}:{height}:flags=bicubic{range},format={pixel_format},setsar=1")
}
