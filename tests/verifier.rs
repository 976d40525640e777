//! Is the judge to be trusted? A ladder made by plain `ffmpeg` must pass, and each way of spoiling it must be caught.

use std::fs;
use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::{BUNNY, Clip, FLOWER};
use flotilla_tests::ladder::verify;

const EXACT_PICTURE: &str = "scale=320:180";
const EXACT_SOUND: &str = "anull";

/// A ladder of one small rendition and one audio rendition, made with the filters given.
fn ladder(clip: Clip, picture: &str, sound: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let video =
        ["-an", "-vf", picture, "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast"];
    // A fine time base, or ffmpeg would round spoiled times back to frames.
    let fine = ["-enc_time_base", "1:90000", "-g", "60", "-bf", "0", "-sc_threshold", "0"];
    hls(clip, &folder.path().join("180p"), &[video.as_slice(), fine.as_slice()].concat());
    hls(clip, &folder.path().join("audio-1"), &["-vn", "-af", sound, "-c:a", "aac"]);
    let master = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"1\",URI=\"audio-1/playlist.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,RESOLUTION=320x180,\
        CODECS=\"avc1.42c00d,mp4a.40.2\",AUDIO=\"audio\"\n\
        180p/playlist.m3u8\n";
    fs::write(folder.path().join("master.m3u8"), master).expect("the manifest is written");
    folder
}

fn hls(clip: Clip, folder: &Path, encode: &[&str]) {
    fs::create_dir(folder).expect("a folder for the rendition");
    let package = ["-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-hls_playlist_type", "vod"];
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(clip.path())
        .args(encode)
        .args(["-f", "hls", "-hls_time", "2"])
        .args(package)
        .arg("playlist.m3u8")
        .current_dir(folder)
        .status();
    assert!(status.expect("ffmpeg starts").success());
}

/// Checks that the judge names a problem with `word` in it, and no other.
fn check(clip: Clip, ladder: &Path, word: &str) {
    let problems = verify(&clip.path(), ladder).expect("the judge can work");
    assert!(!problems.is_empty(), "nothing was found, expected: {word}");
    assert!(problems.iter().all(|problem| problem.contains(word)), "expected only {word:?}: {problems:#?}");
}

#[test]
fn an_exact_ladder_passes_and_spoiled_playlists_do_not() {
    let folder = ladder(FLOWER, EXACT_PICTURE, EXACT_SOUND);
    assert_eq!(verify(&FLOWER.path(), folder.path()).expect("the judge can work"), Vec::<String>::new());

    let playlist = folder.path().join("180p/playlist.m3u8");
    let text = fs::read_to_string(&playlist).expect("the playlist is there");
    let spoil = |from: &str, to: &str, word: &str| {
        assert!(text.contains(from), "the playlist holds {from}");
        fs::write(&playlist, text.replacen(from, to, 1)).expect("the playlist is spoiled");
        check(FLOWER, folder.path(), word);
        fs::write(&playlist, &text).expect("the playlist is mended");
    };
    spoil("#EXT-X-ENDLIST", "", "no EXT-X-ENDLIST");
    spoil("#EXT-X-TARGETDURATION:2", "#EXT-X-TARGETDURATION:1", "longer than EXT-X-TARGETDURATION");
}

#[test]
fn a_lost_frame_is_found() {
    let folder = ladder(FLOWER, "select='not(eq(n,149))',scale=320:180", EXACT_SOUND);
    check(FLOWER, folder.path(), "149 frames instead of 150");
}

#[test]
fn frames_that_show_their_neighbour_are_found() {
    let folder = ladder(
        FLOWER,
        "trim=start_frame=1,setpts=PTS-STARTPTS,tpad=stop=1:stop_mode=clone,scale=320:180",
        EXACT_SOUND,
    );
    check(FLOWER, folder.path(), "show another picture");
}

#[test]
fn frames_at_the_wrong_time_are_found() {
    let folder = ladder(FLOWER, "setpts='PTS+if(eq(N,75),0.01/TB,0)',scale=320:180", EXACT_SOUND);
    check(FLOWER, folder.path(), "off its time");
}

#[test]
fn lost_and_late_sound_is_found() {
    // The flower is silent: only a clip that sounds can tell when it sounds.
    let shifted = "pan=stereo|FL=FL|FR=FR,adelay=100:all=1,atrim=end=30.022";
    check(BUNNY, ladder(BUNNY, "scale=320:180", shifted).path(), "ms off, ");
    check(FLOWER, ladder(FLOWER, EXACT_PICTURE, "atrim=end=4").path(), "samples instead of");
}

#[test]
fn a_missing_manifest_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    check(FLOWER, folder.path(), "master.m3u8");
}
