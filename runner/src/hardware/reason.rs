//! Why a device does not work: a pure function of what the trial answered and of what the libraries wrote.

use flotilla_engine::report::DeviceAnswer;
use serde::{Deserialize, Serialize};

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The engine answered; with it what the libraries wrote.
    Answered(DeviceAnswer, String),
    /// It said nothing within the limit.
    Hung,
    /// It died; with it what the libraries wrote.
    Died(String),
}

/// Why a device does not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is none of this kind.
    NoDevice,
    /// There is one, and this user may not open it.
    NoPermission,
    /// This chip, or this FFmpeg, cannot do it.
    NoEncoder,
    /// All sessions of the encoder, or all memory of the device, are taken. It works, at another time: this is back-pressure,
    /// not a failure.
    SessionLimit,
    /// Driver and library do not fit each other.
    DriverMismatch,
    /// The driver's library is not installed.
    LibraryMissing,
    /// It did something, and that was wrong.
    WrongOutput,
    /// It did nothing within the limit.
    Hung,
    /// It took its process down.
    Crashed,
}

/// What libraries write, in lower case, the more telling first: the first match counts.
const WORDS: [(&str, Reason); 20] = [
    ("permission denied", Reason::NoPermission),
    ("openencodesessionex failed: out of memory", Reason::SessionLimit),
    ("incompatible client key", Reason::SessionLimit),
    // A device that is out of memory has no room for one more either: in CUDA's, VA-API's and Vulkan's words.
    ("cuda_error_out_of_memory", Reason::SessionLimit),
    ("resource allocation failed", Reason::SessionLimit),
    ("vk_error_out_of_device_memory", Reason::SessionLimit),
    ("driver does not support the required nvenc api version", Reason::DriverMismatch),
    ("minimum required nvidia driver", Reason::DriverMismatch),
    ("cuda_error_system_driver_mismatch", Reason::DriverMismatch),
    ("cannot load libcuda", Reason::LibraryMissing),
    ("cannot load libnvidia-encode", Reason::LibraryMissing),
    ("cannot load nvcuvid", Reason::LibraryMissing),
    ("cannot load libnvcuvid", Reason::LibraryMissing),
    ("unsupported device", Reason::NoEncoder),
    ("codec not supported", Reason::NoEncoder),
    ("no usable encoding", Reason::NoEncoder),
    ("10 bit encode not supported", Reason::NoEncoder),
    ("vk_khr_video_encode_queue", Reason::NoEncoder),
    ("no capable devices found", Reason::NoEncoder),
    ("could not find a valid device", Reason::NoDevice),
];

/// EACCES as FFmpeg returns it.
const ACCESS: i32 = -13;

/// Why it does not work, and the words for people; none: it works.
pub fn classify(ending: &Ending) -> Option<(Reason, String)> {
    match ending {
        Ending::Hung => Some((Reason::Hung, "it was silent for too long".to_owned())),
        Ending::Died(words) => Some((Reason::Crashed, last_line(words).to_owned())),
        Ending::Answered(DeviceAnswer::Works(_), log) => software(log).map(|line| (Reason::NoDevice, line)),
        Ending::Answered(DeviceAnswer::NotBuilt { name }, _) => {
            Some((Reason::NoEncoder, format!("this FFmpeg has no {name}")))
        }
        Ending::Answered(DeviceAnswer::Wrong { what }, _) => Some((Reason::WrongOutput, what.clone())),
        Ending::Answered(DeviceAnswer::Refused { code, message }, log) => Some(refusal(*code, message, log)),
    }
}

fn refusal(code: i32, message: &str, log: &str) -> (Reason, String) {
    let lower = log.to_lowercase();
    let told = WORDS.iter().find(|(words, _)| lower.contains(words));
    match told {
        Some((words, reason)) => {
            let line = log.lines().find(|line| line.to_lowercase().contains(words)).unwrap_or(message);
            (*reason, plain(line))
        }
        None if code == ACCESS => (Reason::NoPermission, message.to_owned()),
        None => (Reason::NoDevice, message.to_owned()),
    }
}

/// Vulkan takes a renderer that is software for a device, and says so only here.
fn software(log: &str) -> Option<String> {
    let is_software =
        |line: &&str| line.contains("selected") && (line.contains("llvmpipe") || line.contains("(software)"));
    let line = log.lines().find(is_software)?;
    Some(format!("only a renderer in software: {}", plain(line)))
}

/// A log line without the part that names FFmpeg's object.
fn plain(line: &str) -> String {
    let words = match line.trim_start().starts_with('[') {
        true => line.split_once("] ").map_or(line, |(_, words)| words),
        false => line,
    };
    words.trim().to_owned()
}

fn last_line(words: &str) -> &str {
    words.lines().next_back().filter(|line| !line.is_empty()).unwrap_or("the engine died without a word")
}

impl Reason {
    /// What helps.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoDevice => {
                "nothing to do, unless this machine should have one: is it passed into the container?"
            }
            Self::NoPermission => "add the user to the groups render and video, then start the runner again",
            Self::NoEncoder => "nothing to do: software encodes; or install an FFmpeg that is built with it",
            Self::SessionLimit => "it works: let other programs end their encodes, or use fewer slots",
            Self::DriverMismatch => "update the driver, then restart the machine",
            Self::LibraryMissing => "install the driver's libraries (NVIDIA: libnvidia-encode1 and libcuda1)",
            Self::WrongOutput => "do not use it: update the driver and try again",
            Self::Hung => "restart the machine, and update the driver if it hangs again",
            Self::Crashed => "update the driver; the kernel's log (dmesg) may tell more",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i32, log: &str) -> Option<Reason> {
        let answer = DeviceAnswer::Refused { code, message: "the device".into() };
        classify(&Ending::Answered(answer, log.into())).map(|(reason, _)| reason)
    }

    #[test]
    fn what_ffmpeg_says_becomes_a_reason() {
        for (code, log, reason) in [
            (-1, "[AVHWDeviceContext @ 0x1] Cannot load libcuda.so.1", Reason::LibraryMissing),
            (-542398533, "", Reason::NoDevice),
            (-22, "Could not find a valid device", Reason::NoDevice),
            (-13, "", Reason::NoPermission),
            (-22, "[vaapi] Failed to open /dev/dri/renderD128: Permission denied", Reason::NoPermission),
            (-12, "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10)", Reason::SessionLimit),
            (
                -12,
                "cu->cuMemAlloc(..) failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory",
                Reason::SessionLimit,
            ),
            (-5, "Failed to create surface: 2 (resource allocation failed).", Reason::SessionLimit),
            (-1, "OpenEncodeSessionEx failed: unsupported device (2): (no details)", Reason::NoEncoder),
            (-38, "Driver does not support the required nvenc API version.", Reason::DriverMismatch),
            (-95, "Device does not support the VK_KHR_video_encode_queue extension", Reason::NoEncoder),
        ] {
            assert_eq!(refused(code, log), Some(reason), "{log}");
        }
    }

    #[test]
    fn a_renderer_in_software_is_no_device() {
        let log = "[vulkan] Device 0 selected: llvmpipe (LLVM 15.0.6, 256 bits) (software)";
        let works = || DeviceAnswer::Works(Default::default());
        let found = classify(&Ending::Answered(works(), log.into()));
        assert_eq!(found.map(|(reason, _)| reason), Some(Reason::NoDevice));
        let log = "[vulkan] Device 0 selected: a card (discrete)";
        assert_eq!(classify(&Ending::Answered(works(), log.into())), None);
    }
}
