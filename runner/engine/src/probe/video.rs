//! A video stream of a probed source.

use ffmpeg_next::Stream;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::stream::Disposition;

use super::times::Times;
use super::turn::Turn;
use super::{bitrate_bps, colour, look, rational, table};
use crate::error::{Error, Result};
use crate::ffi::{self, Parameters};
use crate::pipe::SharedInputs;
use crate::report::{self, BLOCK_FRAMES, DolbyVision, PictureFacts, VideoStream};
use crate::source::{self, Source};
use crate::spec::{Colour, Rational};

/// Describes a video stream; notes what a person should know.
pub fn describe(
    stream: &Stream,
    mut times: Times,
    inputs: &SharedInputs,
    max_pixels: u64,
    found: &mut report::Source,
) -> Result<VideoStream> {
    let index = stream.index();
    let attached_picture = stream.disposition().contains(Disposition::ATTACHED_PIC);
    let parameters = ffi::parameters(stream);
    times.shown = if attached_picture {
        Vec::new()
    } else {
        if parameters.width <= 0 || parameters.height <= 0 {
            return Err(no_size(stream, inputs, max_pixels, &found.demuxer));
        }
        let stream = table::Stream { inputs, demuxer: &found.demuxer, index, max_pixels };
        stream.table(&mut times, &mut found.notes)?
    };
    if times.shown.is_empty() && !attached_picture {
        return Err(Error::Source(format!("video stream {index} holds no frame")));
    }
    let turn = Turn::of(stream);
    if !attached_picture && !turn.is_quarter {
        found.notes.push(format!(
            "video stream {index} is turned by an odd angle; it is shown at the nearest right one"
        ));
    }
    let time_base = rational(stream.time_base());
    let mut described = VideoStream {
        index,
        codec: stream.parameters().id().name().to_owned(),
        width: parameters.width.max(0) as u32,
        height: parameters.height.max(0) as u32,
        sample_aspect_ratio: sample_aspect_ratio(&parameters),
        rotation_degrees: turn.degrees,
        pixel_format: name_of(parameters.pixel_format),
        time_base,
        frame_rate: frame_rate(stream, &times, time_base),
        colour: stated_colour(&parameters),
        interlaced: parameters.interlaced,
        picture: PictureFacts {
            mirrored: turn.mirrored,
            fixed_aspect: parameters.container_aspect_ratio.numerator() > 0,
            dolby_vision: dolby_vision(stream),
            ..PictureFacts::default()
        },
        attached_picture,
        is_default: stream.disposition().contains(Disposition::DEFAULT),
        keyframes: keyframes(&times),
        last_duration: last_duration(&times),
        block_bytes: if attached_picture { Vec::new() } else { times.block_bytes(BLOCK_FRAMES) },
        bitrate_bps: bitrate_bps(times.bytes, times.span(), time_base),
        pts: times.shown.iter().map(|(pts, ..)| *pts).collect(),
    };
    if !attached_picture {
        colour::complete(&mut described, inputs, max_pixels, &found.demuxer)?;
        look::at(&mut described, inputs, max_pixels, found)?;
    }
    Ok(described)
}

/// A decoder that was not allowed to look at a picture knows no size; the container may.
fn no_size(stream: &Stream, inputs: &SharedInputs, max_pixels: u64, demuxer: &str) -> Error {
    let index = stream.index();
    let stated = Source::open(inputs, demuxer)
        .and_then(|source| source::check_size(&ffi::parameters(&source.stream(index)?), max_pixels));
    let unknown = || Error::Source(format!("the pictures of video stream {index} have no size"));
    stated.err().unwrap_or_else(unknown)
}

fn keyframes(times: &Times) -> Vec<u32> {
    let keys = times.shown.iter().enumerate().filter(|(_, (.., key))| *key);
    keys.map(|(position, _)| position as u32).collect()
}

/// As stated, or, where a container does not, as long as the frame before.
fn last_duration(times: &Times) -> i64 {
    match times.shown.as_slice() {
        [.., (_, duration, _)] if *duration > 0 => *duration,
        [.., (before, ..), (last, ..)] => last - before,
        _ => 1,
    }
}

fn frame_rate(stream: &Stream, times: &Times, time_base: Rational) -> Rational {
    let stated = rational(stream.avg_frame_rate());
    if stated.numerator > 0 {
        return stated;
    }
    let span = match times.shown.as_slice() {
        [(first, ..), .., (last, ..)] => last - first,
        _ => 0,
    };
    let intervals = times.shown.len() as i64 - 1;
    if span <= 0 {
        return Rational { numerator: 0, denominator: 1 };
    }
    Rational { numerator: intervals * time_base.denominator, denominator: span * time_base.numerator }
}

/// What the container says counts before what the coded pictures say, as in players.
fn sample_aspect_ratio(parameters: &Parameters) -> Option<Rational> {
    let stated = [parameters.container_aspect_ratio, parameters.sample_aspect_ratio];
    let ratio = stated.into_iter().map(rational).find(|ratio| ratio.numerator > 0)?;
    (ratio.numerator != ratio.denominator).then_some(ratio)
}

fn stated_colour(parameters: &Parameters) -> Colour {
    let [primaries, transfer, matrix] = parameters.colour;
    let full_range = parameters.full_range || name_of(parameters.pixel_format).starts_with("yuvj");
    Colour { primaries, transfer, matrix, full_range }
}

fn name_of(pixel_format: Pixel) -> String {
    pixel_format.descriptor().map(|descriptor| descriptor.name().to_owned()).unwrap_or_default()
}

/// The configuration record: version in two bytes, profile, level, three flags, compatibility of the base layer.
fn dolby_vision(stream: &Stream) -> Option<DolbyVision> {
    let data = stream.side_data().find(|data| data.kind() == side_data::Type::DOVI_CONF)?;
    let [_, _, profile, _, _, _, _, compatibility] = *data.data().first_chunk::<8>()?;
    Some(DolbyVision { profile, compatibility })
}
