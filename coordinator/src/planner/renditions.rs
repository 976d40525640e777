//! Renditions: which sizes at which rates, and every encoder setting that changes bytes.

use std::collections::BTreeMap;

use flotilla_profiles::{
    ExactRendition, Picture, Size, VideoRules, cap_bps, exact_size, limited_fps, rungs, video_encoder,
};

use super::grid::{Frames, Pace};
use super::{check, colour};
use crate::domain::plan::{Rendition, SourcePicture};
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};

/// Rates are options of type int to encoders.
pub(super) const MAX_RATE_BPS: u64 = i32::MAX as u64;

/// Pixels more oblong than this are taken for a mistake of the container.
const MAX_ASPECT: i64 = 8;

/// Squared pixels make no picture wider than this.
const MAX_STRETCHED_WIDTH: u64 = 8192;

/// Nominal rates above this are part of a rendition's name.
const UNNAMED_FPS: i64 = 30;

/// Nobody asks for more frames a second.
const MAX_EXACT_FPS: u32 = 1000;

/// A rendition's size and pace, before grids are numbered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) size: Size,
    pub(super) pace: Pace,
}

/// The picture as shown: upright, with square pixels.
pub(super) fn shown_size(stream: &VideoStream) -> Size {
    let (width, height) = (u64::from(stream.width), u64::from(stream.height));
    let square = squared(width, height, stream.sample_aspect_ratio);
    match stream.rotation_degrees {
        90 | 270 => Size { width: square.height, height: square.width },
        _ => square,
    }
}

/// Rows are kept and columns stretched, unless that makes more pixels than encoders take: then rows are lost.
fn squared(width: u64, height: u64, aspect: Option<Rational>) -> Size {
    let size = |width: u64, height: u64| Size {
        width: u32::try_from(width.max(1)).unwrap_or(u32::MAX),
        height: u32::try_from(height.max(1)).unwrap_or(u32::MAX),
    };
    let aspect = aspect.filter(|aspect| {
        let (across, up) = (aspect.numerator, aspect.denominator);
        across > 0 && up > 0 && across / MAX_ASPECT <= up && up / MAX_ASPECT <= across
    });
    let parts = aspect.and_then(|aspect| {
        Some((u64::try_from(aspect.numerator).ok()?, u64::try_from(aspect.denominator).ok()?))
    });
    let Some((across, up)) = parts else { return size(width, height) };
    let stretched = rounded(width, across, up);
    if stretched <= MAX_STRETCHED_WIDTH.max(width) {
        size(stretched, height)
    } else {
        size(width, rounded(height, up, across))
    }
}

fn rounded(pixels: u64, numerator: u64, denominator: u64) -> u64 {
    let (pixels, numerator, denominator) =
        (u128::from(pixels), u128::from(numerator), u128::from(denominator));
    u64::try_from((2 * pixels * numerator + denominator) / (2 * denominator)).unwrap_or(u64::MAX)
}

/// What runners must know of the source's pictures.
pub(super) fn source_picture(stream: &VideoStream) -> SourcePicture {
    SourcePicture {
        mirrored: stream.picture.mirrored,
        sample_aspect_ratio: stream
            .picture
            .fixed_aspect
            .then(|| stream.sample_aspect_ratio.unwrap_or(Rational { numerator: 1, denominator: 1 })),
        colour: colour::source_colour(stream),
        fields: stream.picture.fields,
    }
}

/// The ladder of a source, largest first.
pub(super) fn steps(shown: Size, frames: &Frames<'_>, rules: &VideoRules) -> Result<Vec<Step>, Failure> {
    if !rules.exact.is_empty() {
        return exact_steps(shown, frames, &rules.exact);
    }
    let pace = |size: Size, is_own: bool| match is_own && rules.keep_source_size {
        true => Pace::Own,
        false => frames.pace(limited_fps(frames.fps(), size.short_side(), rules.frame_rate)),
    };
    let step = |(size, is_own)| Step { size, pace: pace(size, is_own) };
    Ok(rungs(shown, rules).into_iter().map(step).collect())
}

