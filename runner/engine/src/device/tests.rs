use super::clip::{is_wrong, still};
use super::*;
use crate::spec::SizeClass;

fn trial(device: &str, step: DeviceStep) -> DeviceTrial {
    DeviceTrial { device: device.into(), node: None, step, bit_depth: 8, size: SizeClass::Sd }
}

fn encoded(bit_depth: u8, name: &str) -> (Clip, Encoded) {
    let clip = Clip::of(SizeClass::Sd, bit_depth);
    let encoded = encode(name, &DeviceTrial { bit_depth, ..trial("", DeviceStep::Open) }, &clip).unwrap();
    (clip, encoded)
}

#[test]
fn what_software_encodes_passes_the_look() {
    for (bit_depth, name) in [(8, "libx264"), (10, "libx264"), (8, "libsvtav1")] {
        let (clip, encoded) = encoded(bit_depth, name);
        let pictures = decoding::software(encoded.codec, &encoded.stream()).unwrap();
        assert_eq!(clip.compare(&pictures), Ok(()), "{name}, {bit_depth} bits");
    }
}

#[test]
fn pictures_that_are_missing_or_different_do_not_pass() {
    let (clip, encoded) = encoded(8, "libx264");
    let pictures = decoding::software(encoded.codec, &encoded.stream()).unwrap();
    assert!(is_wrong(&clip.compare(&pictures[1..])));
    assert!(is_wrong(&clip.compare(&still(&clip))));
}

#[test]
fn packets_that_do_not_keep_to_their_gop_do_not_pass() {
    let (clip, Encoded { packets, .. }) = encoded(8, "libx264");
    assert_eq!(check(&packets, &clip), Ok(()));
    let mut without_key = packets.clone();
    without_key[4].key = false;
    let mut crossing = packets.clone();
    crossing[3].frame = 4;
    for broken in [without_key, crossing, packets[1..].to_vec()] {
        assert!(is_wrong(&check(&broken, &clip)));
    }
}

#[test]
fn software_that_steps_in_for_a_device_is_told() {
    let (_, encoded) = encoded(8, "libx264");
    let pictures = decoding::software(encoded.codec, &encoded.stream()).unwrap();
    assert!(matches!(decoding::downloaded(&pictures[0]), Err(DeviceAnswer::Wrong { .. })));
}

#[test]
fn a_kind_of_device_and_an_encoder_that_nobody_has_are_refused() {
    let not_built = |name: &str| DeviceAnswer::NotBuilt { name: name.into() };
    assert_eq!(run(&trial("fancy", DeviceStep::Open)), not_built("fancy"));
    let step = DeviceStep::Encode { encoder: "h264_fancy".into() };
    assert_eq!(run(&trial("", step)), not_built("h264_fancy"));
}

#[cfg(debug_assertions)]
#[test]
fn the_device_of_tests_passes_and_fails_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let node = Some(folder.path().display().to_string());
    let of = |step| run(&DeviceTrial { node: node.clone(), ..trial("test", step) });
    let encode = || DeviceStep::Encode { encoder: "h264_test".into() };
    let DeviceAnswer::Works(proof) = of(encode()) else { panic!("it works") };
    assert!(proof.frames_per_second > 0 && proof.header.len() == HEADER_DIGITS, "{proof:?}");
    std::fs::write(folder.path().join("sessions"), "3").unwrap();
    let sessions = || DeviceStep::Sessions { encoder: "h264_test".into(), most: 8 };
    assert!(matches!(of(sessions()), DeviceAnswer::Works(Proof { sessions: 3, .. })));
    for fault in ["wrong 0", "fail 3", "gone"] {
        std::fs::write(folder.path().join("fault"), fault).unwrap();
        let is_wrong = matches!(of(encode()), DeviceAnswer::Wrong { .. });
        assert_eq!(is_wrong, fault == "wrong 0", "{fault}: {:?}", of(encode()));
        assert!(!matches!(of(encode()), DeviceAnswer::Works(_)), "{fault}");
    }
    assert!(matches!(of(DeviceStep::Open), DeviceAnswer::Refused { .. }));
}
