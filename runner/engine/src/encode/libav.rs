//! Video encoders of FFmpeg's libavcodec. Whatever would make bytes depend on the machine or on the content's scene
//! cuts is pinned here; all else is the plan's.

use std::collections::HashMap;

use ffmpeg_next::codec::{Context, Flags};
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::{encoder, frame, picture};

use super::hardware::{self, Feed};
use super::{Packet, VideoEncoder, VideoSettings};
use crate::error::{Error, Result};
use crate::ffi;
use crate::fragment::Codec;

/// An encoder of libavcodec.
pub struct Encoder {
    encoder: encoder::video::Video,
    codec: Codec,
    name: String,
    sent: u64,
    /// Frames by their times, from when they are sent to when their packets come; none: the encoder counts frames.
    times: Option<HashMap<i64, u64>>,
    /// For an encoder of a device.
    feed: Option<Feed>,
}

impl Encoder {
    /// Opens the encoder; an option that it does not know is refused by name.
    pub fn open(settings: &VideoSettings) -> Result<Self> {
        let name = settings.encoder.clone();
        let codec = match name.as_str() {
            "libx264" => Codec::H264,
            "libx265" => Codec::Hevc,
            "libsvtav1" => Codec::Av1,
            "libvpx-vp9" => Codec::Vp9,
            other => hardware::codec(other)
                .ok_or_else(|| Error::Profile(format!("there is no video encoder {other}")))?,
        };
        let library = encoder::find_by_name(&name)
            .ok_or_else(|| Error::Runner(format!("FFmpeg on this machine lacks the encoder {name}")))?;
        let mut encoder = prepare(library, settings)?;
        let feed = match hardware::is_hardware(&name) {
            true => Some(Feed::prepare(settings, &mut encoder)?),
            false => None,
        };
        let options = options(settings);
        let options: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let left = ffi::open_codec(&mut encoder, library, &options).map_err(|error| match feed {
            Some(_) => Error::Device(format!("{name} does not start: {error}")),
            None => refused(&name, error),
        })?;
        match left.first() {
            Some(option) => Err(Error::Profile(format!("{name} has no setting \"{option}\""))),
            None => {
                let times = told_timescale(settings).map(|_| HashMap::new());
                Ok(Self { encoder, codec, name, sent: 0, times, feed })
            }
        }
    }
}

impl VideoEncoder for Encoder {
    fn codec(&self) -> Codec {
        self.codec
    }

    fn header(&self) -> Result<Vec<u8>> {
        Ok(ffi::extradata(&self.encoder))
    }

    fn send(&mut self, frame: &mut frame::Video, key: bool, time: i64) -> Result<()> {
        match &mut self.times {
            Some(times) => {
                times.insert(time, self.sent);
                frame.set_pts(Some(time));
            }
            None => frame.set_pts(i64::try_from(self.sent).ok()),
        }
        // The source's own picture types must not steer the encoder.
        frame.set_kind(if key { picture::Type::I } else { picture::Type::None });
        self.sent += 1;
        let sent = match &self.feed {
            None => self.encoder.send_frame(frame),
            Some(feed) => {
                let mut picture = feed.picture(&self.encoder, frame)?;
                picture.set_pts(frame.pts());
                picture.set_kind(frame.kind());
                self.encoder.send_frame(&picture)
            }
        };
        sent.map_err(|error| self.failed(error))
    }

    fn finish(&mut self) -> Result<()> {
        self.encoder.send_eof().map_err(|error| self.failed(error))
    }

    fn receive(&mut self) -> Result<Option<Packet>> {
        let mut packet = ffmpeg_next::Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => {}
            Err(ffmpeg_next::Error::Eof | ffmpeg_next::Error::Other { errno: EAGAIN }) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        }
        let frame = packet.pts().and_then(|pts| match &mut self.times {
            Some(times) => times.remove(&pts),
            None => u64::try_from(pts).ok(),
        });
        let frame =
            frame.ok_or_else(|| Error::Internal(format!("{}: a packet names no frame", self.name)))?;
        Ok(Some(Packet { data: packet.data().unwrap_or_default().to_vec(), key: packet.is_key(), frame }))
    }
}

