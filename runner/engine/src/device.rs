//! Trials of hardware devices: a device that opens proves nothing, an encode that is looked at does. What FFmpeg says of
//! a refusal goes to standard error, where the daemon reads it.

use ffmpeg_next::codec::Context;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, Packet, decoder, encoder, frame, log};

use crate::ffi::{self, Device};
use crate::report::DeviceAnswer;
use crate::spec::{DeviceStep, DeviceTrial};

/// Above the least size of every chip that is known.
const SIZE: (u32, u32) = (640, 384);
const FRAME_COUNT: u32 = 8;
/// Mean difference of brightness, of 256 steps, that an encode may make.
const MAX_DIFFERENCE: u64 = 12;

type Tried<T> = Result<T, DeviceAnswer>;

/// Tries what the task names.
pub fn run(task: &DeviceTrial) -> DeviceAnswer {
    // Only at this level FFmpeg says which device it has taken.
    log::set_level(log::Level::Verbose);
    attempt(task).err().unwrap_or(DeviceAnswer::Works)
}

fn attempt(task: &DeviceTrial) -> Tried<()> {
    let device = open(task)?;
    match &task.step {
        DeviceStep::Open => Ok(()),
        DeviceStep::Encode { encoder } => {
            let packets = encode(encoder, task, device.as_ref())?;
            let codec = encoder.split('_').next().unwrap_or_default();
            compare(&decode(if codec == "av1" { "libdav1d" } else { codec }, &packets, None)?)
        }
        DeviceStep::Decode { codec } => {
            let sample = encode(sample_encoder(codec), task, None)?;
            compare(&decode(codec, &sample, device.as_ref())?)
        }
    }
}

/// The device of the task; none: its encoder finds it itself.
fn open(task: &DeviceTrial) -> Tried<Option<Device>> {
    match task.device.as_str() {
        "" => Ok(None),
        kind if !ffi::has_device_kind(kind) => Err(not_built(kind)),
        kind => Device::open(kind, task.node.as_deref()).map(Some).map_err(refused("the device")),
    }
}

fn sample_encoder(codec: &str) -> &'static str {
    match codec {
        "h264" => "libx264",
        "hevc" => "libx265",
        _ => "libsvtav1",
    }
}

/// Kinds whose encoders take pictures on the device only.
fn pictures_on(device: &str) -> Option<Pixel> {
    match device {
        "vaapi" => Some(Pixel::VAAPI),
        "vulkan" => Some(Pixel::VULKAN),
        _ => None,
    }
}

fn encode(name: &str, task: &DeviceTrial, device: Option<&Device>) -> Tried<Vec<Packet>> {
    let library = encoder::find_by_name(name).ok_or_else(|| not_built(name))?;
    let format = match (name.starts_with("lib"), task.bit_depth) {
        (true, 8) => Pixel::YUV420P,
        (true, _) => Pixel::YUV420P10LE,
        (false, 8) => Pixel::NV12,
        (false, _) => Pixel::P010LE,
    };
    let context = Context::new_with_codec(library).encoder().video();
    let mut video = context.map_err(refused("the encoder's context"))?;
    video.set_width(SIZE.0);
    video.set_height(SIZE.1);
    video.set_time_base((1, 24));
    video.set_frame_rate(Some((24, 1)));
    video.set_bit_rate(4_000_000);
    let on_device = device.and_then(|device| Some((device, pictures_on(&task.device)?)));
    video.set_format(on_device.map_or(format, |(_, on_device)| on_device));
    if let Some((device, on_device)) = on_device {
        let lent = device.lend_pictures(&mut video, on_device, format, SIZE);
        lent.map_err(refused("pictures on the device"))?;
    }
    ffi::open_codec(&mut video, library, &[]).map_err(refused(name))?;
    let mut packets = Vec::new();
    for number in 0..FRAME_COUNT {
        let mut picture = picture(format, number);
        if on_device.is_some() {
            picture = ffi::upload(&video, &picture).map_err(refused("a picture for the device"))?;
        }
        picture.set_pts(Some(number.into()));
        video.send_frame(&picture).map_err(refused(name))?;
        drain(|packet| video.receive_packet(packet), Packet::empty, &mut packets).map_err(refused(name))?;
    }
    video.send_eof().map_err(refused(name))?;
    drain(|packet| video.receive_packet(packet), Packet::empty, &mut packets).map_err(refused(name))?;
    Ok(packets)
}

/// The pictures of a stream; with a device, only if that has decoded them.
fn decode(name: &str, packets: &[Packet], device: Option<&Device>) -> Tried<Vec<frame::Video>> {
    let library = decoder::find_by_name(name).ok_or_else(|| not_built(name))?;
    let mut context = Context::new_with_codec(library);
    if let Some(device) = device {
        device.lend(&mut context);
    }
    let mut video = context.decoder().video().map_err(refused(name))?;
    let mut pictures = Vec::new();
    for packet in packets {
        video.send_packet(packet).map_err(refused(name))?;
        drain(|picture| video.receive_frame(picture), frame::Video::empty, &mut pictures)
            .map_err(refused(name))?;
    }
    video.send_eof().map_err(refused(name))?;
    drain(|picture| video.receive_frame(picture), frame::Video::empty, &mut pictures)
        .map_err(refused(name))?;
    match device {
        None => Ok(pictures),
        Some(_) => pictures.iter().map(downloaded).collect(),
    }
}

