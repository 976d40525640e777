//! What is offered to the coordinator of what was found: encoders of devices, each under the name of the class of pictures
//! that it was tried with and with a fingerprint of its own. The list holds only what has passed its trials.

use flotilla_engine::spec::SizeClass;
use sha2::{Digest, Sha256};

use super::{Finding, drivers};
use crate::hardware::{Equipment, Offer, name_of};

/// Families of encoders whose quality and cap the coordinator knows how to tell; the last is for tests.
const USED: [&str; 4] = ["_nvenc", "_qsv", "_vaapi", "_test"];

/// Codecs of which plans name a device's encoder.
const USED_CODEC: &str = "h264";

/// Hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 16;

/// The devices among the findings that are of use.
pub fn equipment(findings: &[Finding]) -> Vec<Equipment> {
    let mut all: Vec<Equipment> = Vec::new();
    for finding in findings {
        let offers = offers(finding);
        let decodes = finding.codec.iter().filter(|_| decodes_faster(finding));
        let decodes: Vec<String> = decodes.cloned().collect();
        if offers.is_empty() && decodes.is_empty() {
            continue;
        }
        let at = all.iter().position(|one| one.place == finding.place).unwrap_or_else(|| {
            let (name, place) = (name_of(&finding.place), finding.place.clone());
            all.push(Equipment { name, place, offers: vec![], sessions: 0, decodes: vec![] });
            all.len() - 1
        });
        all[at].offers.extend(offers);
        all[at].decodes.extend(decodes);
        all[at].sessions = all[at].sessions.max(finding.sessions);
    }
    all
}

/// One thread of software against the device: what it frees of the processors comes on top.
pub fn decodes_faster(finding: &Finding) -> bool {
    let is_measured = finding.decoded_per_second > 0 && finding.software_decoded_per_second > 0;
    // Of 10 bits nothing is asked: the codec stands for both.
    finding.decodes
        && finding.bit_depth == Some(8)
        && is_measured
        && finding.decoded_per_second > finding.software_decoded_per_second
}

fn offers(finding: &Finding) -> Vec<Offer> {
    let (Some(encoder), Some(largest)) = (&finding.encoder, finding.largest) else { return vec![] };
    let is_used = finding.codec.as_deref() == Some(USED_CODEC)
        && finding.bit_depth == Some(8)
        && USED.iter().any(|suffix| encoder.ends_with(suffix));
    if !finding.encodes || !is_used || finding.sessions == 0 {
        return vec![];
    }
    let (width, height) = SizeClass::Hd.size();
    let pixels = u64::from(width) * u64::from(height) * u64::from(finding.encoded_per_second);
    let classes = [("hd", SizeClass::Hd), ("uhd", SizeClass::Uhd)];
    let passed = classes.into_iter().filter(|(_, size)| *size <= largest);
    let offer = |(class, _): (&str, SizeClass)| Offer {
        name: format!("{encoder}@{class}"),
        encoder: encoder.clone(),
        fingerprint: fingerprint(finding, encoder),
        version: format!("{encoder}, {}, {}", drivers::of(&finding.place), libavcodec()),
        pixels_per_second: pixels,
    };
    passed.map(offer).collect()
}

/// Kind of device, driver and chip, FFmpeg, the encoder, and the stream header that it makes.
fn fingerprint(finding: &Finding, encoder: &str) -> String {
    let Finding { place, header, .. } = finding;
    let (kind, driver, library) = (&place.kind, drivers::of(place), libavcodec());
    let text = format!("{kind}\n{driver}\n{library}\n{encoder}\n{header}");
    let digits = hex::encode(Sha256::digest(text));
    digits[..FINGERPRINT_DIGITS].to_owned()
}

fn libavcodec() -> String {
    let all = flotilla_engine::run::libraries();
    all.split(", ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use flotilla_engine::spec::DeviceName;

    use super::super::tests::finding;
    use super::*;

    fn names(findings: &[Finding]) -> Vec<String> {
        equipment(findings).into_iter().flat_map(|one| one.offers).map(|offer| offer.name).collect()
    }

    #[test]
    fn only_what_has_passed_its_trials_is_offered() {
        let good = finding("cuda", "h264_nvenc");
        assert_eq!(names(std::slice::from_ref(&good)), ["h264_nvenc@hd", "h264_nvenc@uhd"]);
        let hd = Finding { largest: Some(SizeClass::Hd), ..good.clone() };
        assert_eq!(names(&[hd]), ["h264_nvenc@hd"]);
        for useless in [
            Finding { largest: Some(SizeClass::Sd), ..good.clone() },
            Finding { encodes: false, ..good.clone() },
            Finding { sessions: 0, ..good.clone() },
            Finding { bit_depth: Some(10), ..good.clone() },
            Finding { codec: Some("hevc".into()), ..good.clone() },
            finding("", "h264_v4l2m2m"),
        ] {
            assert_eq!(names(&[useless]), [""; 0]);
        }
    }

    #[test]
    fn each_device_makes_its_own_offers() {
        let at = |node: &str| Finding {
            place: DeviceName { kind: "vaapi".into(), node: Some(node.into()) },
            ..finding("vaapi", "h264_vaapi")
        };
        let all = equipment(&[at("/dev/dri/renderD128"), at("/dev/dri/renderD129")]);
        let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.offers.len())).collect();
        assert_eq!(names, [("vaapi:renderD128", 2), ("vaapi:renderD129", 2)]);
    }

    /// As an H100 is: it decodes and does not encode.
    #[test]
    fn a_device_that_only_decodes_is_of_use_if_it_is_faster() {
        let decoder = Finding {
            encodes: false,
            largest: None,
            decodes: true,
            decoded_per_second: 900,
            software_decoded_per_second: 300,
            ..finding("cuda", "h264_nvenc")
        };
        let all = equipment(std::slice::from_ref(&decoder));
        assert_eq!((all[0].offers.len(), all[0].decodes.as_slice()), (0, &["h264".to_owned()][..]));
        let slow = Finding { decoded_per_second: 299, ..decoder };
        assert_eq!(equipment(&[slow]), []);
    }

    #[test]
    fn another_header_or_encoder_makes_another_fingerprint() {
        let one = finding("cuda", "h264_nvenc");
        let print =
            |finding: &Finding| equipment(std::slice::from_ref(finding))[0].offers[0].fingerprint.clone();
        assert_eq!(print(&one), print(&one.clone()));
        assert_ne!(print(&one), print(&Finding { header: "another".into(), ..one.clone() }));
        assert_ne!(print(&one), print(&finding("cuda", "h264_qsv")));
    }
}
