//! What an instance hands back: files that it was sent are sources of its next jobs, and show what they showed.

use std::path::{Path, PathBuf};
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{Coordinator, Runner, Stage, Store};
use flotilla_tests::likeness::likeness;
use flotilla_tests::peertube::{Model, State, Upload};
use flotilla_tests::wait::wait_for;
use serde_json::{Value, json};

use super::PATIENCE;
use super::merging::ffmpeg;

/// Mean likeness of pictures before and after encoding, small ones twice.
const ALIKE: f64 = 0.9;

/// Rate of videos that are made of a sound and its picture.
const RATE: usize = 25;

/// The instance is met when there is somebody to work for it: it need not be asked a second time, half a minute later.
fn begin(stage: &Stage) -> (Coordinator, Runner, Model) {
    let (coordinator, instance) = (stage.coordinator(Store::Embedded), Model::start());
    let runner = stage.runner(&coordinator, "runner", 2);
    wait_for("the runner", PATIENCE, || (coordinator.json(&["runners"])[0]["live"] == true).then_some(()));
    let (url, token) = (instance.url(), instance.registration_token());
    coordinator.json(&["peertube", "register", &url, "--registration-token", token]);
    (coordinator, runner, instance)
}

/// Waits for the video that a job makes.
fn wait_video(instance: &Model, uuid: &str) -> PathBuf {
    wait_for("the end of a job of the instance", PATIENCE, || {
        let job = instance.find(uuid).expect("nobody deletes it");
        assert!(job.reasons.is_empty() && job.error.is_none(), "{:?} {:?}", job.reasons, job.error);
        (job.state == State::Completed).then_some(())?;
        job.files.into_iter().find(|file| file.part == "videoFile").map(|file| file.path)
    })
}

fn frame_count(video: &Path) -> usize {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v", "-count_frames", "-of", "csv=p=0"]);
    let output = ffprobe.args(["-show_entries", "stream=nb_read_frames"]).arg(video).output();
    let said = String::from_utf8(output.expect("ffprobe is installed").stdout).expect("it is text");
    said.trim().parse().unwrap_or_else(|_| panic!("{}: {said}", video.display()))
}

#[test]
fn renditions_of_a_merged_sound_show_its_picture_all_the_time() {
    let stage = Stage::new();
    let (_coordinator, _runner, instance) = begin(&stage);
    let (song, picture) = (stage.path().join("song.mp3"), stage.path().join("picture.png"));
    ffmpeg(&["-vn", "-c:a", "libmp3lame"], &FLOWER.path(), &song);
    ffmpeg(&["-frames:v", "1"], &FLOWER.path(), &picture);
    let sound = Upload { is_audio: true, fps: 25, lower: vec![240], web_videos: true, ..Upload::default() };
    let jobs = instance.upload(&sound, &song, Some(&picture));

    let videos: Vec<PathBuf> = jobs.iter().map(|job| wait_video(&instance, job)).collect();
    assert_eq!(videos.len(), 4, "merged, its rendition for HLS, and both forms of a smaller one");
    let merged = frame_count(&videos[0]);
    assert!(merged.abs_diff(5 * RATE) <= 2, "as long as the sound: {merged}");
    for (video, size) in videos.iter().zip(["854:480", "854:480", "426:240", "426:240"]) {
        assert_eq!(frame_count(video), merged, "{}", video.display());
        let graph = format!(
            "[0]format=yuv420p[shown];[1]scale={size},format=yuv420p,loop=-1:1,setpts=N/{RATE}/TB[wanted];\
             [shown][wanted]ssim=shortest=1"
        );
        let found = likeness(&[video, &picture], &graph);
        assert!(found > ALIKE, "{}: the picture is shown: {found}", video.display());
    }
    assert_eq!(instance.violations(), Vec::<String>::new());
}

fn video(lines: u32) -> Value {
    json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": lines, "fps": 30 } })
}

#[test]
fn renditions_of_an_edited_video_are_as_it_is() {
    let stage = Stage::new();
    let (_coordinator, _runner, instance) = begin(&stage);
    let cut = json!([{ "name": "cut", "options": { "start": 1, "end": 3 } }]);
    let studio = json!({ "input": { "videoFileUrl": "SOURCE" }, "tasks": cut });
    // The instance asks for renditions of the whole first: the fleet has them, and must not take them for those of the cut.
    let whole = instance.job("vod-web-video-transcoding", &video(240), &FLOWER.path());
    assert_eq!(frame_count(&wait_video(&instance, &whole)), FLOWER.frame_count);
    let studio = instance.job("video-studio-transcoding", &studio, &FLOWER.path());
    let edited = wait_video(&instance, &studio);

    let rendition = instance.job("vod-web-video-transcoding", &video(240), &edited);
    let rendition = wait_video(&instance, &rendition);
    assert_eq!((frame_count(&edited), frame_count(&rendition)), (60, 60));
    // 29.97 frames a second: 30 before the cut.
    let graph = "[0]setpts=N,format=yuv420p[found];\
                 [1]select=between(n\\,30\\,89),scale=426:240,setpts=N,format=yuv420p[wanted];[found][wanted]ssim";
    let found = likeness(&[&rendition, &FLOWER.path()], graph);
    assert!(found > ALIKE, "what was kept is shown: {found}");
    assert_eq!(instance.violations(), Vec::<String>::new());
}
