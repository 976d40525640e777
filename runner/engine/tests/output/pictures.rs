//! Video chunks, joined by concatenation: every frame once, at its time, over the seams.

use std::collections::BTreeMap;

use flotilla_engine::report::{Report, Track};
use flotilla_engine::spec::{Colour, EncodeChunk, GridSlice, Picture, Rational, Seek, Task, VideoRendition};

use crate::support::{Folder, frame_times_us, run, run_counted};

/// Of the sources made here: 24 frames a second in FFmpeg's usual timescale for that.
const TICKS: i64 = 512;
pub const TIMESCALE: u32 = 12_288;
pub const GOP_FRAMES: u32 = 24;

pub fn source(folder: &Folder, frames: u32) -> Vec<u8> {
    folder.make(
        "source.mp4",
        &format!(
            "-f lavfi -i testsrc2=s=192x128:r=24 -frames:v {frames} -pix_fmt yuv420p -c:v libx264 -g 24 -bf 2"
        ),
    )
}

pub fn chunk(encoder: &str, options: &[(&str, &str)], start: u64, end: u64, sequence_number: u32) -> Task {
    let times = (start..=end).map(|frame| frame as i64 * TICKS);
    let source_pts: Vec<_> = (start..end).map(|frame| frame as i64 * TICKS).collect();
    Task::EncodeChunk(EncodeChunk {
        stream_index: 0,
        demuxer: "mov".into(),
        seek_pts: (start > 0).then(|| source_pts[0]),
        grids: vec![GridSlice {
            first_frame: start,
            timescale: TIMESCALE,
            times: times.collect(),
            source_pts,
        }],
        renditions: vec![VideoRendition {
            name: "128p".into(),
            grid_index: 0,
            width: 192,
            height: 128,
            encoder: encoder.into(),
            gop_frames: GOP_FRAMES,
            frame_rate: Rational { numerator: 24, denominator: 1 },
            settings: settings(options),
            colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false },
            pixel_format: "yuv420p".into(),
            first_sequence_number: sequence_number,
            variable_rate: false,
        }],
        rotation_degrees: 0,
        interlaced: false,
        picture: Picture::default(),
        max_pixels: 1 << 24,
        still: None,
        init_first: false,
        jumps: Vec::new(),
        encode_on: None,
        decode_on: Default::default(),
        marks: Vec::new(),
    })
}

/// Encodes in chunks that end at these frames; the track of all, and the chunks' bytes.
pub fn encode(source: &[u8], encoder: &str, options: &[(&str, &str)], ends: &[u64]) -> (Track, Vec<Vec<u8>>) {
    let mut whole: Option<Track> = None;
    let mut chunks = Vec::new();
    let mut start = 0;
    for &end in ends {
        let task = chunk(encoder, options, start, end, 1 + (start as u32) / GOP_FRAMES);
        let (report, outputs) = run(&task, vec![source.to_vec()]).unwrap();
        let Report::EncodeChunk { renditions, .. } = report else { panic!("another report") };
        let [track] = renditions.try_into().unwrap();
        match &mut whole {
            None => whole = Some(track),
            Some(whole) => {
                assert_eq!(
                    whole.init_segment, track.init_segment,
                    "{encoder}: one init segment for all chunks"
                );
                whole.sample_count += track.sample_count;
                whole.fragments.extend(track.fragments);
            }
        }
        chunks.extend(outputs);
        start = end;
    }
    (whole.unwrap(), chunks)
}

pub fn grid_us(frames: usize) -> Vec<i64> {
    (0..frames as i64).map(|frame| (frame * 1_000_000 + 12) / 24).collect()
}

fn settings(options: &[(&str, &str)]) -> BTreeMap<String, String> {
    options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn check(encoder: &str, options: &[(&str, &str)], frames: u64) {
    let folder = Folder::new();
    let source = source(&folder, frames as u32);
    let (track, chunks) = encode(&source, encoder, options, &[frames / 2, frames]);
    assert_eq!(track.sample_count, frames);
    assert!(track.fragments.iter().all(|fragment| fragment.starts_with_keyframe));
    for path in folder.publish("video", &track, &chunks.concat(), TIMESCALE) {
        assert_eq!(frame_times_us(&path, "v"), grid_us(frames as usize), "{encoder} {path:?}");
    }
}

#[test]
fn h264_with_reordered_frames_is_exact_over_the_seam() {
    check("libx264", &[("preset", "veryfast"), ("bf", "3")], 96);
}

#[test]
fn h265_is_exact_over_the_seam() {
    check("libx265", &[("preset", "ultrafast"), ("x265-params", "log-level=none")], 96);
}

#[test]
fn svt_av1_is_exact_over_the_seam() {
    check("libsvtav1", &[("preset", "10")], 96);
}

#[test]
fn rav1e_is_exact_over_the_seam() {
    check("rav1e", &[("speed", "10")], 48);
}

#[test]
fn vp9_is_exact_over_the_seam() {
    check("libvpx-vp9", &[("deadline", "realtime"), ("cpu-used", "8"), ("auto-alt-ref", "0")], 96);
}

#[test]
fn a_setting_that_the_encoder_does_not_know_is_named() {
    let folder = Folder::new();
    let source = source(&folder, 24);
    for encoder in ["rav1e", "libx264"] {
        let task = chunk(encoder, &[("sped", "10")], 0, 24, 1);
        let error = run(&task, vec![source.clone()]).unwrap_err();
        assert!(error.to_string().contains("\"sped\""), "{error}");
    }
}

#[test]
fn a_jump_changes_what_is_decoded_and_nothing_else() {
    let folder = Folder::new();
    let source = source(&folder, 240);
    let Task::EncodeChunk(plain) = chunk("libx264", &[("preset", "ultrafast")], 0, 48, 1) else {
        panic!("a chunk")
    };
    let mut plain = plain;
    plain.grids[0].source_pts = (0..18).chain(200..230).map(|frame| frame * TICKS).collect();
    let jump = Seek { seek_pts: Some(192 * TICKS), pts: 200 * TICKS };
    let jumping = EncodeChunk { jumps: vec![jump], ..plain.clone() };
    let (report, outputs, read) = run_counted(&Task::EncodeChunk(plain), vec![source.clone()]).unwrap();
    let (jumped, fewer, less) = run_counted(&Task::EncodeChunk(jumping), vec![source]).unwrap();
    assert_eq!((report, outputs), (jumped, fewer));
    assert!(2 * less < read, "{less} bytes in place of {read}");
}
