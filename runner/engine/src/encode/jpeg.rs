//! One picture as a JPEG (ITU-T T.81), with all its colour samples: small pictures of any size lie side by side.

use ffmpeg_next::codec::Context;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Packet, Rational, encoder, frame};

use crate::error::{Error, Result};
use crate::ffi;

/// What [`encode`] takes: full range, BT.601's matrix.
pub const FORMAT: Pixel = Pixel::YUVJ444P;
const ENCODER: &str = "mjpeg";
/// FFmpeg's scale from 1 to 31: no difference is seen between this and the original.
const QUALITY: &str = "2";

/// The bytes of a JPEG.
pub fn encode(picture: &frame::Video) -> Result<Vec<u8>> {
    let library = encoder::find_by_name(ENCODER)
        .ok_or_else(|| Error::Runner(format!("FFmpeg on this machine lacks the encoder {ENCODER}")))?;
    let context = Context::new_with_codec(library).encoder().video();
    let mut encoder = context.map_err(failed)?;
    encoder.set_width(picture.width());
    encoder.set_height(picture.height());
    encoder.set_format(FORMAT);
    encoder.set_time_base(Rational::new(1, 1));
    let options = [("qmin", QUALITY), ("qmax", QUALITY), ("threads", "1")];
    ffi::open_codec(&mut encoder, library, &options.map(|(name, value)| (name, value.to_owned())))
        .map_err(failed)?;
    let mut packet = Packet::empty();
    let sent = encoder.send_frame(picture).and_then(|()| encoder.send_eof());
    sent.and_then(|()| encoder.receive_packet(&mut packet)).map_err(failed)?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

fn failed(error: ffmpeg_next::Error) -> Error {
    Error::machinery("the picture cannot be written as a JPEG", error)
}
