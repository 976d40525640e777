//! Many machines, one video, one result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use flotilla_tests::clips::{BUNNY, FLOWER};
use flotilla_tests::fleet::{Stage, coordinator_program};
use flotilla_tests::ladder::assert_exact;
use flotilla_tests::wait::wait_for;
use serde_json::Value;

use super::{PATIENCE, stores};

#[test]
fn two_runners_share_one_job() {
    for store in stores() {
        let stage = Stage::new();
        let coordinator = stage.coordinator(store);
        let runners = [stage.runner(&coordinator, "port", 1), stage.runner(&coordinator, "starboard", 1)];
        wait_for("two runners that are ready", PATIENCE, || {
            let seen = coordinator.json(&["runners"]);
            let ready = seen.as_array()?.iter().filter(|runner| runner["slots"] == 1);
            (ready.count() == 2).then_some(())
        });
        let job = stage.submit(&coordinator, FLOWER, "patient", 2);
        let published = coordinator.wait_published(&job, PATIENCE);

        let worked: BTreeSet<&str> = tasks(&published).flat_map(|task| strings(&task["runners"])).collect();
        // The coordinator may have joined the chunks.
        assert!(worked.is_superset(&BTreeSet::from(["port", "starboard"])), "both took part: {published:#}");
        stage.assert_published_exactly(&coordinator, &job, FLOWER);
        assert_eq!(coordinator.bucket().keys(&format!("scratch/{}/", job.id)), Vec::<String>::new());
        for runner in runners {
            runner.drain(PATIENCE);
        }
    }
}

/// The plan fixes every setting that changes a byte, so whoever and however many encode it does not.
#[test]
fn one_plan_makes_the_same_bytes_on_one_two_and_five_runners() {
    let stage = Stage::new();
    let media = |runners: &str| {
        let out = stage.path().join(runners);
        transcode(&BUNNY.path(), &out, &["--runners", runners, "--chunk-seconds", "6"]);
        media_files(&out)
    };
    let one = media("1");
    assert!(one.keys().any(|name| name.ends_with("media.mp4")), "there are media files: {:?}", one.keys());
    for runners in ["2", "5"] {
        assert!(one == media(runners), "{runners} runners made other bytes than one");
    }
    assert_exact(&BUNNY.path(), &stage.path().join("1"));
}

fn transcode(source: &Path, out: &Path, options: &[&str]) {
    let mut command = Command::new(coordinator_program());
    command.arg("transcode").arg(source).arg("--out").arg(out).args(options);
    let output = command.output().expect("flotilla starts");
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Everything below a folder but the report, which tells of times and names.
fn media_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path().is_dir() {
            true => {
                let below = media_files(&entry.path()).into_iter();
                files.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
            }
            false if name == "report.json" => {}
            false => drop(files.insert(name, fs::read(entry.path()).expect("a file can be read"))),
        }
    }
    files
}

fn tasks(job: &Value) -> impl Iterator<Item = &Value> {
    job["tasks"].as_array().expect("a job has tasks").iter()
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
