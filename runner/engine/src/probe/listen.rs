//! Whether audio streams can be heard at all, and what comes out: headers name the rate and channels of the core only
//! where an extension (SBR, parametric stereo) doubles them, and some streams hold nothing that a decoder takes.

use ffmpeg_next::{Packet, codec, decoder, frame};

use crate::error::Result;
use crate::pipe::SharedInputs;
use crate::source::Source;

/// Packets of a stream after which it is taken for undecodable: ten seconds of AAC.
const MAX_PACKETS: u32 = 500;
/// How far into the file is listened; a stream that begins later is believed as its header describes it.
const MAX_BYTES: u64 = 32 << 20;

/// What listening to a stream gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The first decoded samples.
    Sound {
        /// Samples per second.
        sample_rate_hz: u32,
        /// Channels.
        channel_count: u32,
        /// Time of the first of them, ticks of the stream; none: the decoder does not say.
        first_pts: Option<i64>,
    },
    /// Packets came, and none of them could be decoded.
    Nothing,
    /// This build of FFmpeg has no decoder for it.
    NoDecoder,
    /// No packet came near the start of the file.
    Later,
}

/// Listens to these streams until each has been heard.
pub fn listen(inputs: &SharedInputs, demuxer: &str, streams: &[usize]) -> Result<Vec<Heard>> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let mut source = Source::open(inputs, demuxer)?;
    source.keep_streams(streams);
    let mut ears = streams.iter().map(|&index| Ear::open(&source, index)).collect::<Result<Vec<_>>>()?;
    let start_bytes = source.position_bytes();
    while ears.iter().any(|ear| ear.listens()) {
        let Some(packet) = source.next_packet()? else {
            ears.iter_mut().for_each(Ear::end);
            break;
        };
        if let Some(ear) = ears.iter_mut().find(|ear| ear.index == packet.stream()) {
            ear.take(&packet);
        }
        if source.position_bytes() - start_bytes > MAX_BYTES {
            break;
        }
    }
    Ok(ears.into_iter().map(Ear::told).collect())
}

/// A decoder that waits for its first frame.
struct Ear {
    index: usize,
    decoder: Option<decoder::Audio>,
    packet_count: u32,
    ended: bool,
    heard: Option<Heard>,
}

impl Ear {
    fn open(source: &Source, index: usize) -> Result<Self> {
        let stream = source.stream(index)?;
        let context = codec::Context::from_parameters(stream.parameters());
        let decoder = context.and_then(|context| {
            let mut decoder = context.decoder();
            decoder.set_packet_time_base(stream.time_base());
            decoder.audio()
        });
        let decoder = decoder.ok();
        Ok(Self { index, decoder, packet_count: 0, ended: false, heard: None })
    }

    fn listens(&self) -> bool {
        self.decoder.is_some() && self.heard.is_none() && self.packet_count < MAX_PACKETS
    }

    fn take(&mut self, packet: &Packet) {
        let Some(decoder) = self.decoder.as_mut().filter(|_| self.heard.is_none()) else { return };
        self.packet_count += 1;
        // Damage is what is looked for here, so it is no failure.
        let _ = decoder.send_packet(packet);
        self.receive();
    }

    fn end(&mut self) {
        self.ended = true;
        let Some(decoder) = self.decoder.as_mut() else { return };
        let _ = decoder.send_eof();
        self.receive();
    }

    fn receive(&mut self) {
        let Some(decoder) = self.decoder.as_mut() else { return };
        let mut frame = frame::Audio::empty();
        while self.heard.is_none() && decoder.receive_frame(&mut frame).is_ok() {
            if frame.samples() > 0 && frame.rate() > 0 && frame.channels() > 0 {
                let (sample_rate_hz, channel_count) = (frame.rate(), frame.channels().into());
                let first_pts = frame.timestamp();
                self.heard = Some(Heard::Sound { sample_rate_hz, channel_count, first_pts });
            }
        }
    }

    fn told(self) -> Heard {
        match (self.heard, self.decoder) {
            (Some(heard), _) => heard,
            (None, None) => Heard::NoDecoder,
            (None, Some(_)) if self.ended || self.packet_count >= MAX_PACKETS => Heard::Nothing,
            (None, Some(_)) => Heard::Later,
        }
    }
}
