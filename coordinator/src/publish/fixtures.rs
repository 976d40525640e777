//! Hand-made tracks for the tests of this module.

use super::init::{InitFacts, Media};
use super::joined::{Joined, Placed};
use crate::domain::plan::AudioPlan;

/// Length of the made-up init segment.
pub const INIT_BYTES: usize = 900;

/// A video file of fragments given as (ticks, bytes).
pub fn joined(name: &str, timescale: u32, fragments: &[(u32, u32)]) -> Joined {
    let mut placed: Vec<Placed> = Vec::new();
    for &(duration, size_bytes) in fragments {
        let before = placed.last();
        placed.push(Placed {
            offset_bytes: before.map_or(INIT_BYTES as u64, |before| before.offset_bytes + before.size_bytes),
            decode_time: before.map_or(0, |before| before.decode_time + before.duration),
            size_bytes: size_bytes.into(),
            duration: duration.into(),
            starts_with_keyframe: true,
        });
    }
    let media = Media::Video { width: 1280, height: 720 };
    Joined {
        name: name.to_owned(),
        init_segment: vec![0; INIT_BYTES],
        facts: InitFacts { codecs: "avc1.64001f".into(), timescale, media },
        sample_count: placed.len() as u64,
        fragments: placed,
        chunk_starts: vec![0],
    }
}

/// The same for audio.
pub fn joined_audio(name: &str, timescale: u32, fragments: &[(u32, u32)]) -> Joined {
    let mut joined = joined(name, timescale, fragments);
    joined.facts =
        InitFacts { codecs: "mp4a.40.2".into(), timescale, media: Media::Audio { channel_count: 2 } };
    joined
}

/// A stereo AAC track.
pub fn audio_plan(name: &str, language: &str, title: &str, is_default: bool) -> AudioPlan {
    AudioPlan {
        name: name.to_owned(),
        stream_index: 1,
        encoder: "aac".into(),
        bitrate_bps: 128_000,
        sample_rate_hz: 48_000,
        channel_count: 2,
        start_ticks: 0,
        duration_ticks: 192_000,
        fragment_ticks: 96_000,
        language: language.to_owned(),
        title: title.to_owned(),
        is_default,
        copy: false,
        kept: vec![],
        parts: vec![],
        first_pts: None,
        is_commentary: false,
        is_description: false,
    }
}

/// A whole box.
pub fn boxed(code: &[u8; 4], children: &[&[u8]]) -> Vec<u8> {
    let payload = children.concat();
    let size = u32::try_from(payload.len() + 8).expect("test boxes are small");
    [&size.to_be_bytes()[..], code, &payload].concat()
}

/// A `moof` of one sample that carries its own flags, with the `mdat` of that sample.
pub fn fragment_head(sequence_number: u32, decode_time: u64, key: bool) -> Vec<u8> {
    let flags: u32 = if key { 0x0200_0000 } else { 0x0101_0000 };
    let mfhd = boxed(b"mfhd", &[&[0; 4], &sequence_number.to_be_bytes()]);
    let tfhd = boxed(b"tfhd", &[&0x0002_0000_u32.to_be_bytes(), &1_u32.to_be_bytes()]);
    let tfdt = boxed(b"tfdt", &[&0x0100_0000_u32.to_be_bytes(), &decode_time.to_be_bytes()]);
    let sample = [&1_u32.to_be_bytes()[..], &0_u32.to_be_bytes(), &flags.to_be_bytes()].concat();
    let trun = boxed(b"trun", &[&0x0000_0005_u32.to_be_bytes(), &sample]);
    let traf = boxed(b"traf", &[&tfhd, &tfdt, &trun]);
    [boxed(b"moof", &[&mfhd, &traf]), boxed(b"mdat", &[&[0; 16]])].concat()
}
