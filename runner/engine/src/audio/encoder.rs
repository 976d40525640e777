//! Audio encoders of libavcodec: samples in any number go in, packets of a fixed length come out.

use ffmpeg_next::codec::{Context, Flags};
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::{ChannelLayout, Packet, encoder, frame};

use super::pcm::{Queue, Shape};
use crate::error::{Error, Result};
use crate::ffi;
use crate::fragment::AudioCodec;

/// The only rate at which Opus counts samples (RFC 7845 §4).
const OPUS_RATE_HZ: u32 = 48_000;

/// What an encoder is opened with.
#[derive(Clone, Debug)]
pub(super) struct Settings<'a> {
    pub encoder: &'a str,
    pub bitrate_bps: u32,
    pub sample_rate_hz: u32,
    pub channel_count: u32,
}

/// An open encoder.
pub(super) struct Encoder {
    encoder: encoder::audio::Audio,
    codec: AudioCodec,
    queue: Queue,
    shape: Shape,
    frame_samples: usize,
    sent: i64,
}

/// A coded frame.
pub(super) struct Coded {
    pub data: Vec<u8>,
    /// In samples; the priming comes before 0.
    pub pts: i64,
}

impl Encoder {
    /// Opens "aac" or "libopus".
    pub fn open(settings: &Settings<'_>) -> Result<Self> {
        let name = settings.encoder;
        let (codec, format, frame_samples, options) = match name {
            "aac" => (AudioCodec::Aac, Sample::F32(Type::Planar), 1024, vec![]),
            "libopus" => {
                let options = vec![("frame_duration", "20".to_owned()), ("vbr", "on".to_owned())];
                (AudioCodec::Opus, Sample::F32(Type::Packed), 960, options)
            }
            other => return Err(Error::Profile(format!("there is no audio encoder {other}"))),
        };
        if codec == AudioCodec::Opus && settings.sample_rate_hz != OPUS_RATE_HZ {
            return Err(Error::Profile(format!(
                "Opus needs {OPUS_RATE_HZ} Hz, not {}",
                settings.sample_rate_hz
            )));
        }
        let layout = ChannelLayout::default(settings.channel_count as i32);
        let shape = Shape { format, layout, sample_rate_hz: settings.sample_rate_hz };
        let encoder = open(settings, shape, &options)?;
        Ok(Self { encoder, codec, queue: Queue::new(shape), shape, frame_samples, sent: 0 })
    }

    pub fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// What [`Encoder::push`] takes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Samples of a packet.
    pub fn frame_samples(&self) -> usize {
        self.frame_samples
    }

    /// Samples that were pushed.
    pub fn sample_count(&self) -> u64 {
        self.sent as u64 + self.queue.sample_count() as u64
    }

    pub fn header(&self) -> Vec<u8> {
        ffi::extradata(&self.encoder)
    }

    /// Takes the first `count` samples of a frame and returns the packets that are ready.
    pub fn push(&mut self, samples: &frame::Audio, count: usize) -> Result<Vec<Coded>> {
        self.queue.push(samples, count);
        let mut ready = Vec::new();
        while self.queue.sample_count() >= self.frame_samples {
            self.send_frame(self.frame_samples)?;
            self.drain(&mut ready)?;
        }
        Ok(ready)
    }

    /// Encodes what is left, with silence up to a whole frame, and returns the last packets.
    pub fn finish(&mut self) -> Result<Vec<Coded>> {
        let mut ready = Vec::new();
        let left = self.queue.sample_count();
        if left > 0 {
            self.send_frame(left)?;
        }
        self.encoder.send_eof().map_err(failed)?;
        self.drain(&mut ready)?;
        Ok(ready)
    }

    fn send_frame(&mut self, sounding: usize) -> Result<()> {
        let mut frame = self.queue.pop(self.frame_samples);
        frame.set_pts(Some(self.sent));
        self.sent += sounding as i64;
        self.encoder.send_frame(&frame).map_err(failed)
    }

    fn drain(&mut self, ready: &mut Vec<Coded>) -> Result<()> {
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => {}
                Err(ffmpeg_next::Error::Eof | ffmpeg_next::Error::Other { errno: EAGAIN }) => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
            let data = packet.data().unwrap_or_default().to_vec();
            let pts = packet.pts().ok_or_else(|| Error::Internal("an audio packet has no time".into()))?;
            ready.push(Coded { data, pts });
        }
    }
}

fn open(settings: &Settings<'_>, shape: Shape, options: &[(&str, String)]) -> Result<encoder::audio::Audio> {
    let name = settings.encoder;
    let library = encoder::find_by_name(name)
        .ok_or_else(|| Error::Runner(format!("FFmpeg on this machine lacks the encoder {name}")))?;
    let context = Context::new_with_codec(library).encoder().audio();
    let mut encoder = context.map_err(|error| Error::machinery("cannot set up the encoder", error))?;
    encoder.set_rate(shape.sample_rate_hz as i32);
    encoder.set_format(shape.format);
    encoder.set_channel_layout(shape.layout);
    encoder.set_bit_rate(settings.bitrate_bps as usize);
    encoder.set_time_base((1, shape.sample_rate_hz as i32));
    encoder.set_flags(Flags::GLOBAL_HEADER | Flags::BITEXACT);
    let refused = |error| Error::Profile(format!("{name} refuses its settings: {error}"));
    let left = ffi::open_codec(&mut encoder, library, options).map_err(refused)?;
    match left.first() {
        Some(option) => Err(Error::Profile(format!("{name} has no setting \"{option}\""))),
        None => Ok(encoder),
    }
}

fn failed(error: ffmpeg_next::Error) -> Error {
    Error::machinery("the sound cannot be encoded", error)
}
