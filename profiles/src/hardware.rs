//! Encoders of hardware devices that may take a software encoder's place where a profile allows it, and how its constant
//! quality and its cap are told to each of them.
//!
//! | software | nvenc | qsv | vaapi |
//! |---|---|---|---|
//! | `crf` n | `rc=vbr`, `cq` n, `b` 0 | `global_quality` n (QVBR) | `rc_mode=QVBR`, `global_quality` n |
//! | `maxrate`, `bufsize` | the same | the same, `b` ¾ of the cap | the same, `b` ¾ of the cap |
//!
//! All of these scales are H.264's own, of quantizers from 0 to 51, so the number stays. That is what the encoders'
//! documentation says, and all that is claimed: equal numbers do not make equal quality, see docs/hardware.md.

use std::collections::BTreeMap;

/// An encoder of a device.
#[derive(Debug)]
pub struct HardwareEncoder {
    /// FFmpeg's name.
    pub name: &'static str,
    /// Whose place it may take.
    pub software: &'static str,
    /// Pixel formats that it is used for.
    pub pixel_formats: &'static [&'static str],
    /// Where the quality goes.
    quality: &'static str,
    /// Mean rate, of the cap; it counts only where the quality leaves it a say.
    mean_percent: u64,
    /// What else is fixed.
    fixed: &'static [(&'static str, &'static str)],
}

/// What a rendition is to be like, as software is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Of the software encoder.
    pub crf: u32,
    /// Cap of the bit rate, bit/s.
    pub max_bps: u64,
    /// The decoder's buffer, bits.
    pub buffer_bits: u64,
}

/// Least width and height: chips refuse less.
const LEAST_SIZE: (u32, u32) = (160, 128);

/// Classes of pictures, as runners try and offer them: name, most pixels.
const CLASSES: [(&str, u64); 2] = [("hd", 1920 * 1088), ("uhd", 3840 * 2176)];

/// Longest side of all classes, pixels.
const MAX_SIDE: u32 = 4096;

/// All of them, the better first.
pub const HARDWARE_ENCODERS: &[HardwareEncoder] = &[
    HardwareEncoder {
        name: "h264_nvenc",
        software: "libx264",
        pixel_formats: &["yuv420p"],
        quality: "cq",
        mean_percent: 0,
        // Frames are reordered by one at most.
        fixed: &[
            ("b_ref_mode", "disabled"),
            ("bf", "2"),
            ("preset", "p4"),
            ("profile", "high"),
            ("rc", "vbr"),
        ],
    },
    HardwareEncoder {
        name: "h264_qsv",
        software: "libx264",
        pixel_formats: &["yuv420p"],
        quality: "global_quality",
        mean_percent: 75,
        fixed: &[("bf", "2"), ("preset", "medium"), ("profile", "high")],
    },
    HardwareEncoder {
        name: "h264_vaapi",
        software: "libx264",
        pixel_formats: &["yuv420p"],
        quality: "global_quality",
        mean_percent: 75,
        // Not every chip has B-frames.
        fixed: &[("bf", "0"), ("profile", "high"), ("rc_mode", "QVBR")],
    },
    #[cfg(debug_assertions)]
    HardwareEncoder {
        name: "h264_test",
        software: "libx264",
        pixel_formats: &["yuv420p"],
        quality: "crf",
        mean_percent: 0,
        // As the profile `web` has it for small pictures: with less, its noise hides which frame is shown.
        fixed: &[("preset", "veryfast"), ("subq", "3")],
    },
];

/// The encoders that may take a software encoder's place for pictures of that format.
pub fn hardware_for(software: &str, pixel_format: &str) -> impl Iterator<Item = &'static HardwareEncoder> {
    let fits = move |encoder: &&HardwareEncoder| {
        encoder.software == software && encoder.pixel_formats.contains(&pixel_format)
    };
    HARDWARE_ENCODERS.iter().filter(fits)
}

/// The class of pictures of these sizes together, as runners offer it: "hd"; none: no device is asked for that.
pub fn hardware_class(sizes: impl IntoIterator<Item = (u32, u32)>) -> Option<&'static str> {
    let mut most = 0;
    for (width, height) in sizes {
        if width < LEAST_SIZE.0 || height < LEAST_SIZE.1 || width.max(height) > MAX_SIDE {
            return None;
        }
        most = most.max(u64::from(width) * u64::from(height));
    }
    CLASSES.into_iter().find(|(_, pixels)| most > 0 && most <= *pixels).map(|(name, _)| name)
}

impl HardwareEncoder {
    /// Every setting that changes bytes, by the encoder's own names.
    pub fn settings(&self, quality: Quality) -> BTreeMap<String, String> {
        let Quality { crf, max_bps, buffer_bits } = quality;
        // 0 means "as you like" to all of them.
        let level = crf.clamp(1, 51).to_string();
        let computed =
            [(self.quality, level), ("maxrate", max_bps.to_string()), ("bufsize", buffer_bits.to_string())];
        // To x264 a mean rate means another kind of rate control.
        let mean = (self.quality != "crf").then(|| ("b", (max_bps * self.mean_percent / 100).to_string()));
        let fixed = self.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let all = fixed.chain(computed).chain(mean);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quality_and_the_cap_are_told_to_each_in_its_own_words() {
        let quality = Quality { crf: 23, max_bps: 4_000_000, buffer_bits: 8_000_000 };
        for (name, expected) in [
            ("h264_nvenc", [("cq", "23"), ("b", "0"), ("rc", "vbr"), ("maxrate", "4000000")]),
            ("h264_qsv", [("global_quality", "23"), ("b", "3000000"), ("bf", "2"), ("bufsize", "8000000")]),
            ("h264_vaapi", [("global_quality", "23"), ("b", "3000000"), ("bf", "0"), ("rc_mode", "QVBR")]),
        ] {
            let encoder = HARDWARE_ENCODERS.iter().find(|encoder| encoder.name == name).expect("it is known");
            let settings = encoder.settings(quality);
            for (setting, value) in expected {
                assert_eq!(settings.get(setting).map(String::as_str), Some(value), "{name} {setting}");
            }
        }
    }

    #[test]
    fn the_least_and_the_most_quality_stay_within_the_scale() {
        for (crf, expected) in [(0, "1"), (51, "51")] {
            let settings = HARDWARE_ENCODERS[0].settings(Quality { crf, max_bps: 1, buffer_bits: 1 });
            assert_eq!(settings["cq"], expected);
        }
    }

    #[test]
    fn pictures_that_no_chip_takes_are_of_no_class() {
        let ladder = [(1920, 1080), (256, 144)];
        for (sizes, expected) in [
            (&ladder[..], Some("hd")),
            (&[(1080, 1920)], Some("hd")),
            (&[(3840, 2160), (640, 360)], Some("uhd")),
            (&[(82, 144)], None),
            (&[(7680, 4320)], None),
            (&[(8192, 200)], None),
            (&[], None),
        ] {
            assert_eq!(hardware_class(sizes.iter().copied()), expected, "{sizes:?}");
        }
    }

    #[test]
    fn what_no_device_can_replace_has_no_alternative() {
        assert_eq!(hardware_for("rav1e", "yuv420p").count(), 0);
        assert_eq!(hardware_for("libx264", "yuv420p10le").count(), 0);
        assert!(hardware_for("libx264", "yuv420p").count() >= 3);
    }
}
