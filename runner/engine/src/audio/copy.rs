//! Passes AAC packets through untouched. That is only done where it is exact: plain AAC-LC packets without a
//! gap, at the rate and with the channels that are planned.

use ffmpeg_next::codec::{self, Id, packet};
use ffmpeg_next::{Packet, Rational, Stream};

use super::rescale;
use super::track::TrackWriter;
use crate::error::{Error, Result};
use crate::ffi;
use crate::fragment::{AudioCodec, AudioConfig};
use crate::pipe::Outputs;
use crate::report::Track;
use crate::source::Source;
use crate::spec::EncodeAudio;

const FRAME_SAMPLES: usize = 1024;
/// Audio object type of AAC-LC, in the first five bits of the configuration (ISO/IEC 14496-3 §1.6.2.1).
const AAC_LC: u8 = 2;

/// Whether a stream with these packets (time, length, key) can be copied.
pub(crate) fn is_exact(stream: &Stream, packets: &[(i64, i64, bool)]) -> bool {
    let (rate, base) = (ffi::parameters(stream).sample_rate_hz.max(1) as u32, stream.time_base());
    let Some(&(first, ..)) = packets.first() else { return false };
    let follows = |(count, &(pts, ..)): (i64, &(i64, i64, bool))| {
        let start = rescale(pts - first, base, rate);
        (start - count * FRAME_SAMPLES as i64).unsigned_abs() < FRAME_SAMPLES as u64
    };
    stream.parameters().id() == Id::AAC && plain_header(stream).is_some() && (0..).zip(packets).all(follows)
}

/// The AudioSpecificConfig of plain AAC-LC, without an extension that doubles its rate or channels.
fn plain_header(stream: &Stream) -> Option<Vec<u8>> {
    let context = codec::Context::from_parameters(stream.parameters()).ok()?;
    let header = ffi::extradata(&context);
    (header.first()? >> 3 == AAC_LC).then_some(header)
}

/// Copies the track.
pub(super) fn pass_through(task: &EncodeAudio, source: Source, outputs: &mut dyn Outputs) -> Result<Track> {
    let mut packets = Packets::new(source, task.stream_index)?;
    let extradata = packets.configuration(task)?;
    let mut waiting = Vec::new();
    // All packets before the first that sounds are priming, and so is what the container trims off that one.
    let mut priming = 0;
    let mut trimmed_end = 0;
    let mut sounds = false;
    let mut writer = None;
    let mut frame_count: u64 = 0;
    while let Some(packet) = packets.next()? {
        let [skip, trim] = trimmed(&packet);
        trimmed_end = trim;
        let silent = ffi::is_discarded(&packet) || skip as usize >= FRAME_SAMPLES;
        if !sounds {
            priming += if silent { FRAME_SAMPLES as u32 } else { skip };
            sounds = !silent;
        }
        frame_count += 1;
        outputs.progress(frame_count * FRAME_SAMPLES as u64 / 1000)?;
        waiting.push(packet.data().unwrap_or_default().to_vec());
        if !sounds {
            continue;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(open_writer(task, extradata.clone(), priming)?),
        };
        // The last packet waits: it may have an end to trim.
        let ready = waiting.len() - 1;
        for data in waiting.drain(..ready) {
            writer.push(data, None, outputs)?;
        }
        if writer.is_full() {
            break;
        }
    }
    let mut writer = writer.ok_or_else(|| Error::Source("the audio track has no sample".into()))?;
    let sample_count = (frame_count * FRAME_SAMPLES as u64).saturating_sub(u64::from(priming + trimmed_end));
    if writer.is_full() {
        return Ok(writer.stop());
    }
    for data in waiting {
        writer.push(data, Some(sample_count), outputs)?;
    }
    writer.finish(sample_count, outputs)
}

/// The packets of one stream, checked to follow on each other.
struct Packets {
    source: Source,
    stream_index: usize,
    time_base: Rational,
    first_pts: Option<i64>,
    count: i64,
    sample_rate_hz: u32,
}

impl Packets {
    fn new(mut source: Source, stream_index: usize) -> Result<Self> {
        source.keep_only(stream_index)?;
        let stream = source.stream(stream_index)?;
        let (time_base, parameters) = (stream.time_base(), ffi::parameters(&stream));
        let sample_rate_hz = parameters.sample_rate_hz.max(1) as u32;
        Ok(Self { source, stream_index, time_base, first_pts: None, count: 0, sample_rate_hz })
    }

    /// The AudioSpecificConfig, if the stream is what is planned.
    fn configuration(&self, task: &EncodeAudio) -> Result<Vec<u8>> {
        let stream = self.source.stream(task.stream_index)?;
        let parameters = ffi::parameters(&stream);
        let planned = (task.sample_rate_hz, task.channel_count);
        let found = (parameters.sample_rate_hz as u32, parameters.channel_count as u32);
        if stream.parameters().id() != Id::AAC || found != planned {
            return Err(inexact("it is no AAC of the planned rate and channels"));
        }
        plain_header(&stream).ok_or_else(|| inexact("it is no plain AAC-LC with a header of its own"))
    }

    fn next(&mut self) -> Result<Option<Packet>> {
        while let Some(packet) = self.source.next_packet()? {
            if packet.stream() == self.stream_index {
                self.check(&packet)?;
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// A packet must start where the one before ends, but for the rounding of the container.
    fn check(&mut self, packet: &Packet) -> Result<()> {
        if let Some(pts) = packet.pts() {
            let first = *self.first_pts.get_or_insert(pts);
            let start = rescale(pts - first, self.time_base, self.sample_rate_hz);
            if (start - self.count * FRAME_SAMPLES as i64).unsigned_abs() >= FRAME_SAMPLES as u64 {
                return Err(inexact("its packets leave a gap or overlap"));
            }
        }
        self.count += 1;
        Ok(())
    }
}

fn open_writer(task: &EncodeAudio, extradata: Vec<u8>, priming_samples: u32) -> Result<TrackWriter> {
    let config = AudioConfig {
        codec: AudioCodec::Aac,
        extradata,
        sample_rate_hz: task.sample_rate_hz,
        channel_count: task.channel_count,
        priming_samples,
        language: task.language.clone(),
    };
    TrackWriter::new(config, FRAME_SAMPLES, task)
}

/// Samples that the container trims off a packet's start and end.
fn trimmed(packet: &Packet) -> [u32; 2] {
    let data = packet.side_data().find(|data| data.kind() == packet::side_data::Type::SkipSamples);
    let Some(data) = data else { return [0; 2] };
    let field = |at: usize| data.data().get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    [0, 4].map(|at| field(at).map_or(0, u32::from_le_bytes))
}

fn inexact(why: &str) -> Error {
    Error::Profile(format!("the sound cannot be copied exactly: {why}"))
}
