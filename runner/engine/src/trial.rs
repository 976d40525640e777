//! Trial encodes: a listing proves nothing, so an encoder is asked to encode a short clip made here. What it
//! puts out becomes its fingerprint: chunks of one rendition may only be encoded where the fingerprints are
//! equal.

use std::collections::BTreeMap;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use sha2::{Digest, Sha256};

use crate::audio;
use crate::encode::{self, VideoSettings};
use crate::error::{Error, Result};
use crate::report::Report;
use crate::spec::{Colour, Rational, Trial};

const WIDTH: u32 = 192;
const HEIGHT: u32 = 128;
const FRAME_COUNT: u32 = 24;
const GOP_FRAMES: u32 = 12;
/// Hexadecimal digits of the digest that make a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;
const BT709_LIMITED: Colour = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };

/// Encodes the fixed clip, or the fixed tone for an audio encoder. An encoder that is missing or does not
/// work here is this machine's failure, whatever the encoder calls it.
pub fn run(task: &Trial) -> Result<Report> {
    let encoder = task.encoder.as_str();
    let packets =
        if audio::is_encoder(encoder) { audio::tone_packets(encoder) } else { clip_packets(encoder) };
    let packets = packets.map_err(|error| Error::Runner(format!("{encoder} does not work here: {error}")))?;
    let mut digest = Sha256::new();
    for packet in &packets {
        digest.update((packet.len() as u64).to_be_bytes());
        digest.update(packet);
    }
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let fingerprint = digits[..FINGERPRINT_DIGITS].to_owned();
    Ok(Report::Trial { fingerprint, version: version(encoder, &packets) })
}

/// Stream header and packets of the fixed clip.
fn clip_packets(encoder: &str) -> Result<Vec<Vec<u8>>> {
    let mut video = encode::open(&VideoSettings {
        encoder: encoder.to_owned(),
        width: WIDTH,
        height: HEIGHT,
        pixel_format: Pixel::YUV420P,
        frame_rate: Rational { numerator: 24, denominator: 1 },
        variable_timescale: None,
        gop_frames: GOP_FRAMES,
        colour: BT709_LIMITED,
        options: options(encoder),
        device: None,
    })?;
    let mut packets = vec![video.header()?];
    for number in 0..FRAME_COUNT {
        video.send(&mut picture(number), number % GOP_FRAMES == 0, number.into())?;
        while let Some(packet) = video.receive()? {
            packets.push(packet.data);
        }
    }
    video.finish()?;
    while let Some(packet) = video.receive()? {
        packets.push(packet.data);
    }
    let coded = packets.len() - 1;
    if coded != FRAME_COUNT as usize {
        return Err(Error::Verify(format!("{coded} of {FRAME_COUNT} frames came back")));
    }
    Ok(packets)
}

/// Fast settings: what tells two builds apart shows at any speed.
pub fn options(encoder: &str) -> BTreeMap<String, String> {
    let (name, value) = match encoder {
        "libx264" | "libx265" => ("preset", "veryfast"),
        "libsvtav1" => ("preset", "10"),
        "libvpx-vp9" => ("deadline", "realtime"),
        "rav1e" => ("speed", "10"),
        _ => return BTreeMap::new(),
    };
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

/// A gradient that moves by two pixels a frame.
fn picture(number: u32) -> frame::Video {
    let mut frame = frame::Video::new(Pixel::YUV420P, WIDTH, HEIGHT);
    for plane in 0..3 {
        let scale = if plane == 0 { 1 } else { 2 };
        let stride = frame.stride(plane);
        let rows = frame.data_mut(plane).chunks_mut(stride).take((HEIGHT / scale) as usize);
        for (y, row) in rows.enumerate() {
            for (x, pixel) in row.iter_mut().enumerate().take((WIDTH / scale) as usize) {
                // Within the limited range, and different in each plane.
                *pixel = (16 + (x as u32 * scale + y as u32 * (plane as u32 + 1) + 2 * number) % 220) as u8;
            }
        }
    }
    frame
}

/// The encoder library as it names itself, else by its encoder's name, and the library through which it is called.
fn version(encoder: &str, packets: &[Vec<u8>]) -> String {
    if encoder == "rav1e" {
        return format!("rav1e {}", rav1e::version::short());
    }
    let library = packets.iter().find_map(|packet| encode::version::in_stream(packet));
    let library = library.unwrap_or_else(|| encoder.to_owned());
    let number = ffmpeg_next::codec::version();
    format!("{library}, libavcodec {}.{}.{}", number >> 16, number >> 8 & 0xff, number & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Class;

    fn fingerprint(encoder: &str) -> String {
        match run(&Trial { encoder: encoder.to_owned() }).unwrap() {
            Report::Trial { fingerprint, .. } => fingerprint,
            other => panic!("a trial answered {other:?}"),
        }
    }

    #[test]
    fn encoders_put_out_the_same_bytes_each_time_and_differ_from_each_other() {
        let encoders = ["libx264", "rav1e", "libsvtav1", "aac", "libopus"];
        let fingerprints = encoders.map(fingerprint);
        assert_eq!(fingerprints, encoders.map(fingerprint));
        for (index, one) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[index + 1..].contains(one), "{} is like another", encoders[index]);
        }
    }

    #[test]
    fn an_encoder_that_names_its_version_is_shown_with_it() {
        let Report::Trial { version, .. } = run(&Trial { encoder: "libx264".into() }).unwrap() else {
            panic!("another report")
        };
        assert!(version.starts_with("x264 core ") && version.contains(", libavcodec "), "{version}");
    }

    #[test]
    fn a_missing_encoder_is_the_machines_failure_with_a_reason() {
        let error = run(&Trial { encoder: "h264_fancy".into() }).unwrap_err();
        assert_eq!(error.class(), Class::Runner);
        assert!(error.to_string().contains("h264_fancy"), "{error}");
    }
}
