//! A device for tests, in debug builds only: a software encoder under the name of a device's, which fails as it is told to.
//! Its node is a folder. `sessions` in it holds how many encoders may be open at a time on the whole machine, `fault`
//! what goes wrong: "gone", or a word and the number of the frame at which it happens, "fail 40". Nothing in it: all is
//! well. Both are read whenever they matter, so that a test can change them in the middle of work.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ffmpeg_next::frame;

use super::{Packet, VideoEncoder, VideoSettings, libav};
use crate::error::{Error, Result};
use crate::fragment::Codec;

/// End of its encoders' names.
pub const SUFFIX: &str = "_test";

/// What FFmpeg writes when NVENC has no session left.
const NO_SESSION: &str = "OpenEncodeSessionEx failed: out of memory (10): (no details)";

/// The encoder.
pub struct Encoder {
    inner: libav::Encoder,
    folder: PathBuf,
    sent: u64,
    /// Held for as long as the encoder lives, and no longer than its process.
    _session: File,
}

/// What is to go wrong.
enum Fault {
    None,
    Gone,
    At(String, u64),
}

/// Whether the device is there.
pub fn open_device(folder: &Path) -> Result<()> {
    match fault(folder) {
        Fault::Gone => Err(Error::Device("the device test does not open".into())),
        _ if !folder.is_dir() => Err(Error::Device("there is no device test".into())),
        _ => Ok(()),
    }
}

impl Encoder {
    /// Opens the encoder that a device of tests has.
    pub fn open(settings: &VideoSettings) -> Result<Self> {
        let node = settings.device.as_ref().and_then(|device| device.node.clone());
        let folder = PathBuf::from(node.ok_or_else(|| Error::Device("there is no device test".into()))?);
        open_device(&folder)?;
        let session = take_session(&folder)?;
        let mut options = settings.options.clone();
        // Another stream header than that of the software encoder under its own name: a mix of both could not be joined.
        options.extend(BTreeMap::from([("coder".to_owned(), "vlc".to_owned())]));
        let settings = VideoSettings { encoder: "libx264".into(), options, ..settings.clone() };
        Ok(Self { inner: libav::Encoder::open(&settings)?, folder, sent: 0, _session: session })
    }
}

impl VideoEncoder for Encoder {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn header(&self) -> Result<Vec<u8>> {
        self.inner.header()
    }

    fn send(&mut self, frame: &mut frame::Video, key: bool, time: i64) -> Result<()> {
        self.sent += 1;
        match fault(&self.folder) {
            Fault::Gone => return Err(Error::Device("the driver is gone".into())),
            Fault::At(what, at) if self.sent > at => match what.as_str() {
                "fail" => return Err(Error::Device(format!("the device failed at frame {at}"))),
                "hang" => loop {
                    std::thread::park();
                },
                "crash" => std::process::abort(),
                "wrong" => return self.inner.send(&mut negative(frame), key, time),
                other => return Err(Error::Internal(format!("the device of tests knows no fault {other}"))),
            },
            _ => {}
        }
        self.inner.send(frame, key, time)
    }

    fn finish(&mut self) -> Result<()> {
        self.inner.finish()
    }

    fn receive(&mut self) -> Result<Option<Packet>> {
        self.inner.receive()
    }
}

fn fault(folder: &Path) -> Fault {
    let text = fs::read_to_string(folder.join("fault")).unwrap_or_default();
    let mut words = text.split_whitespace();
    match (words.next(), words.next().and_then(|number| number.parse().ok())) {
        (None, _) => Fault::None,
        (Some("gone"), _) => Fault::Gone,
        (Some(what), at) => Fault::At(what.to_owned(), at.unwrap_or(0)),
    }
}

/// One of the files that stand for sessions, locked.
fn take_session(folder: &Path) -> Result<File> {
    let limit = fs::read_to_string(folder.join("sessions")).ok().and_then(|text| text.trim().parse().ok());
    for number in 0..limit.unwrap_or(64_u32) {
        let opened = File::options().create(true).append(true).open(folder.join(format!("session-{number}")));
        let file = opened.map_err(|error| Error::Device(format!("the device test: {error}")))?;
        if file.try_lock().is_ok() {
            return Ok(file);
        }
    }
    eprintln!("[h264_test @ 0x1] {NO_SESSION}");
    Err(Error::Device("h264_test does not start: no session is left".into()))
}

fn negative(frame: &frame::Video) -> frame::Video {
    let mut negative = frame.clone();
    negative.data_mut(0).iter_mut().for_each(|sample| *sample = 255 - *sample);
    negative
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ffmpeg_next::format::Pixel;

    use super::*;
    use crate::encode;
    use crate::spec::{Colour, DeviceName, Rational};

    fn open(folder: &Path) -> Result<Box<dyn VideoEncoder>> {
        encode::open(&VideoSettings {
            encoder: "h264_test".into(),
            width: 64,
            height: 64,
            pixel_format: Pixel::YUV420P,
            frame_rate: Rational { numerator: 24, denominator: 1 },
            variable_timescale: None,
            gop_frames: 4,
            colour: Colour::default(),
            options: BTreeMap::new(),
            device: Some(DeviceName { kind: "test".into(), node: Some(folder.display().to_string()) }),
        })
    }

    fn encode(folder: &Path) -> Result<usize> {
        let mut encoder = open(folder)?;
        let mut count = 0;
        for number in 0..12 {
            let mut picture = frame::Video::new(Pixel::YUV420P, 64, 64);
            (0..3).for_each(|plane| picture.data_mut(plane).fill(if plane == 0 { 60 } else { 128 }));
            encoder.send(&mut picture, number % 4 == 0, number)?;
            while encoder.receive()?.is_some() {
                count += 1;
            }
        }
        encoder.finish()?;
        while encoder.receive()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    fn why(folder: &Path, fault: &str) -> String {
        fs::write(folder.join("fault"), fault).unwrap();
        match encode(folder) {
            Err(Error::Device(why)) => why,
            other => panic!("{fault}: {other:?}"),
        }
    }

    #[test]
    fn it_encodes_and_fails_as_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(encode(folder.path()), Ok(12));
        assert!(why(folder.path(), "fail 5").contains("failed at frame 5"));
        // The keyframe behind the fault is the first that is looked at.
        assert!(why(folder.path(), "wrong 5").contains("frame 8 differs by"));
        assert!(why(folder.path(), "gone").contains("does not open"));
        assert!(open(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn sessions_are_counted_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("sessions"), "2").unwrap();
        let held = [open(folder.path()).unwrap(), open(folder.path()).unwrap()];
        assert!(open(folder.path()).is_err());
        drop(held);
        assert!(open(folder.path()).is_ok());
    }
}
