//! The decoded frames of one video stream, in display order, each with its time in the source.

use std::collections::HashSet;

use ffmpeg_next::error::{EAGAIN, ENOMEM};
use ffmpeg_next::{Packet, decoder, frame, picture};

use super::clock::Clock;
use super::{Source, too_large};
use crate::error::{Error, Result};
use crate::ffi;
use crate::pipe::SharedInputs;
use crate::spec::EncodeChunk;

/// Failures of the decoder in a row, with nothing read between, after which it is broken rather than its input.
const MAX_FAILURES: u32 = 1000;
/// How far before a keyframe that is damaged another one is looked for, seconds; behind the last comes the start.
const STEPS_BACK_SECONDS: [i64; 4] = [0, 4, 16, 64];

/// A decoder at work.
pub struct Frames {
    source: Source,
    stream_index: usize,
    decoder: decoder::Video,
    /// The packet that a seek ended on.
    first: Option<Packet>,
    /// A frame that was looked at and not yet given out.
    seen: Option<(i64, frame::Video)>,
    max_pixels: u64,
    /// Times of the frames that are wanted and whose packets were not read yet; none: all frames are wanted.
    awaited: Option<HashSet<i64>>,
    failures: u32,
    damage: Option<ffmpeg_next::Error>,
    at_end: bool,
    clock: Clock,
}

impl Frames {
    /// All frames of a source that was just opened.
    pub fn from_start(mut source: Source, stream_index: usize, max_pixels: u64) -> Result<Self> {
        source.keep_only(stream_index)?;
        let decoder = source.video_decoder(stream_index, max_pixels)?;
        let clock = source.clock(stream_index)?;
        Ok(Self {
            source,
            stream_index,
            decoder,
            first: None,
            seen: None,
            max_pixels,
            awaited: None,
            failures: 0,
            damage: None,
            at_end: false,
            clock,
        })
    }

    /// The frames from the keyframe at exactly this time on; none when decoding cannot start there.
    pub fn from_keyframe(
        source: Source,
        stream_index: usize,
        max_pixels: u64,
        keyframe_pts: i64,
    ) -> Result<Option<Self>> {
        let mut frames = Self::from_start(source, stream_index, max_pixels)?;
        frames.first = frames.source.seek(stream_index, keyframe_pts)?;
        let starts = frames.first.is_some() && frames.starts_whole(keyframe_pts)?;
        Ok(starts.then_some(frames))
    }

    /// The frames of a chunk from its keyframe on, or from further back if that is damaged or cannot be found: what is
    /// decoded must not depend on where decoding starts. `wanted` are the times of the frames that count, in order.
    /// Those behind the last of them may or may not come.
    pub fn of_chunk(inputs: &SharedInputs, task: &EncodeChunk, wanted: &[i64]) -> Result<Self> {
        let open = || -> Result<Self> {
            let mut source = Source::open(inputs, &task.demuxer)?;
            source.decode_on(task.stream_index, &task.decode_on)?;
            let mut frames = Self::from_start(source, task.stream_index, task.max_pixels)?;
            frames.source.expect_frames(task.stream_index, task.seek_pts, wanted)?;
            // A deinterlacer looks at the frame after the last one; a field may come in a packet of its own.
            let ends_early = !task.interlaced && frames.source.has_whole_index();
            frames.awaited = ends_early.then(|| wanted.iter().copied().collect());
            Ok(frames)
        };
        let mut frames = open()?;
        let Some(keyframe_pts) = task.seek_pts else { return Ok(frames) };
        let second_ticks = frames.source.second_ticks(task.stream_index)?;
        for seconds in STEPS_BACK_SECONDS {
            let latest_pts = keyframe_pts.saturating_sub(seconds.saturating_mul(second_ticks));
            frames.first = match seconds {
                0 => frames.source.seek(task.stream_index, keyframe_pts)?,
                _ => frames.source.seek_before(task.stream_index, latest_pts)?,
            };
            let start_pts = frames.first.as_ref().and_then(Packet::pts);
            if let Some(start_pts) = start_pts
                && frames.starts_whole(start_pts)?
            {
                return Ok(frames);
            }
            frames = open()?;
        }
        Ok(frames)
    }

    /// The first frame from `keyframe_pts` on is the keyframe, and nothing of it is lost: all that follows is then the
    /// same as in a decode from the start.
    fn starts_whole(&mut self, keyframe_pts: i64) -> Result<bool> {
        while let Some((pts, frame)) = self.next_frame()? {
            if pts >= keyframe_pts {
                let is_key = frame.is_key() || frame.kind() == picture::Type::I;
                let whole = pts == keyframe_pts && is_key && !ffi::is_damaged(&frame);
                self.seen = Some((pts, frame));
                return Ok(whole);
            }
        }
        Ok(false)
    }

    /// What the decoder said of the latest packet that it could not decode; none: it could decode all.
    pub fn damage(&self) -> Option<ffmpeg_next::Error> {
        self.damage
    }

    /// The next frame; none at the end.
    pub fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        if let Some(seen) = self.seen.take() {
            return Ok(Some(seen));
        }
        let mut frame = frame::Video::empty();
        loop {
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => {
                    self.check_size(frame.width(), frame.height())?;
                    self.failures = 0;
                    // The decoder's own guess is for frames that have no time: it mistrusts a damaged stream's times.
                    let pts = self.clock.time(frame.pts().or_else(|| frame.timestamp()));
                    return Ok(Some((pts, self.source.in_memory(frame)?)));
                }
                Err(ffmpeg_next::Error::Eof) => return Ok(None),
                Err(ffmpeg_next::Error::Other { errno: EAGAIN }) if !self.at_end => self.feed()?,
                Err(error) => self.tolerate(error)?,
            }
        }
    }

    fn feed(&mut self) -> Result<()> {
        let packet = match self.first.take() {
            Some(packet) => Some(packet),
            // With all its packets read, the decoder gives the wanted frames out without those that follow.
            None if self.awaited.as_ref().is_some_and(HashSet::is_empty) => None,
            None => self.next_packet()?,
        };
        if let (Some(awaited), Some(pts)) = (&mut self.awaited, packet.as_ref().and_then(Packet::pts)) {
            awaited.remove(&pts);
        }
        let sent = match &packet {
            Some(packet) => self.decoder.send_packet(packet),
            None => {
                self.at_end = true;
                self.decoder.send_eof()
            }
        };
        match sent {
            Ok(()) => self.failures = 0,
            Err(error) => self.tolerate(error)?,
        }
        Ok(())
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        while let Some(packet) = self.source.next_packet()? {
            if packet.stream() == self.stream_index {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// Pictures may grow in the middle of a stream.
    fn check_size(&self, width: u32, height: u32) -> Result<()> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(too_large(width, height, self.max_pixels));
        }
        Ok(())
    }

    /// A damaged packet loses its frame, which the caller notices if it was wanted.
    fn tolerate(&mut self, error: ffmpeg_next::Error) -> Result<()> {
        // A decoder that refuses a size calls it damage, but knows the size.
        self.check_size(self.decoder.width(), self.decoder.height())?;
        if self.source.is_on_device() {
            // What software makes of damage is what is published, whoever decodes.
            return Err(Error::Decoder(format!("the device cannot decode the video: {error}")));
        }
        self.failures += 1;
        self.damage = Some(error);
        let out_of_memory = error == ffmpeg_next::Error::Other { errno: ENOMEM };
        if out_of_memory || self.failures > MAX_FAILURES {
            return Err(self.source.blame("the video cannot be decoded", error));
        }
        Ok(())
    }
}
