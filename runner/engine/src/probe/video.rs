//! A video stream of a probed source.

use ffmpeg_next::Stream;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::stream::Disposition;

use super::times::Times;
use super::{bitrate_bps, rational, table};
use crate::error::{Error, Result};
use crate::ffi::{self, Parameters};
use crate::pipe::SharedInputs;
use crate::report::{self, VideoStream};
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
        check_size(&parameters, index)?;
        let stream = table::Stream { inputs, demuxer: &found.demuxer, index, max_pixels };
        stream.table(&mut times, &mut found.notes)?
    };
    if times.shown.is_empty() && !attached_picture {
        return Err(Error::Source(format!("video stream {index} holds no frame")));
    }
    let time_base = rational(stream.time_base());
    Ok(VideoStream {
        index,
        codec: stream.parameters().id().name().to_owned(),
        width: parameters.width.max(0) as u32,
        height: parameters.height.max(0) as u32,
        sample_aspect_ratio: sample_aspect_ratio(&parameters),
        rotation_degrees: rotation_degrees(stream),
        pixel_format: name_of(parameters.pixel_format),
        time_base,
        frame_rate: frame_rate(stream, &times, time_base),
        colour: colour(&parameters),
        interlaced: parameters.interlaced,
        attached_picture,
        is_default: stream.disposition().contains(Disposition::DEFAULT),
        keyframes: keyframes(&times),
        last_duration: last_duration(&times),
        bitrate_bps: bitrate_bps(times.bytes, times.span(), time_base),
        pts: times.shown.iter().map(|(pts, ..)| *pts).collect(),
    })
}

fn check_size(parameters: &Parameters, index: usize) -> Result<()> {
    if parameters.width > 0 && parameters.height > 0 {
        return Ok(());
    }
    Err(Error::Source(format!(
        "video stream {index} states no size of its pictures, and no frame of it was found"
    )))
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

fn sample_aspect_ratio(parameters: &Parameters) -> Option<Rational> {
    let ratio = rational(parameters.sample_aspect_ratio);
    (ratio.numerator > 0 && ratio.numerator != ratio.denominator).then_some(ratio)
}

fn colour(parameters: &Parameters) -> Colour {
    let [primaries, transfer, matrix] = parameters.colour;
    let full_range = parameters.full_range || name_of(parameters.pixel_format).starts_with("yuvj");
    Colour { primaries, transfer, matrix, full_range }
}

fn name_of(pixel_format: Pixel) -> String {
    pixel_format.descriptor().map(|descriptor| descriptor.name().to_owned()).unwrap_or_default()
}

/// The display matrix (ISO/IEC 14496-12 §6.2.2) as the nearest clockwise quarter turn.
fn rotation_degrees(stream: &Stream) -> u32 {
    let matrix = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
    let Some(entries) = matrix.and_then(|data| data.data().first_chunk::<8>().copied()) else { return 0 };
    let entry =
        |at: usize| i64::from(i32::from_ne_bytes(entries[at..at + 4].try_into().expect("four bytes")));
    let (a, b) = (entry(0), entry(4));
    match (a.abs() >= b.abs(), a >= 0, b >= 0) {
        (true, true, _) => 0,
        (true, false, _) => 180,
        (false, _, true) => 90,
        (false, _, false) => 270,
    }
}
