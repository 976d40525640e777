//! Encoders behind one trait: frames in display order go in, packets in decode order come out. An encoder gives
//! neither decode times nor durations: those come from the plan's grid.

#[cfg(debug_assertions)]
pub mod faulty;
pub mod hardware;
pub mod jpeg;
pub mod libav;
pub mod look;
pub mod rav1e;
pub mod version;

use std::collections::BTreeMap;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::fragment::Codec;
use crate::spec::{Colour, DeviceName, Rational, VideoRendition};

/// What a video encoder is opened with; all of it changes bytes.
#[derive(Clone, Debug)]
pub struct VideoSettings {
    /// "libx264", "libsvtav1", "rav1e", …
    pub encoder: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Of the frames that will be sent.
    pub pixel_format: Pixel,
    /// Nominal, frames a second.
    pub frame_rate: Rational,
    /// Ticks per second of the times of frames that last differently long; none: each frame lasts as long as the rate says.
    pub variable_timescale: Option<u32>,
    /// Keyframe interval; the caller asks for each keyframe too.
    pub gop_frames: u32,
    /// Written into the bitstream.
    pub colour: Colour,
    /// By the encoder's own names; an unknown one is [`Error::Profile`].
    pub options: BTreeMap<String, String>,
    /// Where an encoder of a device finds it; changes no byte.
    pub device: Option<DeviceName>,
}

/// A coded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// As the encoder gives it: H.264 and H.265 as Annex B, AV1 as a temporal unit.
    pub data: Vec<u8>,
    /// Decoding can start here.
    pub key: bool,
    /// Which of the frames sent it shows, counted from 0.
    pub frame: u64,
}

/// An open video encoder.
pub trait VideoEncoder: Send {
    /// What it writes.
    fn codec(&self) -> Codec;

    /// Stream header, known before the first packet: H.264 and H.265 parameter sets as Annex B, the AV1 sequence
    /// header OBU; empty for codecs without one.
    fn header(&self) -> Result<Vec<u8>>;

    /// Sends the next frame in display order. `key` forces a closed-GOP keyframe. The frame's pixels are left alone,
    /// its timestamp and picture type may be overwritten. `time` counts ticks of the grid from the chunk's first frame.
    fn send(&mut self, frame: &mut frame::Video, key: bool, time: i64) -> Result<()>;

    /// No more frames will come.
    fn finish(&mut self) -> Result<()>;

    /// The next packet in decode order; none until more frames were sent, or, after [`VideoEncoder::finish`], at the
    /// end.
    fn receive(&mut self) -> Result<Option<Packet>>;
}

impl VideoSettings {
    /// The settings of a planned rendition.
    pub fn of(rendition: &VideoRendition, timescale: u32, device: Option<&DeviceName>) -> Result<Self> {
        Ok(Self {
            encoder: rendition.encoder.clone(),
            width: rendition.width,
            height: rendition.height,
            pixel_format: Self::pixel_format(rendition)?,
            frame_rate: rendition.frame_rate,
            variable_timescale: rendition.variable_rate.then_some(timescale),
            gop_frames: rendition.gop_frames,
            colour: rendition.colour,
            options: rendition.settings.clone(),
            device: device.cloned(),
        })
    }

    /// The pixel format that a planned rendition names.
    pub fn pixel_format(rendition: &VideoRendition) -> Result<Pixel> {
        let unknown = |_| {
            let message = format!("{}: no pixel format {}", rendition.name, rendition.pixel_format);
            Error::Profile(message)
        };
        rendition.pixel_format.parse().map_err(unknown)
    }
}

/// Opens the encoder that the settings name. What a device puts out is looked at.
pub fn open(settings: &VideoSettings) -> Result<Box<dyn VideoEncoder>> {
    let encoder = open_unwatched(settings)?;
    if hardware::is_hardware(&settings.encoder) { look::over(encoder) } else { Ok(encoder) }
}

/// The same for who looks at all of it.
pub fn open_unwatched(settings: &VideoSettings) -> Result<Box<dyn VideoEncoder>> {
    match settings.encoder.as_str() {
        "rav1e" => Ok(Box::new(rav1e::Encoder::open(settings)?)),
        #[cfg(debug_assertions)]
        name if name.ends_with(faulty::SUFFIX) => Ok(Box::new(faulty::Encoder::open(settings)?)),
        _ => Ok(Box::new(libav::Encoder::open(settings)?)),
    }
}
