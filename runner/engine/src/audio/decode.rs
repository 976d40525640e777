//! The decoded samples of one audio stream, in order. The decoder itself drops what the container marks as
//! the first encoder's priming and padding.

use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::{codec, decoder, frame};

use crate::error::{Error, Result};
use crate::source::Source;

/// Failures of one packet after which a decoder is taken for stuck.
const MAX_FAILURES: u32 = 100;
/// FFmpeg's frames name so many planes; sound of more channels is not for viewers.
pub(crate) const MAX_CHANNELS: u16 = 8;

/// A decoder at work.
pub(super) struct Sound {
    source: Source,
    stream_index: usize,
    decoder: decoder::Audio,
    failures: u32,
    at_end: bool,
}

impl Sound {
    /// Of a source that was just opened.
    pub fn open(mut source: Source, stream_index: usize) -> Result<Self> {
        source.keep_only(stream_index)?;
        let stream = source.stream(stream_index)?;
        let unusable = |error| source.blame("no decoder for the sound", error);
        let context = codec::Context::from_parameters(stream.parameters()).map_err(unusable)?;
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(stream.time_base());
        let decoder = decoder.audio().map_err(unusable)?;
        Ok(Self { source, stream_index, decoder, failures: 0, at_end: false })
    }

    /// Seconds per tick of the frames' times.
    pub fn time_base(&self) -> Result<ffmpeg_next::Rational> {
        Ok(self.source.stream(self.stream_index)?.time_base())
    }

    /// The next samples; none at the end.
    pub fn next_frame(&mut self) -> Result<Option<frame::Audio>> {
        let mut frame = frame::Audio::empty();
        loop {
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) if frame.channels() > MAX_CHANNELS => {
                    let message = format!(
                        "the sound has {} channels; at most {MAX_CHANNELS} are accepted",
                        frame.channels()
                    );
                    return Err(Error::Source(message));
                }
                Ok(()) => return Ok(Some(frame)),
                Err(ffmpeg_next::Error::Eof) => return Ok(None),
                Err(ffmpeg_next::Error::Other { errno: EAGAIN }) if !self.at_end => self.feed()?,
                Err(error) => self.tolerate(error)?,
            }
        }
    }

    fn feed(&mut self) -> Result<()> {
        self.failures = 0;
        let sent = match self.next_packet()? {
            Some(packet) => self.decoder.send_packet(&packet),
            None => {
                self.at_end = true;
                self.decoder.send_eof()
            }
        };
        sent.or_else(|error| self.tolerate(error))
    }

    fn next_packet(&mut self) -> Result<Option<ffmpeg_next::Packet>> {
        while let Some(packet) = self.source.next_packet()? {
            if packet.stream() == self.stream_index {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// A damaged packet loses its samples, and silence takes their place. Files end, so damage does.
    fn tolerate(&mut self, error: ffmpeg_next::Error) -> Result<()> {
        self.failures += 1;
        if error == ffmpeg_next::Error::InvalidData && self.failures < MAX_FAILURES {
            return Ok(());
        }
        Err(self.source.blame("the sound cannot be decoded", error))
    }
}
