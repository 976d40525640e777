//! `flotilla-runner bench` as people start it: real clip, real engines, real figures.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// A state folder of a runner that has joined, and a configuration with two video encoders and one for sound.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let identity = r#"{"url": "http://127.0.0.1:9", "runner_id": "runner-one", "secret": "hush"}"#;
    std::fs::write(state.join("identity.json"), identity).unwrap();
    let config = "[work]\nslots = 2\nencoders = ['libx264', 'libsvtav1', 'aac']\n";
    std::fs::write(folder.path().join("runner.toml"), config).unwrap();
    folder
}

fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flotilla-runner"));
    command.arg("--state-dir").arg(folder.join("state")).arg("--config").arg(folder.join("runner.toml"));
    command.current_dir(folder).kill_on_drop(true);
    command
}

async fn says(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = binary(folder).args(arguments).output().await.unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// What was written for programs.
fn read(folder: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {value}"))
}

#[tokio::test]
async fn figures_are_positive_consistent_signed_and_kept() {
    let folder = folder();
    program(folder.path(), "#!/bin/sh\necho ' ... ssim              VV->V      Calculate the SSIM'\n");
    let arguments = ["bench", "--quick", "--ffmpeg", "./program", "--json", "bench.json"];
    let (code, text) = says(folder.path(), &arguments).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("this machine makes a 540p web ladder at "), "{text}");

    let file = std::fs::read_to_string(folder.path().join("bench.json")).unwrap();
    let signed: Value = serde_json::from_str(&file).unwrap();
    let bench = &signed["bench"];
    let measurements = bench["measurements"].as_array().unwrap();
    let encoders: BTreeSet<_> = measurements.iter().map(|one| one["encoder"].as_str().unwrap()).collect();
    assert_eq!(encoders, BTreeSet::from(["libx264", "libsvtav1"]), "those that passed, and no others");
    for measured in measurements {
        check_figures(measured);
        check_quality(measured);
        assert_eq!(measured["vmaf"], Value::Null);
    }
    let quality = bench["quality"].as_str().unwrap();
    assert!(
        quality.contains("; VMAF is not measured: ") && quality.ends_with("program lacks the filter libvmaf"),
        "{quality}"
    );
    assert_eq!((&bench["host"]["slots"], &bench["quick"]), (&2.into(), &true.into()));

    assert_eq!(signed["signature"]["runner_id"], "runner-one");
    let (code, text) = says(folder.path(), &["bench", "--check", "bench.json"]).await;
    assert_eq!(code, Some(0), "{text}");
    let better = file.replace("\"slots\": 2", "\"slots\": 1");
    assert_ne!(better, file);
    std::fs::write(folder.path().join("better.json"), better).unwrap();
    let (code, text) = says(folder.path(), &["bench", "--check", "better.json"]).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("better.json cannot be trusted: it was changed"), "{text}");

    let (_, doctor) = says(folder.path(), &["doctor"]).await;
    assert!(doctor.contains(bench["summary"].as_str().unwrap()), "{doctor}");
}

/// Two slots, 60 frames each, of 29.97 a second.
fn check_figures(measured: &Value) {
    for name in ["frames_per_second", "cpu_seconds_per_minute", "peak_memory_bytes", "output_kbps"] {
        assert!(number(measured, name) > 0.0, "{name} of {measured}");
    }
    let (frames, times) = (number(measured, "frames_per_second"), number(measured, "times_real_time"));
    assert!((frames / times - 29.97).abs() < 0.5, "both say the same: {measured}");
    // Each slot has its engine for no longer than the whole run takes.
    let pixels = if measured["size"] == "540p ladder" { 1_297_944.0 } else { 640.0 * 360.0 };
    let per_slot = number(measured, "pixels_per_second_per_slot");
    assert!(per_slot >= frames * pixels / 2.0 * 0.99, "{measured}");
    assert!(per_slot <= frames * pixels * 2.0, "{measured}");
    assert_eq!((&measured["frames_per_slot"], &measured["runs"]), (&60.into(), &1.into()));
}

