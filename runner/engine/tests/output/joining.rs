//! The assemble task: concatenation, a progressive file, and what it refuses.

use flotilla_engine::error::Result;
use flotilla_engine::report::{Class, Report, Track};
use flotilla_engine::spec::{Assemble, EncodeAudio, Task};

use crate::pictures::{TIMESCALE, encode, grid_us, source};
use crate::support::{Folder, frame_times_us, run, run_counted, samples};

pub const FRAMES: u64 = 96;

pub fn chunks() -> (Vec<u8>, Vec<Vec<u8>>) {
    let source = source(&Folder::new(), FRAMES as u32);
    let (track, chunks) =
        encode(&source, "libx264", &[("preset", "veryfast"), ("bf", "3")], &[24, 72, FRAMES]);
    (track.init_segment, chunks)
}

fn audio() -> (Vec<u8>, Vec<u8>) {
    let (track, bytes) = tone(4, false, None, false);
    (track.init_segment, bytes)
}

/// Encodes so many seconds of a tone; as much of it as the limit says.
pub fn tone(seconds: u32, init_first: bool, fragment_limit: Option<u32>, copy: bool) -> (Track, Vec<u8>) {
    let input = format!("-f lavfi -i sine=f=500:r=48000:d={seconds} -c:a aac");
    let source = Folder::new().make("tone.mp4", &input);
    let task = EncodeAudio {
        stream_index: 0,
        demuxer: "mov".into(),
        encoder: "aac".into(),
        bitrate_bps: 96_000,
        sample_rate_hz: 48_000,
        channel_count: 1,
        start_ticks: 0,
        fragment_ticks: 96_000,
        language: String::new(),
        copy,
        first_pts: None,
        kept: Vec::new(),
        parts: Vec::new(),
        init_first,
        fragment_limit,
    };
    let (report, outputs) = run(&Task::EncodeAudio(task), vec![source]).unwrap();
    let Report::EncodeAudio(track) = report else { panic!("another report") };
    (track, outputs.concat())
}

#[test]
fn the_head_of_a_track_is_how_the_whole_track_begins() {
    for copy in [false, true] {
        let (whole, bytes) = tone(9, true, None, copy);
        let (head, start) = tone(9, true, Some(2), copy);
        assert_eq!(head.fragments[..], whole.fragments[..2]);
        assert_eq!((head.fragments.len(), &head.init_segment), (2, &whole.init_segment));
        assert!(start.len() < bytes.len() && bytes.starts_with(&start), "copied: {copy}");
        let (_, bare) = tone(9, false, None, copy);
        assert!(bytes == [&whole.init_segment[..], &bare].concat());
    }
}

#[test]
fn a_first_chunk_may_bring_the_init_segment_along() {
    let (init, mut chunks) = chunks();
    let expected = join(&init, &[], chunks.clone(), 3).unwrap();
    chunks[0] = [&init[..], &chunks[0]].concat();
    assert!(join(&init, &[], chunks, 3).unwrap() == expected, "both files");
}

fn join(init: &[u8], audio_init: &[u8], inputs: Vec<Vec<u8>>, count: usize) -> Result<Vec<Vec<u8>>> {
    run(&Task::Assemble(task(init, audio_init, count)), inputs).map(|(_, outputs)| outputs)
}

pub fn task(init: &[u8], audio_init: &[u8], count: usize) -> Assemble {
    Assemble {
        init_segment: init.to_vec(),
        chunk_count: count,
        sample_count: FRAMES,
        fragmented: true,
        progressive: true,
        audio_init_segment: audio_init.to_vec(),
        muxed: None,
    }
}

#[test]
fn concatenation_reads_every_byte_once() {
    let (init, chunks) = chunks();
    let fragmented = Task::Assemble(Assemble { progressive: false, ..task(&init, &[], 3) });
    let (_, outputs, read_bytes) = run_counted(&fragmented, chunks.clone()).unwrap();
    let chunks = chunks.concat();
    assert_eq!(read_bytes, chunks.len());
    assert_eq!(outputs, [[init, chunks].concat()]);
}

#[test]
fn a_joined_file_is_the_init_segment_and_the_chunks() {
    let (init, chunks) = chunks();
    let outputs = join(&init, &[], chunks.clone(), 3).unwrap();
    assert_eq!(outputs[0], [init, chunks.concat()].concat());
}

#[test]
fn a_progressive_file_has_its_index_first_and_exact_times() {
    let (init, mut inputs) = chunks();
    let (audio_init, sound) = audio();
    inputs.push(sound);
    let outputs = join(&init, &audio_init, inputs, 3).unwrap();
    let file = &outputs[1];
    let find = |kind: &[u8]| file.windows(4).position(|window| window == kind).unwrap();
    assert!(find(b"moov") < find(b"mdat"));
    let folder = Folder::new();
    let path = folder.write("progressive.mp4", file);
    assert_eq!(frame_times_us(&path, "v"), grid_us(FRAMES as usize));
    assert_eq!(frame_times_us(&path, "a")[0], 0);
    assert!((192_000..192_000 + 1024).contains(&samples(&path).len()));
    assert_eq!(TIMESCALE % 24, 0);
}

#[test]
fn a_chunk_that_does_not_follow_is_named() {
    let (init, chunks) = chunks();
    let swapped = vec![chunks[0].clone(), chunks[2].clone(), chunks[1].clone()];
    let error = join(&init, &[], swapped, 3).unwrap_err();
    assert_eq!(error.class(), Class::Verify);
    assert!(error.to_string().contains("chunk 1"), "{error}");

    let short = vec![chunks[0].clone(), chunks[1].clone()];
    let error = join(&init, &[], short, 2).unwrap_err();
    assert_eq!(error.to_string(), "the joined track has 72 samples, 96 are planned");

    let mut cut = chunks.clone();
    cut[2].pop();
    assert_eq!(join(&init, &[], cut, 3).unwrap_err().class(), Class::Verify);
}
