//! The times that a probe reads without decoding are those that a decoder shows.

use flotilla_engine::report::Report;
use flotilla_engine::run::execute;
use flotilla_engine::spec::{Probe, Task};

use crate::clips::{Clips, decoded_pts};
use crate::memory::{Collected, File};
use crate::plan;

const PICTURE: &str = "testsrc2=size=128x96:rate=24:duration=3";

fn check(name: &str, arguments: &str) {
    let clips = Clips::new();
    let path = clips.make(name, PICTURE, arguments);
    let (_, stream) = plan::probe(&std::fs::read(&path).unwrap());
    assert_eq!(stream.pts, decoded_pts(&path), "{name}");
    assert_eq!(stream.keyframes.first(), Some(&0), "{name}");
}

#[test]
fn times_are_those_of_a_decode_in_every_container() {
    check("b-frames.mp4", "-c:v libx264 -bf 3 -g 24");
    check("fragmented.mp4", "-c:v libx264 -bf 3 -g 24 -movflags frag_keyframe+empty_moov");
    check("b-frames.mkv", "-c:v libx264 -bf 3 -g 24");
    check("open-gop.ts", "-c:v libx264 -bf 3 -g 24 -x264-params open-gop=1");
    check("mpeg2.mpg", "-c:v mpeg2video -bf 2 -g 12");
    check("hidden-references.webm", "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 10 -b:v 200k");
    check("superframes.webm", "-c:v libvpx-vp9 -lag-in-frames 10 -b:v 200k -cpu-used 8");
    check("packed.avi", "-c:v mpeg4 -bf 2");
}

#[test]
fn an_edit_list_hides_frames_and_variable_rates_keep_their_times() {
    let clips = Clips::new();
    let whole = clips.make("whole.mp4", PICTURE, "-c:v libx264 -bf 2 -g 48");
    let cut = clips.make("cut.mp4", PICTURE, "-c:v libx264 -frames:v 1");
    let copy = format!("-v error -y -ss 1.1 -i {} -c copy {}", whole.display(), cut.display());
    assert!(std::process::Command::new("ffmpeg").args(copy.split(' ')).status().unwrap().success());
    let (_, stream) = plan::probe(&std::fs::read(&cut).unwrap());
    assert_eq!(stream.pts, decoded_pts(&cut));

    let uneven = "-vf setpts=N*N*50+N*1000,settb=1/90000 -fps_mode passthrough -c:v libx264 -bf 2 -video_track_timescale 90000";
    let path = clips.make("uneven.mp4", PICTURE, uneven);
    let (_, stream) = plan::probe(&std::fs::read(&path).unwrap());
    assert_eq!(stream.pts, decoded_pts(&path));
    assert_ne!(stream.pts[1] - stream.pts[0], stream.pts[40] - stream.pts[39]);
}

#[test]
fn an_index_in_one_place_spares_reading_the_pictures() {
    let clips = Clips::new();
    let noise = "nullsrc=size=640x480:rate=24:duration=4,geq=random(1)*255:128:128";
    let path = clips.make("large.mp4", noise, "-c:v libx264 -qp 20 -preset ultrafast");
    let file = File::new(std::fs::read(&path).unwrap());
    let (size_bytes, read_bytes) = (std::fs::metadata(&path).unwrap().len(), file.read_bytes.clone());
    let task = Task::Probe(Probe { max_pixels: 1 << 24, ..Probe::default() });
    let report = execute(&task, &file.shared(), &mut Collected::default()).unwrap();
    let Report::Probe(source) = report else { panic!("not a probe") };
    assert_eq!(source.video[0].pts.len(), 96);
    let read_bytes = *read_bytes.lock().unwrap();
    assert!(read_bytes < size_bytes / 2, "{read_bytes} of {size_bytes} bytes were read");
}

#[test]
fn rotation_size_and_colour_are_told() {
    let clips = Clips::new();
    let tags = "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv";
    let path = clips.make("upright.mp4", PICTURE, &format!("-c:v libx264 {tags} -vf setsar=4/3"));
    let turned = clips.turn(&path, "turned.mp4");
    let (demuxer, stream) = plan::probe(&std::fs::read(&turned).unwrap());
    assert_eq!(demuxer, "mov");
    assert_eq!((stream.width, stream.height, stream.rotation_degrees), (128, 96, 90));
    assert_eq!((stream.colour.primaries, stream.colour.transfer, stream.colour.matrix), (1, 1, 1));
    let ratio = stream.sample_aspect_ratio.unwrap();
    assert_eq!((ratio.numerator, ratio.denominator), (4, 3));
    assert_eq!((stream.frame_rate.numerator, stream.frame_rate.denominator), (24, 1));
}

#[test]
fn colours_that_only_the_pictures_state_are_found() {
    let clips = Clips::new();
    let matrix = |name: &str, arguments: &str| {
        let path = clips.make(name, PICTURE, arguments);
        plan::probe(&std::fs::read(&path).unwrap()).1.colour.matrix
    };
    // VP8 knows no other matrix than BT.601's; H.264 without a statement leaves it open.
    assert_eq!(matrix("vp8.webm", "-c:v libvpx -b:v 200k"), 5);
    assert_eq!(matrix("open.mp4", "-c:v libx264"), 2);
}