/// The largest size is no better than its source, and at these settings no worse than everybody takes.
fn check_quality(measured: &Value) {
    let (mean, worst) = (number(measured, "ssim"), number(measured, "ssim_worst"));
    assert!(0.85 < worst && worst <= mean && mean < 1.0, "{measured}");
    let (own, all) = (number(measured, "ssim_kbps"), number(measured, "output_kbps"));
    match measured["size"] == "540p ladder" {
        true => assert!(own < all, "the largest of several: {measured}"),
        false => assert!((own - all).abs() < 0.01, "the only one: {measured}"),
    }
}

/// Stands for an ffmpeg.
fn program(folder: &Path, script: &str) {
    std::fs::write(folder.join("program"), script).unwrap();
    std::fs::set_permissions(folder.join("program"), Permissions::from_mode(0o755)).unwrap();
}

/// An ffmpeg in which libvmaf is SSIM of brightness in per cent: so it must tell what the engine tells of the same pictures.
const SSIM_AS_VMAF: &str = r#"#!/bin/sh
case "$*" in *-filters) echo ' .. libvmaf           VV->V      A stand-in'; exit ;; esac
for argument; do
    shift
    set -- "$@" "$(echo "$argument" | sed 's/libvmaf=.*/ssim=stats_file=frames/')"
done
ffmpeg "$@" || exit
sed 's/.* Y:\([0-9.]*\) .*/{"metrics": {"vmaf": \1e2}}/' frames | paste -sd , | sed 's/.*/{"frames": [&]}/' > vmaf.json
"#;

#[tokio::test]
async fn vmaf_is_of_the_pictures_that_the_engine_compares() {
    let folder = folder();
    program(folder.path(), SSIM_AS_VMAF);
    let arguments = ["bench", "--quick", "--ffmpeg", "./program", "--json", "bench.json"];
    let (code, text) = says(folder.path(), &arguments).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("VMAF (FFmpeg's libvmaf with its default model, mean of all frames)"), "{text}");
    let signed = read(folder.path(), "bench.json");
    let measurements = signed["bench"]["measurements"].as_array().unwrap();
    assert_eq!(measurements.len(), 2, "x264 and AV1");
    for measured in measurements {
        for (name, engines) in [("vmaf", "ssim"), ("vmaf_worst", "ssim_worst")] {
            let (told, expected) = (number(measured, name), 100.0 * number(measured, engines));
            assert!((told - expected).abs() < 0.001, "{name} of {measured}");
        }
    }
}

/// The device of tests: its encoder is x264 under another name, see the engine's `encode/faulty.rs`.
#[tokio::test]
async fn a_device_is_measured_by_as_many_engines_as_it_carries() {
    let folder = folder();
    let device = folder.path().join("device");
    std::fs::create_dir(&device).unwrap();
    std::fs::write(device.join("sessions"), "9").unwrap();
    let config = "[work]\nslots = 2\nencoders = ['libx264', 'h264_test']\n";
    std::fs::write(folder.path().join("runner.toml"), config).unwrap();
    let measured = async || {
        let mut bench = binary(folder.path());
        bench.env("FLOTILLA_TEST_DEVICE", &device).args(["bench", "--quick", "--json", "bench.json"]);
        let output = bench.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        read(folder.path(), "bench.json")["bench"].take()
    };
    let bench = measured().await;
    let [software, of_device] = bench["measurements"].as_array().unwrap().as_slice() else {
        panic!("{bench}")
    };
    assert_eq!((&software["encoder"], &software["sessions"]), (&"libx264".into(), &Value::Null));
    assert_eq!((&of_device["encoder"], &of_device["size"]), (&"h264_test".into(), &"540p ladder".into()));
    // A ladder of five sizes takes five of the nine.
    assert_eq!((&of_device["sessions"], &of_device["engines"]), (&9.into(), &1.into()));
    assert_eq!((&software["engines"], &of_device["is_usual"]), (&2.into(), &false.into()));
    check_quality(of_device);
    assert!(bench["host"]["encoders"]["h264_test"].as_str().unwrap().starts_with("h264_test, test, kernel "));

    let refused = async || {
        let bench = measured().await;
        assert_eq!(bench["measurements"].as_array().unwrap().len(), 1, "software is measured all the same");
        bench["not_measured"][0].as_str().unwrap().to_owned()
    };
    std::fs::write(device.join("fault"), "fail 10").unwrap();
    let failed = refused().await;
    assert!(
        failed.starts_with("h264_test veryfast 540p ladder: ") && failed.contains("frame 10"),
        "{failed}"
    );
    // What was found of the device is kept; now it is tried anew, and carries less than a ladder.
    std::fs::remove_file(folder.path().join("state/devices.json")).unwrap();
    std::fs::remove_file(device.join("fault")).unwrap();
    std::fs::write(device.join("sessions"), "4").unwrap();
    let few = refused().await;
    assert!(few.ends_with("it takes 5 sessions at a time, more than the device has"), "{few}");
}

