//! Which streams are read, and by which decoder. The demuxer skips the other streams, without their bytes where it can.

use ffmpeg_next::{Codec, Stream, codec, decoder};

use super::Source;
use crate::ffi;

impl Source {
    /// Skips all streams but these.
    pub fn keep_streams(&mut self, indexes: &[usize]) {
        ffi::keep_streams(&mut self.input, indexes);
    }
}

/// FFmpeg's own decoders of VP8 and VP9 drop the opacity that Matroska and WebM carry beside each picture (BlockAdditional,
/// RFC 9559 §5.1.3.5.2); libvpx's do not. None: the usual decoder.
pub fn decoder_of_opacity(stream: &Stream) -> Option<Codec> {
    let has_opacity =
        ["alpha_mode", "ALPHA_MODE"].iter().any(|name| stream.metadata().get(name) == Some("1"));
    let name = match stream.parameters().id() {
        codec::Id::VP8 if has_opacity => "libvpx",
        codec::Id::VP9 if has_opacity => "libvpx-vp9",
        _ => return None,
    };
    decoder::find_by_name(name)
}
