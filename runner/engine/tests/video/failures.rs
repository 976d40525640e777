//! What cannot be done fails with the right class and one clear sentence.

use flotilla_engine::report::Class;
use flotilla_engine::spec::{Limits, Probe, Task};

use crate::clips::Clips;
use crate::{memory, plan};

const PICTURE: &str = "testsrc2=size=128x96:rate=24:duration=1";

fn check(bytes: &[u8], max_pixels: u64, words: &str) {
    let error =
        memory::run(&Task::Probe(Probe { max_pixels, ..Probe::default() }), bytes).err().expect("is refused");
    assert_eq!(error.class(), Class::Source, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn what_is_no_video_is_refused_in_one_sentence() {
    let clips = Clips::new();
    let clip = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264")).unwrap();
    let late_index = std::fs::read(clips.make("late.mp4", PICTURE, "-c:v libx264")).unwrap();
    let early_index =
        std::fs::read(clips.make("early.mp4", PICTURE, "-c:v libx264 -movflags +faststart")).unwrap();
    check(b"", 1 << 24, "empty");
    check(b"To be, or not to be, that is the question.\n", 1 << 24, "not a video or audio file");
    check(
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        1 << 24,
        "not a video or audio file",
    );
    check(b"ffconcat version 1.0\nfile /etc/passwd\n", 1 << 24, "not a video or audio file");
    check(&clip, 128 * 96 - 1, "128x96");
    check(&late_index[..late_index.len() / 2], 1 << 24, "cut off");
    check(&early_index[..early_index.len() / 2], 1 << 24, "at least 95 % must be");
}

#[test]
fn every_limit_is_told_with_its_name() {
    let clips = Clips::new();
    let two_tracks = "-f lavfi -i sine=d=2 -map 0:v -map 1:a -map 1:a -c:v libx264 -c:a flac";
    let bytes = std::fs::read(clips.make("clip.mkv", &PICTURE.replace("=1", "=2"), two_tracks)).unwrap();
    let refused = |narrow: fn(&mut Limits), words: &str| {
        let mut limits = Limits::default();
        narrow(&mut limits);
        let error = memory::run(&Task::Probe(Probe { limits, ..Probe::default() }), &bytes).err();
        let error = error.unwrap_or_else(|| panic!("{words} is not refused"));
        assert_eq!((error.class(), error.to_string().as_str()), (Class::Source, words));
    };
    refused(
        |limits| limits.max_streams = 2,
        "the file has 3 streams; at most 2 are accepted (limits.max_streams)",
    );
    refused(
        |limits| limits.max_packets = 9,
        "the file has 10 packets or more; at most 9 are accepted (limits.max_packets)",
    );
    refused(
        |limits| limits.max_duration_seconds = 1,
        "the file lasts 2 s; at most 1 s are accepted (limits.max_duration_seconds)",
    );
    memory::run(&Task::Probe(Probe::default()), &bytes).unwrap();
}

#[test]
fn attachments_that_are_too_large_are_refused() {
    let clips = Clips::new();
    let font = clips.write("font.ttf", &[7; 5000]);
    let attached =
        format!("-c:v libx264 -attach {} -metadata:s:t mimetype=application/x-truetype-font", font.display());
    let bytes = std::fs::read(clips.make("clip.mkv", PICTURE, &attached)).unwrap();
    let limits = Limits { max_attachment_bytes: 4999, ..Limits::default() };
    let error = memory::run(&Task::Probe(Probe { limits, ..Probe::default() }), &bytes).err().unwrap();
    let words = "5000 bytes of pictures and other attachments; at most 4999 are accepted (limits.max_attachment_bytes)";
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn pictures_that_grow_over_the_limit_end_the_chunk() {
    let clips = Clips::new();
    let coded = "-c:v libx264 -preset ultrafast -bf 0 -f h264";
    let mut joined = std::fs::read(clips.make("small.h264", PICTURE, coded)).unwrap();
    joined.extend(
        std::fs::read(clips.make("large.h264", &PICTURE.replace("128x96", "640x480"), coded)).unwrap(),
    );
    let joined = clips.write("joined.h264", &joined);
    let packed = clips.make("grows.ts", PICTURE, &format!("-r 24 -i {} -map 1 -c copy", joined.display()));
    let bytes = std::fs::read(packed).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    assert_eq!((stream.width, stream.pts.len()), (128, 48));
    let mut task = plan::chunk(&demuxer, &stream, 0, 48, plan::lossless(128, 96));
    memory::run(&Task::EncodeChunk(task.clone()), &bytes).unwrap();
    for (max_pixels, words) in [(640 * 480 - 1, "640x480"), (128 * 96 - 1, "128x96")] {
        task.max_pixels = max_pixels;
        let error = memory::run(&Task::EncodeChunk(task.clone()), &bytes).err().expect("is refused");
        assert_eq!(error.class(), Class::Source, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains(&max_pixels.to_string()), "{error}");
    }
}

#[test]
fn an_unknown_encoder_setting_is_named() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264")).unwrap();
    let (demuxer, stream) = plan::probe(&bytes);
    let refusal = |settings: &[(&str, &str)]| {
        let rendition = plan::rendition("libx264", 128, 96, settings);
        let task = plan::chunk(&demuxer, &stream, 0, 24, rendition);
        memory::run(&Task::EncodeChunk(task), &bytes).err().expect("is refused")
    };
    let error = refusal(&[("no_such_setting", "1")]);
    assert_eq!(
        (error.class(), error.to_string().contains("no_such_setting")),
        (Class::Profile, true),
        "{error}"
    );
    assert_eq!(refusal(&[("preset", "warp")]).class(), Class::Profile);
}
