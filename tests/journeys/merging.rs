//! Sound with a picture of its own, as a podcast has it: both are submitted, a video comes out.

use std::fs;
use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{FileServer, Job, Stage};
use flotilla_tests::likeness::likeness;

use super::{PATIENCE, stores};

/// Mean likeness of the picture and what became of it.
const ALIKE: f64 = 0.9;

/// Makes one file of another.
pub fn ffmpeg(arguments: &[&str], input: &Path, output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(input).args(arguments).arg(output);
    assert!(command.status().expect("ffmpeg is installed").success(), "{arguments:?}");
}

#[test]
fn sound_and_a_picture_become_a_video() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "runner", 1);
        let (song, picture) = (stage.path().join("song.mp3"), stage.path().join("picture.png"));
        ffmpeg(&["-vn", "-c:a", "libmp3lame"], &FLOWER.path(), &song);
        ffmpeg(&["-frames:v", "1"], &FLOWER.path(), &picture);
        let (sound, shown) = (FileServer::start(song), FileServer::start(picture.clone()));
        let name = stage.path().file_name().expect("a name").to_string_lossy();
        let prefix = format!("merged/{}", name.trim_start_matches('.'));
        let destination = format!("s3://{}/{prefix}", coordinator.bucket().name);
        let (sound, shown) = (sound.url(), shown.url());
        let words = ["submit", &sound, "--picture", &shown, "--profile", "web", "--dest", &destination];
        let answer = coordinator.json(&words);
        let job = Job { id: answer["id"].as_str().expect("an id").to_owned(), prefix: prefix.clone() };
        coordinator.wait_published(&job, PATIENCE);
        let media = stage.path().join("media.mp4");
        fs::write(&media, coordinator.bucket().read(&format!("{prefix}/480p/media.mp4"))).expect("written");
        let graph = "[0]trim=start_frame=40:end_frame=41,format=yuv420p[shown];[1]scale=854:480,format=yuv420p[wanted];\
                     [shown][wanted]ssim";
        let found = likeness(&[&media, &picture], graph);
        assert!(found > ALIKE, "the picture is shown: {found}");
        let report = coordinator.bucket().json(&format!("{prefix}/report.json"));
        assert_eq!(report["notes"][0], "the picture that was submitted is shown", "{report:#}");
        assert_eq!(report["renditions"][0]["frame_rate"]["numerator"], 25);
    }
}
