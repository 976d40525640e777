//! A picture that was handed in beside the source: a whole file, which one decoder takes as one packet, so that no
//! demuxer has to guess at it.

use ffmpeg_next::codec::{Context, Id};
use ffmpeg_next::{Packet, decoder, frame};

use super::too_large;
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::{SharedInputs, lock};

/// Where the picture of a still-image video is found.
pub const INPUT: usize = 1;
/// How the files begin that are taken, each with its offset.
const KINDS: [(usize, &[u8], Id); 3] =
    [(0, b"\xff\xd8\xff", Id::MJPEG), (0, b"\x89PNG\r\n\x1a\n", Id::PNG), (8, b"WEBP", Id::WEBP)];
/// Far more than a picture for a video needs, and far less than memory.
const MAX_BYTES: u64 = 32 << 20;

/// A picture, and FFmpeg's name of its codec.
pub struct Given {
    /// The decoded picture.
    pub picture: frame::Video,
    /// "mjpeg", "png", "webp".
    pub codec: &'static str,
}

/// Reads the picture of an input; one of more than `max_pixels` is refused.
pub fn read(inputs: &SharedInputs, input: usize, max_pixels: u64) -> Result<Given> {
    let bytes = whole(inputs, input)?;
    let begins = |(offset, head, _): &&(usize, &[u8], Id)| {
        bytes.get(*offset..).is_some_and(|rest| rest.starts_with(head))
    };
    let Some(&(.., id)) = KINDS.iter().find(begins) else {
        return Err(Error::Source("the picture is neither JPEG nor PNG nor WebP".into()));
    };
    let library = decoder::find(id)
        .ok_or_else(|| Error::Runner(format!("FFmpeg on this machine cannot decode {}", id.name())))?;
    let mut context = Context::new_with_codec(library);
    ffi::set_max_pixels(&mut context, max_pixels);
    let mut decoder = context.decoder().video().map_err(broken)?;
    let mut picture = frame::Video::empty();
    let sent = decoder.send_packet(&Packet::copy(&bytes)).and_then(|()| decoder.send_eof());
    match sent.and_then(|()| decoder.receive_frame(&mut picture)) {
        Ok(()) if ffi::is_damaged(&picture) => Err(broken(ffmpeg_next::Error::InvalidData)),
        Ok(()) => {
            let (width, height) = (picture.width(), picture.height());
            let pixels = u64::from(width) * u64::from(height);
            if pixels > max_pixels {
                return Err(too_large(width, height, max_pixels));
            }
            Ok(Given { picture, codec: id.name() })
        }
        Err(error) => Err(broken(error)),
    }
}

fn whole(inputs: &SharedInputs, input: usize) -> Result<Vec<u8>> {
    let mut inputs = lock(inputs);
    if input >= inputs.count() {
        return Err(Error::Internal("the plan wants a picture, and none was handed in".into()));
    }
    let size = inputs.size(input);
    if size > MAX_BYTES {
        let most = MAX_BYTES >> 20;
        return Err(Error::Source(format!("the picture has {size} bytes; at most {most} MiB are accepted")));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match inputs.read_at(input, filled as u64, &mut bytes[filled..])? {
            0 => return Err(Error::Transient("the picture ends before its end".into())),
            count => filled += count,
        }
    }
    Ok(bytes)
}

fn broken(error: ffmpeg_next::Error) -> Error {
    Error::reading("the picture cannot be decoded", error)
}
