//! Every container is cut exactly, or says that chunks cannot start in its middle.

use crate::clips::Clips;
use crate::cuts::check;

const PICTURE: &str = "testsrc2=size=64x48:rate=24:duration=3";

/// Checks a container; `starts` says whether decoding can start in its middle.
fn check_container(name: &str, arguments: &str, starts: bool) {
    let clips = Clips::new();
    let stream = check(&clips, &clips.make(name, PICTURE, arguments));
    assert_eq!(stream.keyframes.len() > 1, starts, "{name}: {:?}", stream.keyframes);
}

#[test]
fn containers_with_an_index_start_anywhere() {
    check_container("last.mp4", "-c:v libx264 -bf 2 -g 12", true);
    check_container("first.mp4", "-c:v libx264 -bf 2 -g 12 -movflags +faststart", true);
    check_container("fragmented.mp4", "-c:v libx264 -bf 2 -g 12 -movflags frag_keyframe+empty_moov", true);
    check_container("clip.mov", "-c:v libx264 -bf 2 -g 12", true);
    check_container("clip.3gp", "-c:v libx264 -bf 2 -g 12", true);
    check_container("clip.mkv", "-c:v libx264 -bf 2 -g 12", true);
    check_container("live.mkv", "-c:v libx264 -bf 2 -g 12 -live 1", true);
    check_container("clip.webm", "-c:v libvpx -g 12 -b:v 300k", true);
    check_container("clip.flv", "-c:v libx264 -bf 2 -g 12", true);
    check_container("clip.ivf", "-c:v libvpx -g 12 -b:v 300k", true);
}

#[test]
fn containers_without_one_start_where_it_is_exact() {
    check_container("clip.ts", "-c:v libx264 -bf 2 -g 12", true);
    check_container("clip.mpg", "-c:v mpeg2video -bf 2 -g 12", false);
    check_container("clip.avi", "-c:v libx264 -bf 2 -g 12", false);
    check_container("clip.wmv", "-c:v wmv2 -g 12", true);
    check_container("clip.ogv", "-c:v libtheora -g 12", true);
    check_container("clip.h264", "-c:v libx264 -bf 2 -g 12", false);
}

#[test]
fn a_gif_keeps_its_frames() {
    let clips = Clips::new();
    let path = clips.make("clip.gif", PICTURE, "-c:v gif");
    let (demuxer, stream) = crate::plan::probe(&std::fs::read(path).unwrap());
    assert_eq!((demuxer.as_str(), stream.pts.len()), ("gif", 72));
}