/// FFmpeg decodes in software without a word where a device does not know a stream.
fn downloaded(picture: &frame::Video) -> Tried<frame::Video> {
    let copy = ffi::download(picture).map_err(refused("a picture from the device"))?;
    copy.ok_or_else(|| wrong("software decoded it, not the device"))
}

fn drain<T>(
    mut receive: impl FnMut(&mut T) -> Result<(), Error>,
    empty: fn() -> T,
    received: &mut Vec<T>,
) -> Result<(), Error> {
    loop {
        let mut next = empty();
        match receive(&mut next) {
            Ok(()) => received.push(next),
            Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn compare(pictures: &[frame::Video]) -> Tried<()> {
    if pictures.len() != FRAME_COUNT as usize {
        return Err(wrong(&format!("{} of {FRAME_COUNT} pictures came back", pictures.len())));
    }
    let differences = (0..).zip(pictures).map(|(number, picture)| difference(picture, number));
    match differences.max().unwrap_or(u64::MAX) {
        0..=MAX_DIFFERENCE => Ok(()),
        found => Err(wrong(&format!("the pictures differ by {found} of 256 steps from what was sent"))),
    }
}

/// Mean difference of brightness from the picture that was sent, of 256 steps.
fn difference(picture: &frame::Video, number: u32) -> u64 {
    if (picture.width(), picture.height()) != SIZE {
        return u64::MAX;
    }
    let (stride, data) = (picture.stride(0), picture.data(0));
    let sample = |x: u32, y: u32| {
        let (x, row) = (x as usize, &data[y as usize * stride..]);
        let wide = |shift: u32| u16::from_le_bytes([row[2 * x], row[2 * x + 1]]) >> shift;
        match picture.format() {
            Pixel::YUV420P10LE => wide(2),
            Pixel::P010LE => wide(8),
            _ => row[x].into(),
        }
    };
    let places = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let sum: u64 = places.map(|(x, y)| u64::from(sample(x, y).abs_diff(brightness(x, y, number)))).sum();
    sum / u64::from(SIZE.0 * SIZE.1)
}

/// A soft slope that moves from picture to picture, within the limited range.
fn brightness(x: u32, y: u32, number: u32) -> u16 {
    let along = (x / 2 + y / 4 + 8 * number) % 400;
    (20 + along.min(400 - along)) as u16
}

fn picture(format: Pixel, number: u32) -> frame::Video {
    let mut picture = frame::Video::new(format, SIZE.0, SIZE.1);
    // Samples of 10 bits stand at the lower end in planar formats, at the upper end in those of devices.
    let shift = match format {
        Pixel::YUV420P10LE => Some(2),
        Pixel::P010LE => Some(8),
        _ => None,
    };
    for plane in 0..picture.planes() {
        let stride = picture.stride(plane);
        let value = |x, y| if plane == 0 { brightness(x, y, number) } else { 128 };
        for (y, row) in (0..).zip(picture.data_mut(plane).chunks_mut(stride)) {
            match shift {
                None => (0..).zip(row).for_each(|(x, sample)| *sample = value(x, y) as u8),
                Some(shift) => {
                    let samples = (0..).zip(row.chunks_exact_mut(2));
                    samples.for_each(|(x, sample)| {
                        sample.copy_from_slice(&(value(x, y) << shift).to_le_bytes());
                    });
                }
            }
        }
    }
    picture
}

fn refused(what: &str) -> impl Fn(Error) -> DeviceAnswer {
    move |error| DeviceAnswer::Refused { code: error.into(), message: format!("{what}: {error}") }
}

fn not_built(name: &str) -> DeviceAnswer {
    DeviceAnswer::NotBuilt { name: name.to_owned() }
}

fn wrong(what: &str) -> DeviceAnswer {
    DeviceAnswer::Wrong { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(device: &str, step: DeviceStep) -> DeviceTrial {
        DeviceTrial { device: device.into(), node: None, step, bit_depth: 8 }
    }

    fn encoded(bit_depth: u8, codec: &str) -> Vec<frame::Video> {
        let task = DeviceTrial { bit_depth, ..trial("", DeviceStep::Open) };
        decode(codec, &encode(sample_encoder(codec), &task, None).unwrap(), None).unwrap()
    }

    #[test]
    fn what_software_encodes_passes_the_look() {
        assert_eq!(compare(&encoded(8, "h264")), Ok(()));
        assert_eq!(compare(&encoded(10, "h264")), Ok(()));
    }

    #[test]
    fn pictures_that_are_missing_or_different_do_not_pass() {
        let pictures = encoded(8, "h264");
        assert!(matches!(compare(&pictures[1..]), Err(DeviceAnswer::Wrong { .. })));
        let still: Vec<_> = pictures.iter().map(|_| picture(Pixel::YUV420P, 0)).collect();
        assert!(matches!(compare(&still), Err(DeviceAnswer::Wrong { .. })));
    }

    #[test]
    fn software_that_steps_in_for_a_device_is_told() {
        let pictures = encoded(8, "h264");
        assert!(matches!(downloaded(&pictures[0]), Err(DeviceAnswer::Wrong { .. })));
    }

    #[test]
    fn a_kind_of_device_and_an_encoder_that_nobody_has_are_refused() {
        assert_eq!(run(&trial("fancy", DeviceStep::Open)), not_built("fancy"));
        let step = DeviceStep::Encode { encoder: "h264_fancy".into() };
        assert_eq!(run(&trial("", step)), not_built("h264_fancy"));
    }
}
