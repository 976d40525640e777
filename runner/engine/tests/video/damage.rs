//! Damaged sources: what cannot be decoded is covered by the picture before it, and as much of it whatever the cuts.

use flotilla_engine::report::{Class, Report};
use flotilla_engine::spec::{Probe, Task};

use crate::clips::Clips;
use crate::cuts::encoded;
use crate::{memory, plan};

const PICTURE: &str = "testsrc2=size=128x96:rate=24:duration=5";

/// Encodes a clip whole and in chunks; both must show the same. Gives the frames shown and how many were missing.
fn check(name: &str, bytes: &[u8]) -> (usize, u64) {
    let clips = Clips::new();
    let (_, stream) = plan::probe(bytes);
    let (whole, missing) = encoded(&clips, bytes, &[0]);
    let count = stream.pts.len();
    assert_eq!(whole.len(), count, "{name}");
    for cuts in [vec![0, count / 2], vec![0, count / 5, count / 3, count * 4 / 5]] {
        let (parts, missing_of_parts) = encoded(&clips, bytes, &cuts);
        let wrong = parts.iter().zip(&whole).position(|(a, b)| a != b);
        assert_eq!((parts.len(), wrong, missing_of_parts), (count, None, missing), "{name} cut at {cuts:?}");
    }
    (count, missing)
}

/// Writes rubbish over bytes in the middle of a file, at places that only the seed decides.
fn scratched(mut bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    let (start, end) = (bytes.len() / 10, bytes.len() * 9 / 10);
    let mut state = seed;
    for _ in 0..8 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = start + (state >> 33) as usize % (end - start);
        bytes[at..at + 40].iter_mut().for_each(|byte| *byte ^= (state >> 20) as u8 | 1);
    }
    bytes
}

#[test]
fn scratches_leave_the_same_number_of_frames_whatever_the_cuts() {
    let clips = Clips::new();
    let mp4 = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264 -bf 2 -g 12 -b:v 400k")).unwrap();
    for seed in 1..4 {
        // How a decoder paints over a scratch depends on what its memory held before, so only the frames are counted.
        let bytes = scratched(mp4.clone(), seed);
        let (whole, missing) = encoded(&clips, &bytes, &[0]);
        for cuts in [vec![0, 60], vec![0, 24, 40, 96]] {
            let (parts, missing_of_parts) = encoded(&clips, &bytes, &cuts);
            assert_eq!(
                (parts.len(), missing_of_parts),
                (whole.len(), missing),
                "seed {seed} cut at {cuts:?}"
            );
        }
        assert_eq!(whole.len(), 120);
    }
}

#[test]
fn a_lost_packet_is_covered_by_the_picture_before_it() {
    let clips = Clips::new();
    let mut bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v mjpeg -q:v 5")).unwrap();
    // The start of an MJPEG picture is easily found; without it there is no picture.
    let pictures: Vec<usize> = bytes
        .windows(3)
        .enumerate()
        .filter(|(_, three)| *three == [0xff, 0xd8, 0xff])
        .map(|(at, _)| at)
        .collect();
    assert_eq!(pictures.len(), 120);
    for lost in [0, 40, 41, 60] {
        let end = pictures[lost + 1];
        bytes[pictures[lost]..end].fill(0);
    }
    assert_eq!(check("lost", &bytes), (120, 4));
    let (shown, _) = encoded(&clips, &bytes, &[0, 41, 60]);
    assert_eq!(
        (&shown[0], &shown[40], &shown[41], &shown[60]),
        (&shown[1], &shown[39], &shown[39], &shown[59])
    );
}

#[test]
fn a_file_that_was_cut_off_is_used_when_nearly_all_of_it_is_there() {
    let clips = Clips::new();
    let made = "-c:v libx264 -bf 2 -g 12 -b:v 400k -movflags +faststart";
    for (name, arguments) in [("clip.mp4", made), ("clip.mkv", "-c:v libx264 -bf 2 -g 12 -b:v 400k")] {
        let bytes = std::fs::read(clips.make(name, PICTURE, arguments)).unwrap();
        let (count, missing) = check(name, &bytes[..bytes.len() * 98 / 100]);
        assert!((114..120).contains(&(count as u64 - missing)), "{name}: {count} frames, {missing} missing");
        let probe = Task::Probe(Probe { max_pixels: 1 << 24, ..Probe::default() });
        let error = memory::run(&probe, &bytes[..bytes.len() / 2]).err().expect("is refused");
        assert_eq!(error.class(), Class::Source, "{error}");
        assert!(error.to_string().contains("of 5.0 seconds of it are there"), "{name}: {error}");
    }
}

#[test]
fn a_transport_stream_that_starts_anywhere_loses_only_what_has_no_keyframe() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.ts", PICTURE, "-c:v libx264 -bf 2 -g 24 -b:v 400k")).unwrap();
    let start = bytes.len() / 10 / 188 * 188 + 77;
    let (count, missing) = check("midway", &bytes[start..]);
    assert!((90..120).contains(&count) && missing * 20 <= count as u64, "{count} frames, {missing} missing");
}

#[test]
fn a_chunk_says_how_many_of_its_frames_were_missing() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264")).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let mut task = plan::chunk(&demuxer, &stream, 0, 24, plan::lossless(128, 96));
    task.grids[0].source_pts[22] += 1;
    let (report, _) = memory::run(&Task::EncodeChunk(task), &bytes).unwrap();
    let Report::EncodeChunk { renditions, missing_frames } = report else { panic!("not a chunk") };
    assert_eq!((renditions[0].sample_count, missing_frames), (24, 1));
}
