//! What FFmpeg's encoders of hardware devices have in common and where they differ: which pictures they take, where they
//! find their device, and which of their settings make chunks joinable. Which quality they are to make is the plan's.

use std::collections::BTreeMap;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{encoder, frame};

use super::VideoSettings;
use crate::error::{Error, Result};
use crate::ffi::{self, Device};
use crate::fragment::Codec;
use crate::semi_planar;
use crate::spec::DeviceName;

/// One maker's encoders.
struct Family {
    /// End of their names.
    suffix: &'static str,
    /// They take pictures of this format, which lie on the device; none: pictures in memory.
    on_device: Option<Pixel>,
    /// Settings that make chunks joinable: closed GOPs, keyframes where they are asked for and nowhere else.
    joinable: &'static [(&'static str, &'static str)],
    /// A quality for trials, by the settings that plans use.
    trial: &'static [(&'static str, &'static str)],
}

const RATE: [(&str, &str); 3] = [("b", "4000000"), ("maxrate", "8000000"), ("bufsize", "16000000")];

/// Those that plans may name, and one for tests.
const FAMILIES: [Family; 4] = [
    Family {
        suffix: "_nvenc",
        on_device: None,
        joinable: &[("forced-idr", "1"), ("no-scenecut", "1"), ("strict_gop", "1")],
        trial: &[("preset", "p4"), ("rc", "vbr"), ("cq", "23"), ("bf", "2"), ("b_ref_mode", "disabled")],
    },
    Family {
        suffix: "_qsv",
        on_device: None,
        joinable: &[("forced_idr", "1"), ("idr_interval", "0"), ("adaptive_i", "0"), ("adaptive_b", "0")],
        trial: &[("preset", "medium"), ("global_quality", "23"), ("bf", "2")],
    },
    Family {
        suffix: "_vaapi",
        on_device: Some(Pixel::VAAPI),
        joinable: &[("idr_interval", "0")],
        trial: &[("rc_mode", "QVBR"), ("global_quality", "23"), ("bf", "0")],
    },
    // Compiled into debug builds only, see `faulty`.
    Family {
        suffix: "_test",
        on_device: None,
        joinable: &[],
        trial: &[("preset", "ultrafast"), ("crf", "23")],
    },
];

/// How an encoder of a device is fed.
pub struct Feed {
    /// Kept open for as long as the encoder lives.
    _device: Option<Device>,
    on_device: bool,
}

/// The codec of an encoder of a device; none: it is no such encoder that could be used here.
pub fn codec(name: &str) -> Option<Codec> {
    family(name)?;
    match name.split('_').next()? {
        "h264" => Some(Codec::H264),
        "hevc" => Some(Codec::Hevc),
        "av1" => Some(Codec::Av1),
        _ => None,
    }
}

/// Whether its pictures are a device's work.
pub fn is_hardware(name: &str) -> bool {
    codec(name).is_some()
}

/// Settings that make chunks joinable.
pub fn joinable(name: &str) -> &'static [(&'static str, &'static str)] {
    family(name).map_or(&[], |family| family.joinable)
}

/// The setting that tells an encoder which card is meant. Others are told by the device that lends them their pictures.
pub fn which(settings: &VideoSettings) -> Option<(String, String)> {
    let number = settings.device.as_ref()?.node.clone()?;
    settings.encoder.ends_with("_nvenc").then(|| ("gpu".to_owned(), number))
}

/// The settings of a trial.
pub fn trial_options(name: &str) -> BTreeMap<String, String> {
    let own = family(name).map_or(&[][..], |family| family.trial);
    let rate = RATE.iter().filter(|(setting, _)| *setting != "b" || !name.ends_with("_test"));
    own.iter().chain(rate).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Feed {
    /// Gives an encoder that is not yet open its device and the format of its pictures.
    pub fn prepare(settings: &VideoSettings, video: &mut encoder::video::Video) -> Result<Self> {
        let name = settings.encoder.as_str();
        let format = semi_planar::layout(settings.pixel_format)
            .ok_or_else(|| Error::Profile(format!("{name} takes no {:?}", settings.pixel_format)))?;
        let Some(on_device) = family(name).and_then(|family| family.on_device) else {
            video.set_format(format);
            return Ok(Self { _device: None, on_device: false });
        };
        let device =
            open(settings.device.as_ref().unwrap_or(&DeviceName { kind: "vaapi".into(), node: None }))?;
        video.set_format(on_device);
        let size = (settings.width, settings.height);
        device
            .lend_pictures(video, on_device, format, size)
            .map_err(|error| Error::Device(format!("pictures on the device: {error}")))?;
        Ok(Self { _device: Some(device), on_device: true })
    }

    /// A picture as the encoder takes it.
    pub fn picture(
        &self,
        context: &ffmpeg_next::codec::Context,
        picture: &frame::Video,
    ) -> Result<frame::Video> {
        let packed = semi_planar::pack(picture);
        match self.on_device {
            false => Ok(packed),
            true => ffi::upload(context, &packed)
                .map_err(|error| Error::Device(format!("a picture for the device: {error}"))),
        }
    }
}

/// Opens a device.
pub fn open(name: &DeviceName) -> Result<Device> {
    if !ffi::has_device_kind(&name.kind) {
        return Err(Error::Device(format!("this FFmpeg knows no device {}", name.kind)));
    }
    Device::open(&name.kind, name.node.as_deref())
        .map_err(|error| Error::Device(format!("the device {} does not open: {error}", name.kind)))
}

fn family(name: &str) -> Option<&'static Family> {
    let usable = |family: &&Family| {
        name.ends_with(family.suffix) && (family.suffix != "_test" || cfg!(debug_assertions))
    };
    FAMILIES.iter().find(usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_of_devices_are_told_from_others_by_their_names() {
        for (name, expected) in [
            ("h264_nvenc", Some(Codec::H264)),
            ("hevc_vaapi", Some(Codec::Hevc)),
            ("av1_qsv", Some(Codec::Av1)),
            ("vp9_vaapi", None),
            ("h264_v4l2m2m", None),
            ("libx264", None),
        ] {
            assert_eq!(codec(name), expected, "{name}");
        }
    }

    /// A setting that FFmpeg's encoder does not have would be refused only on a machine with the device.
    #[test]
    fn this_ffmpeg_knows_every_setting() {
        let mut known = 0;
        for name in ["h264_nvenc", "h264_qsv", "h264_vaapi"] {
            let Some(library) = encoder::find_by_name(name) else { continue };
            known += 1;
            let settings = trial_options(name).into_keys();
            let joinable = joinable(name).iter().map(|(setting, _)| (*setting).to_owned());
            let which = (name == "h264_nvenc").then(|| "gpu".to_owned());
            for setting in settings.chain(joinable).chain(which) {
                assert!(ffi::has_option(library, &setting), "{name} has no {setting}");
            }
            assert!(!ffi::has_option(library, "fancy"));
        }
        assert!(known > 0, "this FFmpeg has none of them");
    }
}
