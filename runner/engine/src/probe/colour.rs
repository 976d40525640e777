//! Colours that the headers of a stream leave open: the container may state them, and so may the pictures themselves, which
//! only a decoder reads.

use super::look;
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::SharedInputs;
use crate::report::VideoStream;
use crate::source::Source;
use crate::source::frames::Frames;
use crate::spec::Colour;

/// ISO/IEC 23091-2.
const UNSPECIFIED: u8 = 2;

/// Adds what is known to what the headers said.
pub fn complete(
    stream: &mut VideoStream,
    inputs: &SharedInputs,
    max_pixels: u64,
    demuxer: &str,
) -> Result<()> {
    if stream.colour.transfer == UNSPECIFIED && stream.codec == "hevc" {
        // FFmpeg's H.265 decoder forgets what the container says of colours when the coded pictures say nothing.
        let source = Source::open(inputs, demuxer)?;
        add(&mut stream.colour, ffi::parameters(&source.stream(stream.index)?).colour);
    }
    if stream.colour.matrix == UNSPECIFIED {
        let first = of_first_picture(stream, inputs, max_pixels, demuxer)?;
        add(&mut stream.colour, first);
    }
    Ok(())
}

/// VP8 is always BT.601 (RFC 6386 §9.2), for example, and its decoder says so. A picture that cannot be decoded says nothing.
fn of_first_picture(
    stream: &VideoStream,
    inputs: &SharedInputs,
    max_pixels: u64,
    demuxer: &str,
) -> Result<[u8; 3]> {
    let task = look::decode(stream, None, max_pixels, demuxer);
    let first = Frames::of_chunk(inputs, &task, &stream.pts[..1]).and_then(|mut frames| frames.next_frame());
    match first {
        Ok(Some((_, frame))) => Ok(ffi::frame_colour(&frame)),
        Ok(None) | Err(Error::Source(_)) => Ok([UNSPECIFIED; 3]),
        Err(other) => Err(other),
    }
}

fn add(colour: &mut Colour, [primaries, transfer, matrix]: [u8; 3]) {
    let known = |own: u8, other: u8| if own == UNSPECIFIED { other } else { own };
    colour.primaries = known(colour.primaries, primaries);
    colour.transfer = known(colour.transfer, transfer);
    colour.matrix = known(colour.matrix, matrix);
}
