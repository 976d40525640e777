//! `flotilla probe` with real processes: says what is in a file and what would be made of it, and leaves nothing.

use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::FLOWER;
use flotilla_tests::fleet::{coordinator_program, runner_program};
use serde_json::Value;

/// Runs `flotilla probe --json` in a work folder, which must be empty afterwards.
fn probe(input: &Path, options: &[&str]) -> (Option<i32>, Value) {
    let work = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(coordinator_program())
        .args(["--json", "probe"])
        .arg(input)
        .arg("--work-dir")
        .arg(work.path())
        .args(options)
        .env("FLOTILLA_RUNNER_BINARY", runner_program())
        .output()
        .expect("flotilla starts");
    assert_eq!(std::fs::read_dir(work.path()).expect("the folder is there").count(), 0, "something is left");
    let said = String::from_utf8(output.stdout).expect("JSON is text");
    let words = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said:?} {words}")))
}

#[test]
fn a_clip_and_what_a_profile_would_make_of_it() {
    let (code, survey) = probe(&FLOWER.path(), &["--profile", "web", "--chunk-seconds", "2"]);
    assert_eq!(code, Some(0), "{survey}");
    let video = &survey["video"][0];
    assert_eq!(
        (&video["width"], &video["height"], &video["codec"]),
        (&960.into(), &540.into(), &"h264".into())
    );
    assert_eq!(video["frame_rate"]["kind"], "constant");
    assert_eq!(survey["audio"][0]["layout"], "stereo");
    let plan = &survey["plan"];
    let names: Vec<_> = plan["renditions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["540p", "480p", "360p", "240p", "144p"], "{plan}");
    assert_eq!(plan["renditions"][0]["frames"], video["frames"]);
    assert!(
        plan["chunks"]["count"].as_u64() >= Some(2) && plan["cost"]["cpu_ms"].as_u64() > Some(0),
        "{plan}"
    );
}

#[test]
fn without_a_profile_there_is_no_plan_and_what_is_no_video_is_told() {
    let (code, survey) = probe(&FLOWER.path(), &[]);
    assert_eq!((code, &survey["plan"]), (Some(0), &Value::Null));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let narrow = folder.path().join("narrow.toml");
    std::fs::write(&narrow, "[limits]\nmax_streams = 1\n").expect("a file can be written");
    let (code, error) =
        probe(&FLOWER.path(), &["--config", narrow.to_str().expect("a path of ours is text")]);
    let words = "the file has 2 streams; at most 1 are accepted (limits.max_streams)";
    assert_eq!((code, &error["message"]), (Some(3), &words.into()));
    let letter = folder.path().join("letter.mp4");
    std::fs::write(&letter, "Dear all,\n").expect("a file can be written");
    let (code, error) = probe(&letter, &[]);
    assert_eq!((code, &error["event"], &error["exit_code"]), (Some(3), &"error".into(), &3.into()));
}
