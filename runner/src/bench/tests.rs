//! The figures: medians, spreads, what is told to whom, and signatures.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::cases;
use super::measure::{Measurement, median, spread_percent};
use super::result::{Findings, Host, Notes, summary};
use super::signature::Signed;
use crate::identity::Identity;

fn measurement(encoder: &str, size: &str, is_usual: bool) -> Measurement {
    Measurement {
        encoder: encoder.into(),
        preset: "10".into(),
        size: size.into(),
        frames_per_slot: 60,
        runs: 3,
        frames_per_second: 68.931,
        times_real_time: 2.3,
        pixels_per_second_per_slot: 1000,
        is_usual,
        spread_percent: Some(1.5),
        cpu_seconds_per_minute: 50.0,
        peak_memory_bytes: 90 << 20,
        output_kbps: 1234.567,
        joules_per_minute: None,
        ssim: Some(0.987_654),
        ssim_worst: Some(0.9),
        ssim_kbps: Some(800.0),
        vmaf: None,
        vmaf_worst: None,
        engines: 2,
        sessions: None,
    }
}

fn findings() -> Findings {
    let host = Host {
        description: "a box".into(),
        cpu_count: 2,
        memory_bytes: 4 << 30,
        slots: 2,
        kernel: "6.1".into(),
        ffmpeg: "libavcodec 59".into(),
        gpu: "none found".into(),
        encoders: BTreeMap::new(),
    };
    let measurements =
        vec![measurement("libx264", "540p ladder", true), measurement("libx264", "360p", false)];
    let notes =
        Notes { energy_missing: Some("no counters".into()), quality: "SSIM".into(), ..Notes::default() };
    Findings::new(host, false, notes, measurements)
}

fn identity(secret: &str) -> Identity {
    let share = NonZeroU32::MIN;
    Identity { url: "http://127.0.0.1:1".into(), runner_id: "r1".into(), secret: secret.into(), share }
}

#[test]
fn the_middle_counts_and_the_spread_is_told() {
    assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
    assert_eq!((median(&[1.0, 4.0]), median(&[])), (2.5, 0.0));
    assert_eq!((spread_percent(&[90.0, 110.0, 100.0]), spread_percent(&[1.0])), (Some(20.0), None));
}

#[test]
fn every_encoder_is_measured_as_the_scheduler_wants_to_know_it_once() {
    for is_quick in [true, false] {
        let usual: Vec<_> = cases::of_software(is_quick)
            .into_iter()
            .filter(|case| case.is_usual)
            .map(|case| case.encoder)
            .collect();
        assert_eq!(usual, ["libx264", "libsvtav1", "rav1e"]);
    }
    assert_eq!(cases::of_software(true)[0].to_string(), "libx264 veryfast 540p ladder");
    assert_eq!(findings().speeds(), BTreeMap::from([("libx264".to_owned(), 1000)]));
}

#[test]
fn a_person_reads_one_sentence() {
    let mut measured = measurement("libx264", "540p ladder", true);
    let text = summary(std::slice::from_ref(&measured), 2, Some("no counters"));
    assert_eq!(
        text,
        "this machine makes a 540p web ladder at 2.30x real time (libx264 10, 2 slots), energy not measurable here"
    );
    measured.joules_per_minute = Some(420.0);
    assert!(summary(&[measured], 1, None).ends_with("(libx264 10, 1 slot), 0.4 kJ a minute"));
    let text = findings().to_string();
    assert!(text.contains("68.9") && text.contains("1.5 %") && text.contains("no counters"), "{text}");
    assert!(!text.contains("VMAF"), "{text}");
    assert!(text.contains(" 0.9877 ") && !text.contains("SESSIONS") && !text.contains("left out"), "{text}");
}

#[test]
fn devices_show_their_sessions_and_what_they_refused_is_told() {
    let mut found = findings();
    let mut of_device = measurement("h264_nvenc", "540p ladder", false);
    (of_device.sessions, of_device.engines, of_device.ssim) = (Some(8), 1, None);
    found.measurements.push(of_device);
    found.not_measured.push("h264_nvenc p4 360p: it hung".into());
    (found.energy_missing, found.energy_source) = (None, Some("processor and NVIDIA device".into()));
    let text = found.to_string();
    assert!(text.contains("SESSIONS") && text.contains("8, 1 engine"), "{text}");
    assert!(text.contains("energy   of: processor and NVIDIA device"), "{text}");
    assert!(text.contains("left out h264_nvenc p4 360p: it hung"), "{text}");
}

#[test]
fn vmaf_has_a_column_where_it_was_measured() {
    let mut found = findings();
    (found.measurements[0].vmaf, found.measurements[0].vmaf_worst) = (Some(91.256), Some(80.0));
    let text = found.to_string();
    assert!(text.contains("VMAF") && text.contains(" 91.26"), "{text}");
}

#[test]
fn a_signature_holds_for_one_runner_and_unchanged_figures() {
    let text = serde_json::to_string_pretty(&Signed::new(findings(), Some(&identity("hush")))).unwrap();
    let verify =
        |text: &str, identity: &Identity| serde_json::from_str::<Signed>(text).unwrap().verify(identity);
    assert_eq!(verify(&text, &identity("hush")), Ok(()));
    assert!(!text.contains("hush"), "{text}");
    assert!(verify(&text, &identity("loud")).unwrap_err().contains("another secret"));
    let other = Identity { runner_id: "r2".into(), ..identity("hush") };
    assert!(verify(&text, &other).unwrap_err().contains("of runner r1"));
    let better = text.replace("\"times_real_time\": 2.3", "\"times_real_time\": 9.3");
    assert_ne!(better, text);
    assert!(verify(&better, &identity("hush")).unwrap_err().contains("changed"));
    let unsigned = serde_json::to_string(&Signed::new(findings(), None)).unwrap();
    assert!(unsigned.contains("has not joined"), "{unsigned}");
    assert_eq!(verify(&unsigned, &identity("hush")), Err("it is not signed".to_owned()));
}
