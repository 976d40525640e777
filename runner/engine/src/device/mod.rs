//! Trials of hardware devices: a device that opens proves nothing, an encode that is looked at does. An encode is tried
//! with the very code and settings that real work uses. What FFmpeg says of a refusal goes to standard error, where the
//! daemon reads it.

mod clip;
mod decoding;

use std::time::Instant;

use ffmpeg_next::log;
use sha2::{Digest, Sha256};

use self::clip::Clip;
use crate::encode::{self, Packet, VideoEncoder, VideoSettings, hardware};
use crate::error::Error;
use crate::fragment::{Fragmenter, VideoConfig};
use crate::report::{DeviceAnswer, Proof};
use crate::spec::{Colour, DeviceName, DeviceStep, DeviceTrial, Rational};

const GOP_FRAMES: u32 = 4;
const BT709_LIMITED: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };
/// Hexadecimal digits of the digest of a stream header.
const HEADER_DIGITS: usize = 16;

type Tried<T> = Result<T, DeviceAnswer>;

/// Tries what the task names.
pub fn run(task: &DeviceTrial) -> DeviceAnswer {
    // Only at this level FFmpeg says which device it has taken.
    log::set_level(log::Level::Verbose);
    attempt(task).map_or_else(|answer| answer, DeviceAnswer::Works)
}

fn attempt(task: &DeviceTrial) -> Tried<Proof> {
    let clip = Clip::of(task.size, task.bit_depth);
    match &task.step {
        DeviceStep::Open => open(task),
        DeviceStep::Encode { encoder } => {
            let packets = encode(encoder, task, &clip)?;
            let pictures = decoding::software(packets.codec, &packets.stream())?;
            clip.compare(&pictures)?;
            Ok(packets.proof)
        }
        DeviceStep::Decode { codec } => {
            let sample =
                encode(sample_encoder(codec), &DeviceTrial { device: String::new(), ..task.clone() }, &clip)?;
            decoding::on_device(codec, &sample.stream(), &device_name(task), &clip)
        }
        DeviceStep::Sessions { encoder, most } => sessions(encoder, *most, task, &clip),
    }
}

fn open(task: &DeviceTrial) -> Tried<Proof> {
    #[cfg(debug_assertions)]
    if task.device == "test" {
        let folder = task.node.clone().unwrap_or_default();
        return encode::faulty::open_device(folder.as_ref()).map(|()| Proof::default()).map_err(told);
    }
    if task.device.is_empty() {
        return Ok(Proof::default());
    }
    decoding::open(&device_name(task)).map(|_| Proof::default())
}

fn device_name(task: &DeviceTrial) -> DeviceName {
    DeviceName { kind: task.device.clone(), node: task.node.clone() }
}

/// Software that makes a stream for a decoder to be tried with.
fn sample_encoder(codec: &str) -> &'static str {
    match codec {
        "h264" => "libx264",
        "hevc" => "libx265",
        _ => "libsvtav1",
    }
}

/// What came out of an encode.
struct Encoded {
    codec: crate::fragment::Codec,
    header: Vec<u8>,
    packets: Vec<Packet>,
    proof: Proof,
}

impl Encoded {
    /// Packets for a decoder, the header before the first.
    fn stream(&self) -> Vec<Vec<u8>> {
        let mut stream: Vec<_> = self.packets.iter().map(|packet| packet.data.clone()).collect();
        if let Some(first) = stream.first_mut() {
            *first = [self.header.as_slice(), first].concat();
        }
        stream
    }
}

fn encode(name: &str, task: &DeviceTrial, clip: &Clip) -> Tried<Encoded> {
    if !exists(name) {
        return Err(DeviceAnswer::NotBuilt { name: name.to_owned() });
    }
    let mut encoder = encode::open_unwatched(&settings(name, task, clip)).map_err(told)?;
    let (codec, header) = (encoder.codec(), encoder.header().map_err(told)?);
    let started = Instant::now();
    let packets = encode_clip(encoder.as_mut(), clip).map_err(told)?;
    let frames_per_second = per_second(clip.frame_count(), started);
    check(&packets, clip)?;
    init_segment(codec, &header, clip)?;
    let digits: String = Sha256::digest(&header).iter().map(|byte| format!("{byte:02x}")).collect();
    let header_digest = digits[..HEADER_DIGITS].to_owned();
    let proof = Proof { frames_per_second, header: header_digest, ..Proof::default() };
    Ok(Encoded { codec, header, packets, proof })
}

