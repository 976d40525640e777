//! The times of a stream's packets, and which of them are shown.

use ffmpeg_next::codec::Id;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::{Packet, Stream};

use crate::ffi;

/// What one pass over a stream's packets told.
pub struct Times {
    codec: Id,
    /// Presentation time, duration and whether it is a keyframe, of each packet shown; in file order until sorted.
    pub shown: Vec<(i64, i64, bool)>,
    /// Some packet has no presentation time.
    pub incomplete: bool,
    /// Presentation time and size of each packet shown; in file order.
    pub sizes: Vec<(i64, u64)>,
    /// Of all packets.
    pub bytes: u64,
    /// Samples to leave out at the start (encoder priming).
    pub skip_samples: u32,
}

impl Times {
    /// Nothing yet.
    pub fn new(stream: &Stream) -> Self {
        let codec = stream.parameters().id();
        Self { codec, shown: Vec::new(), incomplete: false, sizes: Vec::new(), bytes: 0, skip_samples: 0 }
    }

    /// Takes a packet into account.
    pub fn add(&mut self, packet: &Packet) {
        self.bytes += packet.size() as u64;
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
            None => self.incomplete = true,
        }
    }

    /// Bytes of each run of so many frames, in display order; empty when the frames' own packets are not known.
    pub fn block_bytes(&mut self, block_frames: usize) -> Vec<u64> {
        if self.incomplete {
            return Vec::new();
        }
        self.sizes.sort_unstable();
        // Packets of one time are one frame's.
        let frames = self.sizes.chunk_by(|(a, _), (b, _)| a == b);
        let bytes: Vec<u64> = frames.map(|frame| frame.iter().map(|(_, bytes)| bytes).sum()).collect();
        bytes.chunks(block_frames).map(|block| block.iter().sum()).collect()
    }

    /// End of the last packet minus start of the first.
    pub fn span(&self) -> i64 {
        let start = self.shown.iter().map(|(pts, ..)| *pts).min();
        let end = self.shown.iter().map(|(pts, duration, _)| pts + duration).max();
        end.zip(start).map_or(0, |(end, start)| end - start)
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
