//! An edited video: what is left out is left out of pictures and sound alike, whoever encodes which part.

use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{FileServer, Job, Stage};

use super::{PATIENCE, stores};

/// The second second goes; then three seconds stay of what is left.
const EDITS: &str =
    r#"[{"kind":"remove_segments","segments":[[1000000,2000000]]},{"kind":"cut","end_us":3000000}]"#;
/// Mean likeness of pictures before and after encoding.
const ALIKE: f64 = 0.9;

#[test]
fn a_video_is_cut_without_its_sound_coming_apart() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let _runner = stage.runner(&coordinator, "runner", 2);
        let source = FileServer::start(FLOWER.path()).url();
        let name = stage.path().file_name().expect("a name").to_string_lossy();
        let prefix = format!("edited/{}", name.trim_start_matches('.'));
        let destination = format!("s3://{}/{prefix}", coordinator.bucket().name);
        let words = ["submit", &source, "--edits", EDITS, "--profile", "patient", "--dest", &destination];
        let answer = coordinator.json(&[&words[..], &["--chunk-seconds", "2"]].concat());
        let job = Job { id: answer["id"].as_str().expect("an id").to_owned(), prefix: prefix.clone() };
        coordinator.wait_published(&job, PATIENCE);

        let bucket = coordinator.bucket();
        let report = bucket.json(&format!("{prefix}/report.json"));
        // 29.97 frames a second: 30 before the gap, 60 behind it.
        assert_eq!(report["renditions"][0]["frames"], 90, "{report:#}");
        assert_eq!(report["audio"][0]["samples"], 3 * 48_000, "{report:#}");
        let media = stage.path().join("media.mp4");
        std::fs::write(&media, bucket.read(&format!("{prefix}/360p/media.mp4"))).expect("written");
        let graph = "[1]select=between(n\\,0\\,29)+between(n\\,60\\,119),scale=640:360,setpts=N,format=yuv420p[wanted];\
                     [0]setpts=N,format=yuv420p[found];[found][wanted]ssim";
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.arg("-i").arg(&media).arg("-i").arg(FLOWER.path());
        let output = ffmpeg.args(["-lavfi", graph, "-f", "null", "-"]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let value = said.split("All:").nth(1).and_then(|rest| rest.split(' ').next());
        let value: f64 = value.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{said}"));
        assert!(value > ALIKE, "{said}");
    }
}