fn encode_clip(encoder: &mut dyn VideoEncoder, clip: &Clip) -> Result<Vec<Packet>, Error> {
    let mut packets = Vec::new();
    for number in 0..clip.frame_count() {
        let key = number.is_multiple_of(GOP_FRAMES);
        encoder.send(&mut clip.picture(number).clone(), key, number.into())?;
        while let Some(packet) = encoder.receive()? {
            packets.push(packet);
        }
    }
    encoder.finish()?;
    while let Some(packet) = encoder.receive()? {
        packets.push(packet);
    }
    Ok(packets)
}

/// What chunks need to be joined: every frame, keyframes where they were asked for and nowhere else, no frame in another GOP.
fn check(packets: &[Packet], clip: &Clip) -> Tried<()> {
    if packets.len() != clip.frame_count() as usize {
        return Err(wrong(&format!("{} of {} frames came back", packets.len(), clip.frame_count())));
    }
    let gop = u64::from(GOP_FRAMES);
    let strays = (0_u64..).zip(packets).find(|(number, packet)| {
        packet.key != number.is_multiple_of(gop) || packet.frame / gop != number / gop
    });
    match strays {
        Some((number, _)) => Err(wrong(&format!("it did not keep to the GOP at packet {number}"))),
        None => Ok(()),
    }
}

/// A header that makes no init segment would fail every chunk.
fn init_segment(codec: crate::fragment::Codec, header: &[u8], clip: &Clip) -> Tried<()> {
    let (width, height) = clip.size();
    let config = VideoConfig {
        codec,
        extradata: header.to_vec(),
        width,
        height,
        colour: BT709_LIMITED,
        timescale: 24,
        reorder_ticks: 0,
    };
    Fragmenter::new(config, 1, 0).map(drop).map_err(|error| wrong(&error.to_string()))
}

fn settings(name: &str, task: &DeviceTrial, clip: &Clip) -> VideoSettings {
    let (width, height) = clip.size();
    VideoSettings {
        encoder: name.to_owned(),
        width,
        height,
        pixel_format: clip.format(),
        frame_rate: Rational { numerator: 24, denominator: 1 },
        variable_timescale: None,
        gop_frames: GOP_FRAMES,
        colour: BT709_LIMITED,
        options: match hardware::is_hardware(name) {
            true => hardware::trial_options(name),
            false => crate::trial::options(name),
        },
        device: (!task.device.is_empty()).then(|| device_name(task)),
    }
}

/// Opens encoders one after the other and holds them.
fn sessions(name: &str, most: u32, task: &DeviceTrial, clip: &Clip) -> Tried<Proof> {
    let mut held = Vec::new();
    while held.len() < most as usize {
        let begun = encode::open_unwatched(&settings(name, task, clip)).and_then(|mut encoder| {
            // Some drivers set a session up only with its first picture.
            encoder.send(&mut clip.picture(0).clone(), true, 0)?;
            Ok(encoder)
        });
        match begun {
            Ok(encoder) => held.push(encoder),
            Err(error) if held.is_empty() => return Err(told(error)),
            Err(_) => break,
        }
    }
    Ok(Proof { sessions: u32::try_from(held.len()).unwrap_or(most), ..Proof::default() })
}

fn exists(name: &str) -> bool {
    let is_faulty = cfg!(debug_assertions) && name.ends_with("_test");
    let can_be_used = name.starts_with("lib") || hardware::is_hardware(name);
    is_faulty || can_be_used && ffmpeg_next::encoder::find_by_name(name).is_some()
}

fn per_second(count: u32, since: Instant) -> u32 {
    let micros = since.elapsed().as_micros().max(1);
    u32::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u32::MAX)
}

/// FFmpeg's own words go to standard error; this is what we make of them.
fn told(error: Error) -> DeviceAnswer {
    DeviceAnswer::Refused { code: -1, message: error.to_string() }
}

fn wrong(what: &str) -> DeviceAnswer {
    DeviceAnswer::Wrong { what: what.to_owned() }
}

#[cfg(test)]
mod tests;
