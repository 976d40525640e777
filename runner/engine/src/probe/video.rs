//! A video stream of a probed source.

use ffmpeg_next::Stream;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::stream::Disposition;

use super::times::Times;
use super::{bitrate_bps, look, rational, table};
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
        colour: colour(&parameters),
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

fn colour(parameters: &Parameters) -> Colour {
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

/// The display matrix (ISO/IEC 14496-12 §6.2.2) as a mirroring and a clockwise turn after it.
struct Turn {
    mirrored: bool,
    /// The nearest quarter.
    degrees: u32,
    /// It is one, but for a few degrees.
    is_quarter: bool,
}

impl Turn {
    fn of(stream: &Stream) -> Self {
        let matrix = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
        let entries = matrix.and_then(|data| data.data().first_chunk::<20>().copied()).unwrap_or_default();
        let entry =
            |at: usize| i64::from(i32::from_ne_bytes(entries[at..at + 4].try_into().expect("four bytes")));
        Self::of_matrix([entry(0), entry(4), entry(12), entry(16)])
    }

    /// A pixel's step to the right goes by (a, b), one down by (c, d).
    fn of_matrix([a, b, c, d]: [i64; 4]) -> Self {
        let mirrored = i128::from(a) * i128::from(d) < i128::from(b) * i128::from(c);
        let (a, b) = if mirrored { (-a, -b) } else { (a, b) };
        let degrees = match (a.abs() >= b.abs(), a >= 0, b >= 0) {
            (true, true, _) => 0,
            (true, false, _) => 180,
            (false, _, true) => 90,
            (false, _, false) => 270,
        };
        let is_quarter = a.abs().min(b.abs()) <= a.abs().max(b.abs()) / 10;
        Self { mirrored, degrees, is_quarter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(matrix: [i64; 4], expected: (bool, u32, bool)) {
        let turn = Turn::of_matrix(matrix);
        assert_eq!((turn.mirrored, turn.degrees, turn.is_quarter), expected, "{matrix:?}");
    }

    #[test]
    fn a_matrix_is_a_mirroring_and_a_quarter_turn() {
        check([1, 0, 0, 1], (false, 0, true));
        check([0, 1, -1, 0], (false, 90, true));
        check([-1, 0, 0, -1], (false, 180, true));
        check([0, -1, 1, 0], (false, 270, true));
        check([-1, 0, 0, 1], (true, 0, true));
        check([1, 0, 0, -1], (true, 180, true));
        // Transposed: to the right goes down, down goes to the right.
        check([0, 1, 1, 0], (true, 270, true));
        check([0, -1, -1, 0], (true, 90, true));
    }

    #[test]
    fn odd_angles_and_empty_matrices_are_taken_as_the_nearest() {
        check([46_341, 46_341, -46_341, 46_341], (false, 0, false));
        check([30, 60, -60, 30], (false, 90, false));
        check([0, 0, 0, 0], (false, 0, true));
    }
}
