//! rav1e, the pure-Rust AV1 encoder, in this process. It codes one frame per packet in display order; scene
//! cuts are not looked for and it has no thread of its own, so that the same frames and settings always give the same
//! bytes.

mod settings;

use std::collections::VecDeque;

use ::rav1e::prelude::{
    Config, Context, EncoderStatus, FrameParameters, FrameType, FrameTypeOverride, Pixel as Depth,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use super::{Packet, VideoEncoder, VideoSettings};
use crate::error::{Error, Result};
use crate::fragment::{self, Codec};

/// A rav1e encoder.
pub struct Encoder {
    coder: Coder,
    header: Vec<u8>,
    waiting: VecDeque<Packet>,
}

/// The encoder by the size of a sample in memory.
enum Coder {
    Eight(Context<u8>),
    Ten(Context<u16>),
}

impl Encoder {
    /// Opens the encoder; a setting that it does not know is refused by name.
    pub fn open(settings: &VideoSettings) -> Result<Self> {
        let config = settings::configuration(settings)?;
        let header = sequence_header(Coder::new(&config, settings.pixel_format)?)?;
        let coder = Coder::new(&config, settings.pixel_format)?;
        Ok(Self { coder, header, waiting: VecDeque::new() })
    }
}

impl VideoEncoder for Encoder {
    fn codec(&self) -> Codec {
        Codec::Av1
    }

    fn header(&self) -> Result<Vec<u8>> {
        Ok(self.header.clone())
    }

    fn send(&mut self, frame: &mut frame::Video, key: bool, _time: i64) -> Result<()> {
        // rav1e holds a frame as long as its lookahead wants; packets that are ready make room.
        while let Some(packet) = self.coder.receive()? {
            self.waiting.push_back(packet);
        }
        self.coder.send(Some(frame), key)
    }

    fn finish(&mut self) -> Result<()> {
        self.coder.flush();
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Packet>> {
        match self.waiting.pop_front() {
            Some(packet) => Ok(Some(packet)),
            None => self.coder.receive(),
        }
    }
}

impl Coder {
    fn new(config: &Config, format: Pixel) -> Result<Self> {
        let refused = |error| Error::Profile(format!("rav1e refuses its settings: {error}"));
        match format {
            Pixel::YUV420P => Ok(Self::Eight(config.new_context().map_err(refused)?)),
            _ => Ok(Self::Ten(config.new_context().map_err(refused)?)),
        }
    }

    fn send(&mut self, frame: Option<&frame::Video>, key: bool) -> Result<()> {
        match self {
            Self::Eight(context) => send(context, frame, key),
            Self::Ten(context) => send(context, frame, key),
        }
    }

    fn flush(&mut self) {
        match self {
            Self::Eight(context) => context.flush(),
            Self::Ten(context) => context.flush(),
        }
    }

    fn receive(&mut self) -> Result<Option<Packet>> {
        match self {
            Self::Eight(context) => receive(context),
            Self::Ten(context) => receive(context),
        }
    }
}

/// Copies the picture (none: an empty one) and queues it.
fn send<T: Depth>(context: &mut Context<T>, picture: Option<&frame::Video>, key: bool) -> Result<()> {
    let mut frame = context.new_frame();
    for (index, plane) in frame.planes.iter_mut().enumerate().take(picture.map_or(0, |_| 3)) {
        let picture = picture.expect("planes are only visited with a picture");
        plane.copy_from_raw_u8(picture.data(index), picture.stride(index), size_of::<T>());
    }
    let frame_type_override = if key { FrameTypeOverride::Key } else { FrameTypeOverride::No };
    let parameters = FrameParameters { frame_type_override, ..Default::default() };
    context.send_frame((frame, parameters)).map_err(failed)
}

fn receive<T: Depth>(context: &mut Context<T>) -> Result<Option<Packet>> {
    loop {
        match context.receive_packet() {
            Ok(packet) => {
                let key = packet.frame_type == FrameType::KEY;
                return Ok(Some(Packet { data: packet.data, key, frame: packet.input_frameno }));
            }
            // A frame that is not shown yet was coded: it comes with a later packet.
            Err(EncoderStatus::Encoded) => {}
            Err(EncoderStatus::NeedMoreData | EncoderStatus::LimitReached) => return Ok(None),
            Err(status) => return Err(failed(status)),
        }
    }
}

fn failed(status: EncoderStatus) -> Error {
    Error::Internal(format!("rav1e failed: {status}"))
}

/// The sequence header, which rav1e hands out with a keyframe only: it depends on the settings alone, so that
/// one of an empty picture serves.
fn sequence_header(mut coder: Coder) -> Result<Vec<u8>> {
    coder.send(None, true)?;
    coder.flush();
    let packet = coder.receive()?.ok_or_else(|| Error::Internal("rav1e gave no packet".into()))?;
    fragment::sequence_header(&packet.data)
}
