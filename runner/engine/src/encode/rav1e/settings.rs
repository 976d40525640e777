//! rav1e's settings as profiles name them, turned into its configuration.

use std::str::FromStr;

use ::rav1e::prelude::{
    ChromaSamplePosition, ColorDescription, ColorPrimaries, Config, EncoderConfig, MatrixCoefficients,
    PixelRange, Rational, SceneDetectionSpeed, TransferCharacteristics,
};
use ffmpeg_next::format::Pixel;

use crate::encode::VideoSettings;
use crate::error::{Error, Result};
use crate::spec::Colour;

/// Where "speed" is not set: a balance for tests and short clips, as rav1e's own default is.
const DEFAULT_SPEED: u8 = 6;
const MAX_SPEED: u8 = 10;
const MAX_QUANTIZER: usize = 255;
const MAX_TILES: usize = 64;

/// The whole configuration; all that could make bytes differ between machines is fixed here.
pub(super) fn configuration(settings: &VideoSettings) -> Result<Config> {
    let mut encoder =
        EncoderConfig::with_speed_preset(number(settings, "speed", MAX_SPEED)?.unwrap_or(DEFAULT_SPEED));
    for (name, value) in &settings.options {
        apply(settings, &mut encoder, name, value)?;
    }
    encoder.width = settings.width as usize;
    encoder.height = settings.height as usize;
    encoder.bit_depth = bit_depth(settings.pixel_format)?;
    encoder.time_base = time_base(settings)?;
    encoder.chroma_sample_position = ChromaSamplePosition::Unknown;
    encoder.pixel_range = if settings.colour.full_range { PixelRange::Full } else { PixelRange::Limited };
    encoder.color_description = colour(settings.colour);
    encoder.speed_settings.scene_detection_mode = SceneDetectionSpeed::None;
    encoder.set_key_frame_interval(settings.gop_frames.into(), settings.gop_frames.into());
    Ok(Config::new().with_encoder_config(encoder).with_threads(1))
}

fn apply(settings: &VideoSettings, encoder: &mut EncoderConfig, name: &str, value: &str) -> Result<()> {
    match name {
        // Read before, because it sets the defaults of all others.
        "speed" => {}
        "quantizer" => {
            encoder.quantizer = number(settings, name, MAX_QUANTIZER)?.unwrap_or(encoder.quantizer)
        }
        "bitrate" => encoder.bitrate = number(settings, name, i32::MAX)?.unwrap_or(0),
        "tiles" => encoder.tiles = number(settings, name, MAX_TILES)?.unwrap_or(0),
        "low_latency" => encoder.low_latency = number(settings, name, 1u8)? == Some(1),
        "threads" if value == "1" => {}
        "threads" => return Err(Error::Profile("rav1e: \"threads\" must be 1".into())),
        _ => return Err(Error::Profile(format!("rav1e has no setting \"{name}\""))),
    }
    Ok(())
}

/// A setting as a number of at most `most`; none: it is not set.
fn number<T: FromStr + PartialOrd + std::fmt::Display + Default>(
    settings: &VideoSettings,
    name: &str,
    most: T,
) -> Result<Option<T>> {
    let Some(text) = settings.options.get(name) else { return Ok(None) };
    match text.parse() {
        Ok(value) if value >= T::default() && value <= most => Ok(Some(value)),
        _ => Err(Error::Profile(format!(
            "rav1e: \"{name}\" must be a number from 0 to {most}, not \"{text}\""
        ))),
    }
}

fn bit_depth(format: Pixel) -> Result<usize> {
    match format {
        Pixel::YUV420P => Ok(8),
        Pixel::YUV420P10LE => Ok(10),
        other => Err(Error::Profile(format!("rav1e is not set up for pixel format {other:?}"))),
    }
}

fn time_base(settings: &VideoSettings) -> Result<Rational> {
    let rate = settings.frame_rate;
    match (u64::try_from(rate.numerator), u64::try_from(rate.denominator)) {
        (Ok(numerator), Ok(denominator)) if numerator > 0 && denominator > 0 => {
            Ok(Rational::new(denominator, numerator))
        }
        _ => Err(Error::Profile(format!(
            "rav1e takes no {}/{} frames a second",
            rate.numerator, rate.denominator
        ))),
    }
}

/// None when nothing is known. A code point that rav1e does not know is written as unspecified.
fn colour(colour: Colour) -> Option<ColorDescription> {
    let description = ColorDescription {
        color_primaries: named(&ColorPrimaries::variants(), |it: ColorPrimaries| {
            it as u8 == colour.primaries
        })
        .unwrap_or(ColorPrimaries::Unspecified),
        transfer_characteristics: named(
            &TransferCharacteristics::variants(),
            |it: TransferCharacteristics| it as u8 == colour.transfer,
        )
        .unwrap_or(TransferCharacteristics::Unspecified),
        matrix_coefficients: named(&MatrixCoefficients::variants(), |it: MatrixCoefficients| {
            it as u8 == colour.matrix
        })
        .unwrap_or(MatrixCoefficients::Unspecified),
    };
    let unknown = [colour.primaries, colour.transfer, colour.matrix].iter().all(|point| *point == 2);
    (!unknown).then_some(description)
}

fn named<T: FromStr + Copy>(names: &[&str], wanted: impl Fn(T) -> bool) -> Option<T> {
    names.iter().filter_map(|name| name.parse().ok()).find(|value| wanted(*value))
}
