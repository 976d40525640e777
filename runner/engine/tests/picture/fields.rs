//! Interlaced pictures: found by marks and by a look, and made progressive alike in one chunk and in many.

use std::path::Path;

use flotilla_engine::report::Report;
use flotilla_engine::report::VideoStream;
use flotilla_engine::spec::{Fields, Task};

use crate::clips::{Clips, frame_hashes};
use crate::{memory, plan};

/// 25 frames a second of what moves 50 times a second.
const TOP_FIRST: &str = "-vf tinterlace=interleave_top,fieldorder=tff";
const BOTTOM_FIRST: &str = "-vf tinterlace=interleave_bottom,fieldorder=bff";
const MOTION: &str = "testsrc2=size=720x576:rate=50:duration=2";
/// The sharp lines of the test picture in its own size would look like fields.
const SLOW_MOTION: &str = "testsrc2=size=180x144:rate=25:duration=2,scale=720:576";
const MARKED: &str = "-c:v libx264 -preset ultrafast -flags +ildct+ilme -bf 2 -g 12";
const UNMARKED: &str = "-c:v libx264 -preset ultrafast -bf 2 -g 12";

fn probe(picture: &str, arguments: &str, name: &str) -> VideoStream {
    let clips = Clips::new();
    plan::probe(&std::fs::read(clips.make(name, picture, arguments)).unwrap()).1
}

fn check(picture: &str, arguments: &str, name: &str, expected: (bool, Fields)) {
    let stream = probe(picture, arguments, name);
    assert_eq!((stream.interlaced, stream.picture.fields), expected, "{name}: {arguments}");
}

#[test]
fn marks_are_compared_with_the_frames() {
    check(MOTION, &format!("{TOP_FIRST} {MARKED}"), "marked.mp4", (true, Fields::AsMarked));
    check(SLOW_MOTION, UNMARKED, "progressive.mp4", (false, Fields::AsMarked));
    check(MOTION, &format!("{TOP_FIRST},setfield=prog {UNMARKED}"), "top.mp4", (true, Fields::TopFirst));
    check(
        MOTION,
        &format!("{BOTTOM_FIRST},setfield=prog {UNMARKED}"),
        "low.mkv",
        (true, Fields::BottomFirst),
    );
    check(SLOW_MOTION, &format!("-vf setfield=tff {MARKED}"), "wrongly.mp4", (false, Fields::AsMarked));
    let mpeg2 = "-c:v mpeg2video -b:v 8M -flags +ildct+ilme -g 12";
    check(MOTION, &format!("{TOP_FIRST} {mpeg2}"), "tape.mpg", (true, Fields::AsMarked));
}

#[test]
fn codecs_and_sizes_without_fields_are_not_looked_at() {
    let small = "testsrc2=size=320x240:rate=50:duration=1";
    check(small, &format!("{TOP_FIRST},setfield=prog {UNMARKED}"), "small.mp4", (false, Fields::AsMarked));
}

/// Frame hashes of the clip published in chunks cut at these frames.
fn published(clips: &Clips, path: &Path, cuts: &[usize]) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let mut joined = Vec::new();
    for cut in cuts.windows(2) {
        let mut task = plan::chunk(&demuxer, &stream, cut[0], cut[1], plan::lossless(720, 576));
        task.renditions[0].first_sequence_number = (cut[0] as u32).div_ceil(plan::GOP_FRAMES) + 1;
        let (report, collected) = memory::run(&Task::EncodeChunk(task), &bytes).unwrap();
        let Report::EncodeChunk { renditions, .. } = report else { panic!("not a chunk") };
        if joined.is_empty() {
            joined.extend(&renditions[0].init_segment);
        }
        joined.extend(&collected.outputs[0]);
    }
    frame_hashes(&clips.write("joined.mp4", &joined)).into_iter().map(|(_, hash)| hash).collect()
}

#[test]
fn chunks_are_deinterlaced_as_the_whole() {
    let clips = Clips::new();
    let sources = [
        ("marked.mp4", format!("{TOP_FIRST} {MARKED}")),
        ("unmarked.mkv", format!("{BOTTOM_FIRST},setfield=prog {UNMARKED}")),
        ("open.ts", format!("{TOP_FIRST} {MARKED} -x264-params open-gop=1:scenecut=0")),
    ];
    for (name, arguments) in sources {
        let path = clips.make(name, MOTION, &arguments);
        let count = plan::probe(&std::fs::read(&path).unwrap()).1.pts.len();
        let whole = published(&clips, &path, &[0, count]);
        assert_eq!(whole.len(), count, "{name}");
        assert_eq!(published(&clips, &path, &[0, 12, 24, 36, count]), whole, "{name}");
        // Deinterlaced, not passed through.
        let source: Vec<_> = frame_hashes(&path).into_iter().map(|(_, hash)| hash).collect();
        assert!(whole.iter().zip(&source).all(|(one, other)| one != other), "{name}");
    }
}
