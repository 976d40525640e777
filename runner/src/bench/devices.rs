//! Encoders of devices, at the sizes of libx264 and with what the profile `web` asks of them: its quality, capped by its rate.
//! The words in which each is told so are the coordinator's (its profiles' `hardware.rs`); a test holds the two together.

use std::collections::{BTreeMap, BTreeSet};

use super::cases::{Case, LADDER, OnDevice, P360, P540, Size};
use crate::hardware::Equipment;

/// Of `web`.
const CRF: &str = "23";
/// `web`'s cap at 30 frames a second by height, bit/s; its buffer is twice as much.
const CAPS: [(u32, u64); 5] =
    [(540, 1_866_263), (480, 1_474_578), (360, 1_036_812), (240, 522_246), (144, 210_127)];

/// What is measured of devices, in order. Of several with the same encoder it is the first: results are compared by encoder.
pub fn cases(is_quick: bool, equipment: &[Equipment]) -> Vec<Case> {
    let (sizes, frames): (&[&'static [Size]], _) =
        if is_quick { (&[LADDER], 60) } else { (&[LADDER, P540, P360], 150) };
    let (mut cases, mut measured) = (Vec::new(), BTreeSet::new());
    for device in equipment {
        let encoders: BTreeSet<&String> = device.offers.iter().map(|offer| &offer.encoder).collect();
        for encoder in encoders.into_iter().filter(|encoder| measured.insert(*encoder)) {
            cases.extend(sizes.iter().map(|sizes| Case {
                encoder: encoder.clone(),
                preset: preset(encoder).to_owned(),
                sizes,
                frames,
                is_usual: false,
                device: Some(OnDevice { place: device.place.clone(), sessions: device.sessions }),
            }));
        }
    }
    cases
}

/// What stands for a preset where there is none.
fn preset(encoder: &str) -> &'static str {
    match family(encoder) {
        "nvenc" => "p4",
        "qsv" => "medium",
        "vaapi" => "QVBR",
        _ => "veryfast",
    }
}

/// Every setting of a rendition, by the encoder's own names.
pub fn settings(encoder: &str, height: u32) -> BTreeMap<String, String> {
    let cap = CAPS.iter().find(|(known, _)| *known == height).map_or(CAPS[0].1, |(_, cap)| *cap);
    told(encoder, CRF, cap)
}

/// The same for any number of the encoder's scale of quality, and any cap.
pub fn told(encoder: &str, number: &str, cap: u64) -> BTreeMap<String, String> {
    let own: &[(&str, &str)] = match family(encoder) {
        "nvenc" => &[
            ("b_ref_mode", "disabled"),
            ("bf", "2"),
            ("cq", number),
            ("preset", "p4"),
            ("profile", "high"),
            ("rc", "vbr"),
        ],
        "qsv" => &[("bf", "2"), ("global_quality", number), ("preset", "medium"), ("profile", "high")],
        "vaapi" => &[("bf", "0"), ("global_quality", number), ("profile", "high"), ("rc_mode", "QVBR")],
        // The device of tests.
        _ => &[("crf", number), ("preset", "veryfast"), ("subq", "3")],
    };
    let mean = match family(encoder) {
        "nvenc" => Some(0),
        "qsv" | "vaapi" => Some(cap * 75 / 100),
        _ => None,
    };
    let rates = [("maxrate", Some(cap)), ("bufsize", Some(2 * cap)), ("b", mean)];
    let rates = rates.into_iter().filter_map(|(name, rate)| Some((name, rate?.to_string())));
    let own = own.iter().map(|(name, value)| (*name, (*value).to_owned()));
    own.chain(rates).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// "nvenc" of "h264_nvenc".
fn family(encoder: &str) -> &str {
    encoder.rsplit('_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use flotilla_engine::spec::DeviceName;
    use flotilla_profiles::{HARDWARE_ENCODERS, Picture, Quality, Rate, rate_bps};

    use super::*;
    use crate::hardware::Offer;

    #[test]
    fn devices_are_told_what_plans_tell_them() {
        for (height, cap) in CAPS {
            let picture = Picture { short_side: height, source_width: 960, source_height: 540, fps: 30 };
            assert_eq!(rate_bps(picture, Rate::Average), cap, "{height}p");
            let quality = Quality { crf: 23, max_bps: cap, buffer_bits: 2 * cap };
            for encoder in HARDWARE_ENCODERS {
                assert_eq!(settings(encoder.name, height), encoder.settings(quality), "{}", encoder.name);
            }
        }
    }

    #[test]
    fn each_encoder_is_measured_once_at_the_sizes_of_x264_by_as_many_engines_as_it_carries() {
        let offer = |class: &str| Offer {
            name: format!("h264_nvenc@{class}"),
            encoder: "h264_nvenc".into(),
            fingerprint: "f".into(),
            version: "v".into(),
            pixels_per_second: 1,
        };
        let place = DeviceName { kind: "cuda".into(), node: None };
        let (name, offers) = ("cuda".to_owned(), vec![offer("hd"), offer("uhd")]);
        let device = Equipment { name, place, offers, sessions: 8, decodes: vec![] };
        let decoder = Equipment { offers: vec![], ..device.clone() };
        let names = |is_quick| {
            let cases = cases(is_quick, &[decoder.clone(), device.clone(), device.clone()]);
            cases.iter().map(Case::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(true), ["h264_nvenc p4 540p ladder"]);
        assert_eq!(names(false), ["h264_nvenc p4 540p ladder", "h264_nvenc p4 540p", "h264_nvenc p4 360p"]);
        let engines = |sessions, slots| {
            let device = Equipment { sessions, ..device.clone() };
            cases(false, &[device]).iter().map(|case| case.engines(slots)).collect::<Vec<_>>()
        };
        assert_eq!(engines(8, 4), [1, 4, 4]);
        assert_eq!(engines(3, 4), [0, 3, 3], "no ladder fits");
    }
}
