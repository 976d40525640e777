//! The decoded frames of one video stream, in display order, each with its time in the source.

use std::collections::HashSet;

use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::{Packet, decoder, frame};

use super::{Source, too_large};
use crate::error::{Error, Result};
use crate::pipe::SharedInputs;
use crate::spec::EncodeChunk;

/// Damaged packets in a row after which a source is given up.
const MAX_DAMAGED_PACKETS: u32 = 200;

/// A decoder at work.
pub struct Frames {
    source: Source,
    stream_index: usize,
    decoder: decoder::Video,
    /// The packet that a seek ended on.
    first: Option<Packet>,
    max_pixels: u64,
    /// Times of the frames that are wanted and whose packets were not read yet; none: all frames are wanted.
    awaited: Option<HashSet<i64>>,
    damaged_packets: u32,
    at_end: bool,
    /// Time of the frame before, and its distance from the one before that.
    latest: Option<(i64, i64)>,
}

impl Frames {
    /// All frames of a source that was just opened.
    pub fn from_start(mut source: Source, stream_index: usize, max_pixels: u64) -> Result<Self> {
        source.keep_only(stream_index)?;
        let decoder = source.video_decoder(stream_index, max_pixels)?;
        Ok(Self {
            source,
            stream_index,
            decoder,
            first: None,
            max_pixels,
            awaited: None,
            damaged_packets: 0,
            at_end: false,
            latest: None,
        })
    }

    /// The frames of a chunk from its keyframe on, or from the start if that cannot be found; `wanted` are the times of
    /// those that count, in order. Those behind the last of them may or may not come.
    pub fn of_chunk(inputs: &SharedInputs, task: &EncodeChunk, wanted: &[i64]) -> Result<Self> {
        let open = || {
            let source = Source::open(inputs, &task.demuxer)?;
            let mut frames = Self::from_start(source, task.stream_index, task.max_pixels)?;
            frames.source.expect_frames(task.stream_index, task.seek_pts, wanted)?;
            // A deinterlacer looks at the frame after the last one; a field may come in a packet of its own.
            let ends_early = !task.interlaced && frames.source.has_frames_apart();
            frames.awaited = ends_early.then(|| wanted.iter().copied().collect());
            Ok(frames)
        };
        let mut frames: Self = open()?;
        let Some(keyframe_pts) = task.seek_pts else { return Ok(frames) };
        frames.first = frames.source.seek(task.stream_index, keyframe_pts)?;
        if frames.first.is_some() { Ok(frames) } else { open() }
    }

    /// The next frame; none at the end.
    pub fn next_frame(&mut self) -> Result<Option<(i64, frame::Video)>> {
        let mut frame = frame::Video::empty();
        loop {
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => {
                    self.check_size(frame.width(), frame.height())?;
                    return Ok(Some((self.time_of(&frame)?, frame)));
                }
                Err(ffmpeg_next::Error::Eof) => return Ok(None),
                Err(ffmpeg_next::Error::Other { errno: EAGAIN }) if !self.at_end => self.feed()?,
                Err(error) => self.tolerate(error)?,
            }
        }
    }

    /// Containers such as AVI leave frames without a time; those are as far from the one before as that one was.
    fn time_of(&mut self, frame: &frame::Video) -> Result<i64> {
        let guessed = self.latest.map(|(pts, step_ticks)| pts + step_ticks);
        let pts = frame.timestamp().or(guessed);
        let pts = pts.ok_or_else(|| Error::Source("the first frame of the video has no time".into()))?;
        let step_ticks = self.latest.map_or(1, |(before, _)| (pts - before).max(1));
        self.latest = Some((pts, step_ticks));
        Ok(pts)
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
            Ok(()) => self.damaged_packets = 0,
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

    /// A damaged packet loses its frame, which the caller notices if it was wanted; endless damage ends the task.
    fn tolerate(&mut self, error: ffmpeg_next::Error) -> Result<()> {
        // A decoder that refuses a size calls it damage, but knows the size.
        self.check_size(self.decoder.width(), self.decoder.height())?;
        self.damaged_packets += 1;
        let is_damage = error == ffmpeg_next::Error::InvalidData;
        if is_damage && self.damaged_packets < MAX_DAMAGED_PACKETS {
            return Ok(());
        }
        Err(self.source.blame("the video cannot be decoded", error))
    }
}