/// What was asked for, whatever the source is like.
fn exact_steps(shown: Size, frames: &Frames<'_>, wanted: &[ExactRendition]) -> Result<Vec<Step>, Failure> {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    wanted.dedup();
    let step = |rendition: ExactRendition| {
        let ExactRendition { short_side, fps } = rendition;
        let size = exact_size(shown, short_side.max(2));
        let fits =
            short_side >= 2 && short_side.is_multiple_of(2) && size.width.max(size.height) <= check::MAX_SIDE;
        if !fits || !(1..=MAX_EXACT_FPS).contains(&fps) {
            let message = format!(
                "the profile asks for {short_side}p at {fps} frames/s: short sides are even, long ones at most {} pixels, \
                 rates 1 to {MAX_EXACT_FPS}",
                check::MAX_SIDE
            );
            return Err(Failure { class: FailureClass::Profile, message });
        }
        Ok(Step { size, pace: frames.exact_pace(fps) })
    };
    wanted.into_iter().map(step).collect()
}

/// Renditions of one size at several low rates get their rates into their names: all but the first of a name.
pub(super) fn tell_apart(ladder: &mut [Rendition], rates: &[Rational]) {
    for at in 1..ladder.len() {
        if ladder[..at].iter().any(|earlier| earlier.name == ladder[at].name) {
            let rate = rates.get(ladder[at].grid_index as usize).map_or(0, |rate| rate.round());
            ladder[at].name = format!("{}p{rate}", ladder[at].short_side());
        }
    }
}

/// A rendition of a ladder's step on the grid with that number and rate.
pub(super) fn rendition(
    step: Step,
    (grid_index, frame_rate): (u32, Rational),
    (shown, input_bps): (Size, u64),
    rules: &VideoRules,
) -> Result<Rendition, Failure> {
    let fps = frame_rate.round().max(1);
    let picture = Picture {
        short_side: step.size.short_side(),
        source_width: shown.width,
        source_height: shown.height,
        fps: u32::try_from(fps).unwrap_or(1),
    };
    let cap = cap_bps(picture, input_bps, rules.rate).min(MAX_RATE_BPS);
    let suffix = if fps > UNNAMED_FPS { fps.to_string() } else { String::new() };
    Ok(Rendition {
        name: format!("{}p{suffix}", step.size.short_side()),
        grid_index,
        width: step.size.width,
        height: step.size.height,
        encoder: rules.encoder.clone(),
        settings: settings(rules, step.size.short_side(), cap)?,
        alternatives: Vec::new(),
        pixel_format: rules.pixel_format.clone(),
        max_bitrate_bps: cap,
    })
}

/// The profile's settings, its quality, and the cap, by the encoder's own names.
fn settings(rules: &VideoRules, short_side: u32, cap: u64) -> Result<BTreeMap<String, String>, Failure> {
    let encoder = video_encoder(&rules.encoder).ok_or_else(|| Failure {
        class: FailureClass::Profile,
        message: format!("the profile names the encoder {:?}, which nobody knows", rules.encoder),
    })?;
    let mut settings = rules.settings_for(short_side);
    for (name, value) in encoder.fixed {
        settings.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    if let Some(crf) = rules.crf {
        settings.insert("crf".to_owned(), crf.to_string());
    }
    if encoder.capped {
        let buffer = (u128::from(cap) * u128::from(rules.rate.buffer_percent) / 100).min(MAX_RATE_BPS.into());
        settings.insert("maxrate".to_owned(), cap.to_string());
        settings.insert("bufsize".to_owned(), buffer.to_string());
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::video;
    use super::*;

    fn check(coded: (u32, u32), aspect: (i64, i64), rotation_degrees: u32, expected: (u32, u32)) {
        let aspect = Rational { numerator: aspect.0, denominator: aspect.1 };
        let stream = video(coded.0, coded.1, (1, 25), 1, 10);
        let stream = VideoStream { sample_aspect_ratio: Some(aspect), rotation_degrees, ..stream };
        let shown = shown_size(&stream);
        assert_eq!((shown.width, shown.height), expected, "{coded:?} {aspect:?}");
    }

    #[test]
    fn pixels_are_squared_by_stretching_rows_then_turned() {
        check((720, 576), (64, 45), 0, (1024, 576));
        check((720, 576), (64, 45), 90, (576, 1024));
        check((640, 360), (2, 3), 0, (427, 360));
        check((1, 1), (1, 8), 0, (1, 1));
    }

    #[test]
    fn a_mistaken_or_huge_stretch_is_not_made() {
        check((640, 360), (100, 1), 0, (640, 360));
        check((640, 360), (-4, 3), 0, (640, 360));
        check((8192, 4320), (4, 1), 0, (8192, 1080));
        check((i32::MAX as u32, 2), (8, 1), 0, (i32::MAX as u32, 1));
    }
}
