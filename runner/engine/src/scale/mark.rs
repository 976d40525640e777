//! Pictures over the video: scaled, in the colours of the plan, and laid on by their own opacity. They lie on the finished
//! picture of the first rendition, bars included, and the renditions below are scaled from that.

use ffmpeg_next::{filter, frame};

use super::colour;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::spec::{Mark, Picture, VideoRendition};

const FILTER: &str = "overlay";

/// The graph's input of a mark's picture.
pub fn name(number: usize) -> String {
    format!("mark{number}")
}

/// What follows the picture that the marks lie on.
pub fn filters(marks: &[Mark], pictures: &[frame::Video], rendition: &VideoRendition) -> Result<String> {
    if marks.len() != pictures.len() {
        return Err(Error::Internal("a picture to lay over the video is missing".into()));
    }
    if !marks.is_empty() && filter::find(FILTER).is_none() {
        let message =
            format!("FFmpeg on this machine lacks the filter {FILTER}; install one that has all filters");
        return Err(Error::Runner(message));
    }
    let laid = marks.iter().zip(pictures).enumerate();
    laid.map(|(number, (mark, picture))| on_top(number, mark, picture, rendition)).collect()
}

fn on_top(number: usize, mark: &Mark, picture: &frame::Video, rendition: &VideoRendition) -> Result<String> {
    let Mark { width, height, left, top, .. } = mark;
    let format = rendition.pixel_format.as_str();
    // With opacity beside it, and what the filter calls it.
    let (with_opacity, blended) = match format {
        "yuv420p" => ("yuva420p", "yuv420"),
        "yuv420p10le" => ("yuva420p10le", "yuv420p10"),
        other => return Err(Error::Profile(format!("no picture can be laid over a video of {other}"))),
    };
    // Densities of print say nothing of pixels on a screen.
    let square = Picture {
        sample_aspect_ratio: Some(crate::spec::Rational { numerator: 1, denominator: 1 }),
        ..Picture::default()
    };
    let shape = Shape::of(picture, &square);
    let scale = format!("scale={width}:{height}:flags=bicubic{}", colour::from_rgb(rendition.colour));
    Ok(format!(
        "[under{number}];[{}]{}{scale},format={with_opacity}[over{number}];\
         [under{number}][over{number}]{FILTER}=x={left}:y={top}:format={blended},format={format}",
        name(number),
        colour::to_rgba(&shape),
    ))
}
