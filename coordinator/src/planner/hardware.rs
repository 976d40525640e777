//! Encoders of hardware devices that may make a ladder in software's place, where the profile allows it. One of them makes
//! all chunks of all renditions, or software does: never both.

use flotilla_profiles::{HardwareUse, Quality, VideoRules, hardware_class, hardware_for};

use crate::domain::plan::{Alternative, Rendition};

/// Notes the alternatives of a ladder. A video that is shown early has none: if the device were lost, what is shown could
/// not be made anew by another encoder.
pub(super) fn allow(ladder: &mut [Rendition], rules: &VideoRules, early: bool) {
    let Some(crf) = rules.crf.filter(|_| rules.hardware == HardwareUse::Allow && !early) else { return };
    let sizes = ladder.iter().map(|rendition| (rendition.width, rendition.height));
    let Some(class) = hardware_class(sizes) else { return };
    for rendition in ladder {
        let max_bps = rendition.max_bitrate_bps;
        let buffer_bits = max_bps.saturating_mul(rules.rate.buffer_percent.into()) / 100;
        let quality = Quality { crf, max_bps, buffer_bits: buffer_bits.min(super::renditions::MAX_RATE_BPS) };
        let alternatives = hardware_for(&rules.encoder, &rules.pixel_format).map(|encoder| Alternative {
            offer: format!("{}@{class}", encoder.name),
            settings: encoder.settings(quality),
        });
        rendition.alternatives = alternatives.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{source, video};
    use super::super::*;
    use super::*;

    fn needs(hardware: HardwareUse, early: bool, size: (u32, u32)) -> Vec<String> {
        let library = flotilla_profiles::Library::load(None).expect("the library is sound");
        let mut profile = library.get("web").expect("it is there").clone();
        if let Some(video) = &mut profile.video {
            (video.hardware, video.heights) = (hardware, vec![360, 720]);
        }
        let source = source(vec![video(size.0, size.1, (1, 25), 1, 100)], vec![], 0);
        let request = Request { slots: 1, chunk_seconds: Some(2), early };
        plan(&source, &profile, &request).expect("a plan").video.expect("a video").needs()
    }

    #[test]
    fn devices_are_an_alternative_only_where_they_are_allowed() {
        let all = needs(HardwareUse::Allow, false, (1920, 1080));
        let [need] = all.as_slice() else { panic!("{all:?}") };
        assert!(need.starts_with("h264_nvenc@hd*3|h264_qsv@hd*3|") && need.ends_with("|libx264"), "{need}");
        let software = ["libx264".to_owned()];
        assert_eq!(needs(HardwareUse::Never, false, (1920, 1080)), software);
        assert_eq!(needs(HardwareUse::Allow, true, (1920, 1080)), software, "it is shown early");
        assert_eq!(needs(HardwareUse::Allow, false, (96, 1920)), software, "no chip takes it");
    }
}