impl Encoder {
    fn failed(&self, error: ffmpeg_next::Error) -> Error {
        match self.feed {
            Some(_) => Error::Device(format!("{} failed: {error}", self.name)),
            None => Error::machinery(&self.name, error),
        }
    }
}

fn prepare(library: ffmpeg_next::Codec, settings: &VideoSettings) -> Result<encoder::video::Video> {
    let rate = settings.frame_rate;
    let (Ok(numerator), Ok(denominator)) = (i32::try_from(rate.numerator), i32::try_from(rate.denominator))
    else {
        return Err(Error::Profile(format!(
            "no encoder takes {}/{} frames a second",
            rate.numerator, rate.denominator
        )));
    };
    let context = Context::new_with_codec(library).encoder().video();
    let mut encoder = context.map_err(|error| Error::machinery("cannot set up the encoder", error))?;
    encoder.set_width(settings.width);
    encoder.set_height(settings.height);
    encoder.set_format(settings.pixel_format);
    // A frame is a tick, unless frames last differently long.
    let told = told_timescale(settings).map(|timescale| (1, timescale));
    encoder.set_time_base(told.unwrap_or((denominator, numerator)));
    encoder.set_frame_rate(Some((numerator, denominator)));
    encoder.set_aspect_ratio((1, 1));
    encoder.set_flags(Flags::GLOBAL_HEADER | Flags::CLOSED_GOP);
    Ok(encoder)
}

/// Ticks per second of the true times, where the encoder is told them. x264 writes the tick into its stream as the frame
/// rate, and spends its bit rate by the true times: the mean rate would be wrong for both. The other encoders want a rate.
fn told_timescale(settings: &VideoSettings) -> Option<i32> {
    let timescale = settings.variable_timescale.filter(|_| settings.encoder == "libx264")?;
    i32::try_from(timescale).ok()
}

/// The plan's options, and over them those that make chunks joinable.
fn options(settings: &VideoSettings) -> Vec<(String, String)> {
    let mut options = settings.options.clone();
    let hardware = hardware::joinable(&settings.encoder);
    options.extend(hardware.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    options.extend(hardware::which(settings));
    if !hardware::is_hardware(&settings.encoder) {
        options.entry("threads".into()).or_insert_with(|| "1".into());
    }
    let gop = settings.gop_frames;
    let colour = settings.colour;
    let range = if colour.full_range { "pc" } else { "tv" };
    options.insert("g".into(), gop.to_string());
    options.insert("color_primaries".into(), colour.primaries.to_string());
    options.insert("color_trc".into(), colour.transfer.to_string());
    options.insert("colorspace".into(), colour.matrix.to_string());
    options.insert("color_range".into(), range.into());
    let (list, ours) = match settings.encoder.as_str() {
        // Headers that do not depend on the content, so that those of all chunks are equal.
        "libx264" => ("x264-params", format!("stitchable=1:scenecut=0:keyint={gop}:min-keyint={gop}")),
        "libx265" => (
            "x265-params",
            format!("scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}:pools=none:frame-threads=1"),
        ),
        "libsvtav1" => ("svtav1-params", "lp=1:scd=0".to_owned()),
        _ => return options.into_iter().collect(),
    };
    let params = options.entry(list.into()).or_default();
    *params = if params.is_empty() { ours } else { format!("{params}:{ours}") };
    if list != "svtav1-params" {
        options.insert("forced-idr".into(), "1".into());
    }
    options.into_iter().collect()
}

fn refused(name: &str, error: ffmpeg_next::Error) -> Error {
    match error {
        ffmpeg_next::Error::Other { errno: ffmpeg_next::error::ENOMEM } => {
            Error::Runner(format!("there is not enough memory for {name}"))
        }
        other => Error::Profile(format!("{name} refuses its settings: {other}")),
    }
}
