//! Renditions: which sizes at which rates, and every encoder setting that changes bytes.

use std::collections::BTreeMap;

use flotilla_profiles::{Picture, Size, VideoRules, cap_bps, limited_fps, rungs, video_encoder};

use super::grid::{Frames, Pace};
use crate::domain::plan::Rendition;
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};

/// Rates are options of type int to encoders.
const MAX_RATE_BPS: u64 = i32::MAX as u64;

/// Pixels more oblong than this are taken for a mistake of the container.
const MAX_ASPECT: i64 = 8;

/// Nominal rates above this are part of a rendition's name.
const UNNAMED_FPS: i64 = 30;

/// A rendition's size and pace, before grids are numbered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) size: Size,
    pub(super) pace: Pace,
}

/// The picture as shown: upright, with square pixels.
pub(super) fn shown_size(stream: &VideoStream) -> Size {
    let aspect = stream.sample_aspect_ratio.filter(|aspect| {
        let (across, up) = (aspect.numerator, aspect.denominator);
        across > 0 && up > 0 && across / MAX_ASPECT <= up && up / MAX_ASPECT <= across
    });
    let width = aspect.map_or(stream.width, |aspect| {
        let up = 2 * i128::from(stream.width) * i128::from(aspect.numerator) + i128::from(aspect.denominator);
        u32::try_from(up / (2 * i128::from(aspect.denominator))).unwrap_or(stream.width).max(1)
    });
    match stream.rotation_degrees {
        90 | 270 => Size { width: stream.height, height: width },
        _ => Size { width, height: stream.height },
    }
}

/// The ladder of a source, largest first.
pub(super) fn steps(shown: Size, frames: &Frames<'_>, rules: &VideoRules) -> Vec<Step> {
    let pace = |size: Size, is_own: bool| match is_own && rules.keep_source_size {
        true => Pace::Own,
        false => frames.pace(limited_fps(frames.fps(), size.short_side(), rules.frame_rate)),
    };
    rungs(shown, rules).into_iter().map(|(size, is_own)| Step { size, pace: pace(size, is_own) }).collect()
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
