//! Audio tracks: every sample once, the first at its time, whatever the codec holds back.

use flotilla_engine::report::{Report, Track};
use flotilla_engine::spec::{EncodeAudio, SampleSpan, Task};

use crate::support::{Folder, frame_times_us, run, samples};

const RATE_HZ: u32 = 48_000;
/// Half a second of silence, then a tone: the edge shows where sound lies.
const EDGE: &str = "-f lavfi -i aevalsrc=if(gte(t\\,0.5)\\,0.5*sin(2*PI*1000*t)\\,0):s=48000:d=2.5";

pub fn task(encoder: &str, stream_index: usize, start_ticks: u64) -> EncodeAudio {
    EncodeAudio {
        stream_index,
        demuxer: "mov".into(),
        encoder: encoder.into(),
        bitrate_bps: 128_000,
        sample_rate_hz: RATE_HZ,
        channel_count: 1,
        start_ticks,
        fragment_ticks: RATE_HZ / 2,
        language: "en".into(),
        copy: false,
        first_pts: None,
        kept: Vec::new(),
        parts: Vec::new(),
        init_first: false,
        fragment_limit: None,
    }
}

pub fn encode(task: EncodeAudio, source: &[u8]) -> (Track, Vec<u8>) {
    let (report, outputs) = run(&Task::EncodeAudio(task), vec![source.to_vec()]).unwrap();
    let Report::EncodeAudio(track) = report else { panic!("another report") };
    (track, outputs.concat())
}

/// Where the tone begins.
fn edge(samples: &[i16]) -> usize {
    samples.iter().position(|sample| sample.unsigned_abs() > 4000).expect("there is a tone")
}

/// Decodes both ways: the first sample at its time, priming gone, at most one codec frame of padding at the
/// end.
fn check(track: &Track, media: &[u8], sample_count: u64, codec_frame: usize, start_ticks: u64) {
    assert_eq!(track.sample_count, sample_count);
    let folder = Folder::new();
    for path in folder.publish("audio", track, media, RATE_HZ) {
        let decoded = samples(&path);
        let range = sample_count as usize..sample_count as usize + codec_frame;
        assert!(range.contains(&decoded.len()), "{} samples in {path:?}", decoded.len());
        assert!(edge(&decoded).abs_diff(24_000) < 64, "the tone starts at {} in {path:?}", edge(&decoded));
        let start_us = (start_ticks * 1_000_000 / u64::from(RATE_HZ)) as i64;
        let first = frame_times_us(&path, "a")[0];
        assert!((first - start_us).abs() < 100, "the first sample at {first} µs in {path:?}");
    }
}

#[test]
fn aac_and_opus_start_on_the_sample_and_lose_none() {
    let source = Folder::new().make("source.mov", &format!("{EDGE} -c:a pcm_s16le"));
    for (encoder, codec_frame) in [("aac", 1024), ("libopus", 960)] {
        for start_ticks in [0, 4800] {
            let (track, media) = encode(task(encoder, 0, start_ticks), &source);
            check(&track, &media, 120_000, codec_frame, start_ticks);
        }
    }
}

#[test]
fn a_copied_track_keeps_its_bytes_and_its_priming() {
    let source = Folder::new().make("source.mp4", &format!("{EDGE} -c:a aac"));
    let (track, media) = encode(EncodeAudio { copy: true, ..task("aac", 0, 0) }, &source);
    // FFmpeg does not say how much of the last packet is padding: whole packets are copied.
    check(&track, &media, 118 * 1024, 1, 0);
}

#[test]
fn what_cannot_be_copied_exactly_is_the_profiles_failure() {
    let source = Folder::new().make("source.mp4", &format!("{EDGE} -c:a libopus -strict -2"));
    let copy = EncodeAudio { copy: true, ..task("aac", 0, 0) };
    let error = run(&Task::EncodeAudio(copy), vec![source]).unwrap_err();
    assert_eq!(error.class(), flotilla_engine::report::Class::Profile);
}

#[test]
fn rates_and_channels_are_converted_to_the_sample() {
    let arguments = "-f lavfi -i sine=f=1000:r=44100:d=3 -af pan=5.1|FL=c0|FR=c0|FC=c0 -c:a pcm_s16le";
    let source = Folder::new().make("source.mov", arguments);
    let (track, media) = encode(EncodeAudio { channel_count: 2, ..task("aac", 0, 0) }, &source);
    assert_eq!(track.sample_count, 144_000);
    let file = Folder::new();
    let [path, _] = file.publish("audio", &track, &media, RATE_HZ);
    assert!((288_000..288_000 + 2048).contains(&samples(&path).len()));
}

#[test]
fn a_hole_in_the_source_becomes_silence_of_its_length() {
    let folder = Folder::new();
    // The samples between 1 s and 2 s are taken out; the times of the others stay.
    let arguments =
        "-f lavfi -i sine=f=1000:r=48000:d=4 -af volume=4,aselect=not(between(t\\,1\\,2)) -c:a pcm_s16le";
    let source = folder.make("hole.mkv", arguments);
    let (track, media) = encode(EncodeAudio { demuxer: "matroska".into(), ..task("aac", 0, 0) }, &source);
    assert!(track.sample_count.abs_diff(192_000) < 1024, "{} samples", track.sample_count);
    let [path, _] = folder.publish("audio", &track, &media, RATE_HZ);
    let decoded = samples(&path);
    let loud = |at: usize| decoded[at..at + 480].iter().any(|sample| sample.unsigned_abs() > 1000);
    assert!(loud(40_000) && !loud(60_000) && !loud(80_000) && loud(110_000));
}

#[test]
fn stretches_are_left_out_to_the_sample() {
    let source = Folder::new().make("source.mov", &format!("{EDGE} -c:a pcm_s16le"));
    let kept = [(1_000, 12_000), (18_000, 90_001)].map(|(start, end)| SampleSpan { start, end }).to_vec();
    let (track, media) = encode(EncodeAudio { kept, ..task("aac", 0, 0) }, &source);
    assert_eq!(track.sample_count, 11_000 + 72_001);
    let folder = Folder::new();
    let [path, _] = folder.publish("audio", &track, &media, RATE_HZ);
    let found = edge(&samples(&path));
    assert!(found.abs_diff(24_000 - 7_000) < 64, "the tone starts at {found}");
}
