//! Trials of decoders: what a device decodes must be what software decodes, sample for sample, since it makes no
//! difference to the bytes of a rendition which of them did it.

use std::time::Instant;

use ffmpeg_next::codec::Context;
use ffmpeg_next::{Error, Packet, decoder, frame};

use super::clip::Clip;
use super::{Tried, per_second, wrong};
use crate::encode::look;
use crate::ffi::{self, Device};
use crate::fragment::Codec;
use crate::report::{DeviceAnswer, Proof};
use crate::semi_planar;
use crate::spec::DeviceName;

/// Opens a device.
pub fn open(name: &DeviceName) -> Tried<Device> {
    if !ffi::has_device_kind(&name.kind) {
        return Err(DeviceAnswer::NotBuilt { name: name.kind.clone() });
    }
    Device::open(&name.kind, name.node.as_deref()).map_err(refused("the device"))
}

/// The pictures of a stream.
pub fn software(codec: Codec, stream: &[Vec<u8>]) -> Tried<Vec<frame::Video>> {
    decode(look::decoder_name(codec), stream, None)
}

/// Decodes a stream on a device and by software, and holds the one against the other.
pub fn on_device(codec: &str, stream: &[Vec<u8>], name: &DeviceName, clip: &Clip) -> Tried<Proof> {
    let device = open(name)?;
    let started = Instant::now();
    let pictures = decode(codec, stream, Some(&device))?;
    let frames_per_second = per_second(clip.frame_count(), started);
    let own = match codec {
        "av1" => "libdav1d",
        other => other,
    };
    let started = Instant::now();
    let by_software = decode(own, stream, None)?;
    let software_frames_per_second = per_second(clip.frame_count(), started);
    clip.compare(&pictures)?;
    if !pictures.iter().zip(&by_software).all(|(one, other)| is_equal(one, other)) {
        return Err(wrong("the device decodes other pictures than software does"));
    }
    Ok(Proof { frames_per_second, software_frames_per_second, ..Proof::default() })
}

/// The pictures of a stream; with a device, only if that has decoded them.
pub fn decode(name: &str, stream: &[Vec<u8>], device: Option<&Device>) -> Tried<Vec<frame::Video>> {
    let library =
        decoder::find_by_name(name).ok_or_else(|| DeviceAnswer::NotBuilt { name: name.to_owned() })?;
    let mut context = Context::new_with_codec(library);
    if let Some(device) = device {
        device.lend(&mut context);
    }
    let mut video = context.decoder().video().map_err(refused(name))?;
    let mut pictures = Vec::new();
    let mut drain = |video: &mut decoder::Video| loop {
        let mut next = frame::Video::empty();
        match video.receive_frame(&mut next) {
            Ok(()) => pictures.push(next),
            Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => return Ok(()),
            Err(error) => return Err(error),
        }
    };
    for packet in stream {
        video.send_packet(&Packet::copy(packet)).map_err(refused(name))?;
        drain(&mut video).map_err(refused(name))?;
    }
    video.send_eof().map_err(refused(name))?;
    drain(&mut video).map_err(refused(name))?;
    match device {
        None => Ok(pictures),
        Some(_) => pictures.iter().map(downloaded).collect(),
    }
}

/// FFmpeg decodes in software without a word where a device does not know a stream.
pub fn downloaded(picture: &frame::Video) -> Tried<frame::Video> {
    let copy = ffi::download(picture).map_err(refused("a picture from the device"))?;
    let copy = copy.ok_or_else(|| wrong("software decoded it, not the device"))?;
    Ok(semi_planar::unpack(&copy))
}

fn is_equal(one: &frame::Video, other: &frame::Video) -> bool {
    let shape = |picture: &frame::Video| (picture.format(), picture.width(), picture.height());
    let rows = |picture: &frame::Video, plane: usize| {
        let bytes = if picture.format() == ffmpeg_next::format::Pixel::YUV420P10LE { 2 } else { 1 };
        let columns = picture.plane_width(plane) as usize * bytes;
        let rows = picture.data(plane).chunks(picture.stride(plane));
        let rows = rows.take(picture.plane_height(plane) as usize);
        rows.map(|row| row[..columns].to_vec()).collect::<Vec<_>>()
    };
    shape(one) == shape(other) && (0..3).all(|plane| rows(one, plane) == rows(other, plane))
}

fn refused(what: &str) -> impl Fn(Error) -> DeviceAnswer {
    move |error| DeviceAnswer::Refused { code: error.into(), message: format!("{what}: {error}") }
}