/// Its scale is x264's own, so the number that looks the same is about the CRF: a little higher, since with fewer B-frames
/// it spends more bits at the same number. The numbers tried are 3 apart.
#[tokio::test]
async fn the_scale_of_a_device_is_found_beside_x264s() {
    let folder = folder();
    let device = folder.path().join("device");
    std::fs::create_dir(&device).unwrap();
    std::fs::write(device.join("sessions"), "2").unwrap();
    std::fs::write(folder.path().join("runner.toml"), "[work]\nencoders = ['libx264', 'h264_test']\n")
        .unwrap();
    let mut bench = binary(folder.path());
    bench.env("FLOTILLA_TEST_DEVICE", &device);
    let output =
        bench.args(["bench", "--calibrate", "--quick", "--json", "scale.json"]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let found = read(folder.path(), "scale.json");
    assert_eq!(found["encoders"][0]["encoder"], "h264_test");
    let places = found["encoders"][0]["places"].as_array().unwrap();
    assert_eq!(places.iter().map(|place| number(place, "crf")).collect::<Vec<_>>(), [20.0, 23.0, 26.0, 29.0]);
    for pair in places.windows(2) {
        for name in ["ssim", "kbps", "number_kbps"] {
            assert!(number(&pair[0], name) > number(&pair[1], name), "{name} falls: {found}");
        }
    }
    for place in places {
        assert!((0.0..=1.5).contains(&number(place, "offset")), "{place}");
        assert!(
            (number(place, "number") - number(place, "crf") - number(place, "offset")).abs() < 0.11,
            "{place}"
        );
    }
    let (code, text) = says(folder.path(), &["bench", "--calibrate"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("no device of this machine encodes"), "{text}");
}

#[tokio::test]
async fn a_signal_ends_it_and_its_engines() {
    let folder = folder();
    let mut bench = binary(folder.path()).arg("bench").stderr(Stdio::null()).spawn().unwrap();
    let pid = bench.id().unwrap();
    let trials = folder.path().join("state/trials.json");
    let engines = || Some(children(pid)).filter(|found| trials.exists() && !found.is_empty());
    let engines = until("engines run, and not for a trial", engines).await;
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(bench.wait().await.unwrap().code(), Some(130));
    for engine in engines {
        until("the engine is gone", || (!is_alive(engine)).then_some(())).await;
    }
    assert!(!folder.path().join("state/bench.json").exists(), "half a benchmark is none");
}

/// Processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|pid| state(*pid).is_some_and(|(_, its_parent)| its_parent == parent)).collect()
}

/// A zombie has ended; whoever inherits it may take a while to collect it.
fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != 'Z')
}

/// State and parent, fields 3 and 4 of proc(5) stat.
fn state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Looks again and again until there is something.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found)
        .await
        .unwrap_or_else(|_| panic!("waited for: {what}"))
}
