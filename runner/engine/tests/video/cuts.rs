//! Any cuts of any source give its frames: each once, in order, as a decode from its start gives them.

use std::path::Path;

use flotilla_engine::report::{Report, VideoStream};
use flotilla_engine::spec::Task;
use proptest::test_runner::{Config, TestRunner};

use crate::clips::{Clips, decoded_hashes, frame_hashes};
use crate::{memory, plan};

const PICTURE: &str = "testsrc2=size=64x48:rate=24:duration=3";
/// Random cuts of each clip.
const CASES: u32 = 3;

/// Encodes a clip without loss in chunks that start at these frames; gives the joined clip's hashes and what was missing.
pub fn encoded(clips: &Clips, bytes: &[u8], starts: &[usize]) -> (Vec<String>, u64) {
    let (demuxer, stream) = plan::probe(bytes);
    let size = (stream.width, stream.height);
    let (mut joined, mut missing) = (Vec::new(), 0);
    let ends = starts.iter().skip(1).copied().chain([stream.pts.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let mut task = plan::chunk(&demuxer, &stream, start, end, plan::lossless(size.0, size.1));
        task.rotation_degrees = 0;
        task.renditions[0].first_sequence_number = (start as u32).div_ceil(plan::GOP_FRAMES) + 1;
        let (report, collected) = memory::run(&Task::EncodeChunk(task), bytes).unwrap();
        let Report::EncodeChunk { renditions, missing_frames } = report else { panic!("not a chunk") };
        if joined.is_empty() {
            joined.extend(&renditions[0].init_segment);
        }
        joined.extend(&collected.outputs[0]);
        missing += missing_frames;
    }
    let shown = frame_hashes(&clips.write("joined.mp4", &joined));
    (shown.into_iter().map(|(_, hash)| hash).collect(), missing)
}

/// Cuts a clip at random and compares all frames with those that FFmpeg decodes in one go; gives the probed stream.
pub fn check(clips: &Clips, path: &Path) -> VideoStream {
    let bytes = std::fs::read(path).unwrap();
    let (_, stream) = plan::probe(&bytes);
    let expected = decoded_hashes(path);
    assert_eq!(stream.pts.len(), expected.len(), "{}: frames", path.display());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let places = proptest::collection::btree_set(1..stream.pts.len().max(2), 0..4);
    let cut = |cuts: std::collections::BTreeSet<usize>| {
        let inside = cuts.into_iter().filter(|&cut| cut < stream.pts.len());
        let starts: Vec<usize> = [0].into_iter().chain(inside).collect();
        let (shown, missing) = encoded(clips, &bytes, &starts);
        assert_eq!(missing, 0, "{} cut at {starts:?}: missing frames", path.display());
        let wrong = shown.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!((shown.len(), wrong), (expected.len(), None), "{} cut at {starts:?}", path.display());
        Ok(())
    };
    runner.run(&places, cut).unwrap();
    stream
}

fn check_made(name: &str, picture: &str, arguments: &str) {
    let clips = Clips::new();
    check(&clips, &clips.make(name, picture, arguments));
}

#[test]
fn any_rate_is_kept() {
    for rate in ["24000/1001", "30000/1001", "60000/1001", "25/2", "1"] {
        let picture = format!("testsrc2=size=64x48:rate={rate},trim=end_frame=40");
        check_made("rate.mp4", &picture, "-c:v libx264 -bf 2 -g 10");
        check_made("rate.mkv", &picture, "-c:v libx264 -bf 2 -g 10");
    }
    let uneven = "-vf setpts=N*N*50+N*1000,settb=1/90000 -fps_mode passthrough -c:v libx264 -bf 2 -g 20";
    check_made("uneven.mp4", PICTURE, &format!("{uneven} -video_track_timescale 90000"));
    check_made("uneven.mkv", PICTURE, uneven);
}

#[test]
fn any_start_is_kept() {
    check_made("late.mp4", PICTURE, "-c:v libx264 -bf 2 -g 20 -output_ts_offset 10");
    check_made("late.mkv", PICTURE, "-c:v libx264 -bf 2 -g 20 -output_ts_offset 10");
    check_made(
        "negative.mp4",
        PICTURE,
        "-c:v libx264 -bf 2 -g 20 -output_ts_offset -1 -avoid_negative_ts disabled",
    );
    let clips = Clips::new();
    let whole = clips.make("whole.mp4", PICTURE, "-c:v libx264 -bf 2 -g 24");
    check(&clips, &clips.copy("edited.mp4", &format!("-ss 1.1 -i {} -c copy", whole.display())));
}

#[test]
fn any_gop_structure_is_kept() {
    check_made("open.mp4", PICTURE, "-c:v libx264 -bf 3 -g 24 -x264-params open-gop=1:scenecut=0");
    check_made("open.ts", PICTURE, "-c:v libx264 -bf 3 -g 24 -x264-params open-gop=1:scenecut=0");
    check_made("open.mkv", PICTURE, "-c:v libx265 -x265-params open-gop=1:keyint=24:log-level=none -bf 3");
    check_made("open.mpg", PICTURE, "-c:v mpeg2video -bf 2 -g 12");
    check_made("long.mp4", PICTURE, "-c:v libx264 -bf 3 -g 1000 -sc_threshold 0");
    check_made("intra.mp4", PICTURE, "-c:v libx264 -g 1");
    check_made("refresh.mp4", PICTURE, "-c:v libx264 -x264-params intra-refresh=1:keyint=24");
    check_made("one.mp4", PICTURE, "-c:v libx264 -frames:v 1");
    check_made("one.mkv", PICTURE, "-c:v libx264 -frames:v 1");
}

#[test]
fn times_that_are_missing_or_repeated_lose_no_frame() {
    check_made("packed.avi", PICTURE, "-c:v mpeg4 -bf 2 -g 24");
    check_made("reordered.avi", PICTURE, "-c:v libx264 -bf 2 -g 24");
    check_made("raw.h264", PICTURE, "-c:v libx264 -bf 2 -g 24");
    check_made("raw.hevc", PICTURE, "-c:v libx265 -x265-params keyint=24:log-level=none");
    let repeated = "-c:v mjpeg -bsf:v setts=ts=floor(N/2)*84";
    check_made("repeated.mkv", PICTURE, repeated);
}

#[test]
fn a_transport_stream_may_wrap_its_clock_or_start_it_anew() {
    let clips = Clips::new();
    let coded = "-c:v libx264 -bf 2 -g 24";
    check(&clips, &clips.make("wraps.ts", PICTURE, &format!("{coded} -output_ts_offset 95442")));
    let part = std::fs::read(clips.make("part.ts", PICTURE, coded)).unwrap();
    let twice = clips.write("twice.ts", &[&part[..], &part].concat());
    let stream = check(&clips, &twice);
    assert_eq!((stream.pts.len(), stream.keyframes), (144, vec![0]));
}
