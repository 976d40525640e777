//! A look at what a device puts out: every keyframe is decoded by software and held against the picture that was sent.
//! Drivers that fail in silence are known, and a wrong picture that is published is worse than a task made again.

use std::collections::HashMap;

use ffmpeg_next::codec::Context;
use ffmpeg_next::{decoder, frame};

use super::{Packet, VideoEncoder};
use crate::error::{Error, Result};
use crate::ffi;
use crate::fragment::Codec;

/// Mean difference of brightness, of 256 steps, that an encode may make.
pub const MAX_DIFFERENCE: u64 = 12;

/// An encoder whose keyframes are looked at.
struct Watched {
    inner: Box<dyn VideoEncoder>,
    header: Vec<u8>,
    sent: u64,
    /// Pictures that were sent as keyframes, by number, until they come back.
    keys: HashMap<u64, frame::Video>,
}

/// Looks at all keyframes of an encoder.
pub fn over(inner: Box<dyn VideoEncoder>) -> Result<Box<dyn VideoEncoder>> {
    let header = inner.header()?;
    if header.is_empty() {
        return Err(Error::Device("the device's encoder gives no stream header".into()));
    }
    Ok(Box::new(Watched { inner, header, sent: 0, keys: HashMap::new() }))
}

impl VideoEncoder for Watched {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn header(&self) -> Result<Vec<u8>> {
        Ok(self.header.clone())
    }

    fn send(&mut self, frame: &mut frame::Video, key: bool, time: i64) -> Result<()> {
        if key {
            let kept = ffi::share(frame).map_err(|error| Error::machinery("cannot keep a picture", error))?;
            self.keys.insert(self.sent, kept);
        }
        self.sent += 1;
        self.inner.send(frame, key, time)
    }

    fn finish(&mut self) -> Result<()> {
        self.inner.finish()
    }

    fn receive(&mut self) -> Result<Option<Packet>> {
        let Some(packet) = self.inner.receive()? else { return Ok(None) };
        if let Some(sent) = self.keys.remove(&packet.frame) {
            let shown = decoded(self.inner.codec(), &self.header, &packet.data)?;
            match difference(&sent, &shown) {
                0..=MAX_DIFFERENCE => {}
                found => {
                    let frame = packet.frame;
                    let what = format!("frame {frame} differs by {found} of 256 steps from what was sent");
                    return Err(Error::Device(format!("the device's picture is wrong: {what}")));
                }
            }
        }
        Ok(Some(packet))
    }
}

/// FFmpeg's name of the software decoder.
pub fn decoder_name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "h264",
        Codec::Hevc => "hevc",
        Codec::Av1 => "libdav1d",
        Codec::Vp9 => "vp9",
    }
}

fn decoded(codec: Codec, header: &[u8], packet: &[u8]) -> Result<frame::Video> {
    let name = decoder_name(codec);
    let library = decoder::find_by_name(name)
        .ok_or_else(|| Error::Runner(format!("FFmpeg on this machine lacks the decoder {name}")))?;
    let unreadable = |error| Error::Device(format!("what the device made cannot be decoded: {error}"));
    let mut video = Context::new_with_codec(library).decoder().video().map_err(unreadable)?;
    let whole = [header, packet].concat();
    let mut picture = frame::Video::empty();
    let sent = video.send_packet(&ffmpeg_next::Packet::copy(&whole)).and_then(|()| video.send_eof());
    sent.and_then(|()| video.receive_frame(&mut picture)).map_err(unreadable)?;
    Ok(picture)
}

/// Mean difference of brightness, of 256 steps; the largest there is when the pictures are not alike in size and depth.
pub fn difference(one: &frame::Video, other: &frame::Video) -> u64 {
    let shape = |picture: &frame::Video| (picture.width(), picture.height(), sample_bytes(picture));
    if shape(one) != shape(other) || one.width() == 0 {
        return u64::MAX;
    }
    let (width, bytes) = (one.width() as usize, sample_bytes(one));
    let rows = |picture: &frame::Video| {
        let (stride, data) = (picture.stride(0), picture.data(0).to_vec());
        (0..picture.height() as usize).map(move |y| data[y * stride..][..width * bytes].to_vec())
    };
    let row = |(one, other): (Vec<u8>, Vec<u8>)| -> u64 {
        let samples = one.chunks_exact(bytes).zip(other.chunks_exact(bytes));
        samples.map(|(one, other)| u64::from(sample(one).abs_diff(sample(other)))).sum()
    };
    let sum: u64 = rows(one).zip(rows(other)).map(row).sum();
    let steps = if bytes == 2 { 4 } else { 1 };
    sum / (steps * u64::from(one.width()) * u64::from(one.height()))
}

fn sample_bytes(picture: &frame::Video) -> usize {
    use ffmpeg_next::format::Pixel;
    if picture.format() == Pixel::YUV420P10LE { 2 } else { 1 }
}

fn sample(bytes: &[u8]) -> u16 {
    match bytes {
        [byte] => u16::from(*byte),
        [low, high, ..] => u16::from_le_bytes([*low, *high]),
        [] => 0,
    }
}
