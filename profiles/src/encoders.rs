//! The encoders that profiles may name, with what the planner must know of each: how its quality and its cap are
//! passed, and which settings belong to the plan and are refused in a profile.

use std::ops::RangeInclusive;

/// A video encoder.
#[derive(Debug)]
pub struct VideoEncoder {
    /// As profiles and runners name it.
    pub name: &'static str,
    /// Legal values of `crf`; none: the encoder takes its quality as a setting.
    pub crf: Option<RangeInclusive<u32>>,
    /// Takes `maxrate` and `bufsize` together with a constant quality.
    pub capped: bool,
    /// Settings that change bytes and would depend on the machine if nobody fixed them.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Pixel formats that it takes.
    pub pixel_formats: &'static [&'static str],
}

/// An audio encoder.
#[derive(Debug)]
pub struct AudioEncoder {
    /// As profiles and runners name it.
    pub name: &'static str,
    /// FFmpeg's name of the codec that it writes.
    pub codec: &'static str,
    /// Sample rates that it writes, rising.
    pub sample_rates_hz: &'static [u32],
    /// Bits that a channel can hold for each of its samples.
    pub max_bits_per_sample: u32,
}

/// Settings that the plan decides by rules of the profile; `[video.settings]` may not name them.
pub(crate) const PLANNED_SETTINGS: [&str; 12] = [
    "b",
    "bufsize",
    "crf",
    "flags",
    "forced-idr",
    "g",
    "keyint_min",
    "maxrate",
    "pix_fmt",
    "r",
    "sc_threshold",
    "time_base",
];

/// All video encoders.
pub const VIDEO_ENCODERS: [VideoEncoder; 3] = [
    VideoEncoder {
        name: "libx264",
        crf: Some(0..=51),
        capped: true,
        fixed: &[("threads", "1")],
        pixel_formats: &["yuv420p", "yuv420p10le"],
    },
    VideoEncoder {
        name: "libsvtav1",
        crf: Some(1..=63),
        capped: true,
        fixed: &[("svtav1-params", "lp=1")],
        pixel_formats: &["yuv420p", "yuv420p10le"],
    },
    VideoEncoder {
        name: "rav1e",
        crf: None,
        capped: false,
        fixed: &[("tiles", "1")],
        pixel_formats: &["yuv420p", "yuv420p10le"],
    },
];

/// All audio encoders. Rates above 48 kHz are left out on purpose: browsers resample them.
pub const AUDIO_ENCODERS: [AudioEncoder; 2] = [
    AudioEncoder {
        name: "aac",
        codec: "aac",
        sample_rates_hz: &[8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000],
        // 6144 bits a frame of 1024 samples (ISO/IEC 14496-3, 4.5.3.2).
        max_bits_per_sample: 6,
    },
    // 256 kbit/s a channel at 48 kHz (libopus refuses more).
    AudioEncoder { name: "libopus", codec: "opus", sample_rates_hz: &[48_000], max_bits_per_sample: 5 },
];

/// The video encoder of that name.
pub fn video_encoder(name: &str) -> Option<&'static VideoEncoder> {
    VIDEO_ENCODERS.iter().find(|encoder| encoder.name == name)
}

/// The audio encoder of that name.
pub fn audio_encoder(name: &str) -> Option<&'static AudioEncoder> {
    AUDIO_ENCODERS.iter().find(|encoder| encoder.name == name)
}
