//! The times of a stream's packets, and which of them are shown.

use ffmpeg_next::codec::Id;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::{Packet, Stream};

use crate::ffi;

/// Presentation time, duration and whether it is a keyframe.
pub type Shown = (i64, i64, bool);

/// A clock that falls back this far was set back; less is the order of decoding.
const SET_BACK_SECONDS: i64 = 1;

/// Why the packets do not tell the times of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Some packet has no presentation time.
    Missing,
    /// Some have the same.
    Repeated,
    /// The clock was set back in the middle.
    SetBack,
    /// The decoder gives others.
    Contradicted,
}

impl Flaw {
    /// For people.
    pub fn words(self, stream_index: usize) -> String {
        let what = match self {
            Self::Missing => "has frames without times",
            Self::Repeated => "has frames with the same time",
            Self::SetBack => "has a clock that is set back in the middle",
            Self::Contradicted => "states times that are not those of its frames",
        };
        format!("video stream {stream_index} {what}; they were taken from a decode")
    }
}

/// What one pass over a stream's packets told.
pub struct Times {
    codec: Id,
    /// Each packet shown, in file order.
    pub shown: Vec<Shown>,
    /// Why these are not the times of the frames; none: they may be.
    pub flaw: Option<Flaw>,
    set_back_ticks: i64,
    latest_dts: Option<i64>,
    start: Option<i64>,
    end: Option<i64>,
    /// Presentation time and size of each packet shown.
    sizes: Vec<(i64, u64)>,
    /// Of all packets.
    pub bytes: u64,
    /// Samples to leave out at the start (encoder priming).
    pub skip_samples: u32,
}

impl Times {
    /// Nothing yet.
    pub fn new(stream: &Stream) -> Self {
        let codec = stream.parameters().id();
        let time_base = stream.time_base();
        let second_ticks = i64::from(time_base.denominator()) / i64::from(time_base.numerator().max(1));
        Self {
            codec,
            shown: Vec::new(),
            sizes: Vec::new(),
            flaw: None,
            set_back_ticks: SET_BACK_SECONDS * second_ticks.max(1),
            latest_dts: None,
            start: None,
            end: None,
            bytes: 0,
            skip_samples: 0,
        }
    }

    /// Takes a packet into account.
    pub fn add(&mut self, packet: &Packet) {
        self.bytes += packet.size() as u64;
        if let (Some(dts), Some(latest)) = (packet.dts(), self.latest_dts)
            && latest.saturating_sub(dts) > self.set_back_ticks
        {
            self.flaw = Some(Flaw::SetBack);
        }
        self.latest_dts = packet.dts().or(self.latest_dts);
        // What an edit list hides is there all the same.
        if let Some(time) = packet.pts().or(packet.dts()) {
            self.start = Some(self.start.map_or(time, |start| start.min(time)));
            self.end = self.end.max(Some(time.saturating_add(packet.duration().max(0))));
        }
        if ffi::is_discarded(packet) || self.is_hidden(packet) {
            return;
        }
        if self.shown.is_empty() {
            self.skip_samples = skip_samples(packet);
        }
        match packet.pts() {
            Some(pts) => {
                self.shown.push((pts, packet.duration(), packet.is_key()));
                self.sizes.push((pts, packet.size() as u64));
            }
            None => self.flaw = self.flaw.or(Some(Flaw::Missing)),
        }
    }

    /// End of the last packet.
    pub fn end(&self) -> i64 {
        self.end.unwrap_or(0)
    }

    /// Bytes of each run of so many of the frames in `shown`; empty when their packets are not known.
    pub fn block_bytes(&mut self, block_frames: usize) -> Vec<u64> {
        self.sizes.sort_unstable();
        // Packets of one time are one frame's.
        let of_frame = |(pts, ..): &Shown| -> Option<u64> {
            let first = self.sizes.partition_point(|(time, _)| time < pts);
            let packets = self.sizes[first..].iter().take_while(|(time, _)| time == pts);
            let bytes = packets.map(|(_, bytes)| bytes).sum();
            (bytes > 0).then_some(bytes)
        };
        let frames: Option<Vec<u64>> = self.shown.iter().map(of_frame).collect();
        frames.unwrap_or_default().chunks(block_frames).map(|block| block.iter().sum()).collect()
    }

    /// End of the last packet minus start of the first.
    pub fn span(&self) -> i64 {
        self.start.map_or(0, |start| self.end().saturating_sub(start).max(0))
    }

    /// VP8 stores references that are never shown as packets of their own (RFC 6386 §9.1, `show_frame`).
    fn is_hidden(&self, packet: &Packet) -> bool {
        self.codec == Id::VP8
            && packet.data().and_then(|data| data.first()).is_some_and(|byte| byte & 0x10 == 0)
    }
}

fn skip_samples(packet: &Packet) -> u32 {
    let data = packet.side_data().find(|data| data.kind() == side_data::Type::SkipSamples);
    let start = data.and_then(|data| data.data().first_chunk().copied());
    start.map_or(0, u32::from_le_bytes)
}
