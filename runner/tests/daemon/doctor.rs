//! `doctor` on whatever machine runs this: it has an answer for every kind of device, and quickly.

use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn doctor_names_each_kind_of_device_and_says_why_not() {
    let started = Instant::now();
    let doctor =
        Command::new(env!("CARGO_BIN_EXE_flotilla-runner")).args(["doctor", "--json"]).output().unwrap();
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stderr));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let found: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let devices = found["devices"].as_array().unwrap();
    for kind in ["NVIDIA CUDA", "VAAPI", "Intel QSV", "AMD AMF", "VideoToolbox", "V4L2 M2M", "Vulkan"] {
        assert!(devices.iter().any(|device| device["device"] == kind), "{kind} is not in {devices:?}");
    }
    for device in devices.iter().filter(|device| device["encodes"] == false) {
        assert!(device["why_not"]["reason"].is_string() && device["why_not"]["hint"].is_string(), "{device}");
    }
}
