//! CMAF fragments (ISO/IEC 23000-19) with decode times and sequence numbers from the plan, so that joining
//! the chunks of a track is concatenation: init segment, then the chunks' bytes. The init segment depends on
//! the encoder's settings alone, never on content or length. Pure Rust: no FFmpeg here.
//!
//! Where frames are shown in another order than decoded, all composition offsets are raised by one fixed
//! shift, and the init segment's edit list takes it back: `tfdt` stays on the frame grid, and the first frame
//! is shown at exactly its grid time. Signed offsets without an edit list (brand `cmf2`) would say the same,
//! but FFmpeg shows such a track late by its largest negative offset; edit lists are read right by FFmpeg,
//! Chrome, Firefox and Safari.

mod audio;
mod av1;
mod avc;
mod bits;
mod hevc;
mod init;
pub(crate) mod movie;
mod nal;
mod reorder;
#[cfg(test)]
mod tests;
mod visual;

pub(crate) use av1::sequence_header;
use mp4_atom::{Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples};

use crate::error::{Error, Result};
use crate::report;
use crate::spec::Colour;

/// How pictures are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264, sample entry `avc1`.
    H264,
    /// H.265, sample entry `hev1`.
    Hevc,
    /// AV1, sample entry `av01`.
    Av1,
    /// VP9 profile 0, sample entry `vp09`.
    Vp9,
}

/// How sound is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// MPEG-4 AAC, sample entry `mp4a`.
    Aac,
    /// Opus at 48 kHz, sample entry `Opus`.
    Opus,
}

/// What a video track's init segment is made of.
#[derive(Clone, Debug)]
pub struct VideoConfig {
    /// How pictures are coded.
    pub codec: Codec,
    /// The encoder's stream header: Annex B parameter sets, an AV1 sequence header, or nothing (VP9).
    pub extradata: Vec<u8>,
    /// Pixels; square ones.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Written when known.
    pub colour: Colour,
    /// Ticks per second.
    pub timescale: u32,
    /// By how much the edit list shifts composition times, ticks; 0: frames are shown in the order decoded.
    /// Must not depend on content: some frames' nominal length, at least as many as the encoder reorders.
    pub reorder_ticks: u32,
}

/// What an audio track's init segment is made of.
#[derive(Clone, Debug)]
pub struct AudioConfig {
    /// How sound is coded.
    pub codec: AudioCodec,
    /// AAC: AudioSpecificConfig; Opus: identification header (RFC 7845 §5.1).
    pub extradata: Vec<u8>,
    /// Also the track's timescale.
    pub sample_rate_hz: u32,
    /// Of the coded sound.
    pub channel_count: u32,
    /// Samples at the start that players drop.
    pub priming_samples: u32,
    /// BCP 47; empty: not known.
    pub language: String,
}

/// A track to be fragmented.
#[derive(Clone, Debug)]
pub enum Track {
    /// Pictures.
    Video(VideoConfig),
    /// Sound.
    Audio(AudioConfig),
}

/// A coded frame (video: one picture; audio: one codec frame).
#[derive(Clone, Debug)]
pub struct Sample {
    /// As the encoder gave it.
    pub data: Vec<u8>,
    /// Decode time to the next sample, ticks.
    pub duration: u32,
    /// Presentation time less decode time, ticks; negative for frames that are shown before frames decoded
    /// earlier.
    pub composition_offset: i32,
    /// Decoding can start here.
    pub key: bool,
}

/// Turns samples into fragments of one track.
#[derive(Debug)]
pub struct Fragmenter {
    init_segment: Vec<u8>,
    packing: Packing,
    reorder_ticks: u32,
    sequence_number: u32,
    decode_time: u64,
    pending: Vec<TrunEntry>,
    payload: Vec<u8>,
}

/// What happens to a packet on its way into `mdat`.
#[derive(Clone, Debug)]
enum Packing {
    /// Start codes become lengths; parameter sets that the init segment holds, and delimiters, go.
    Avc { parameter_sets: Vec<Vec<u8>> },
    /// As above.
    Hevc { parameter_sets: Vec<Vec<u8>> },
    /// Temporal delimiters go.
    Av1,
    /// Nothing.
    Plain,
}

/// `sample_depends_on` = 2, sync sample (ISO/IEC 14496-12 §8.8.3.1).
const SYNC_SAMPLE: u32 = 0x0200_0000;
/// `sample_depends_on` = 1, not a sync sample.
const DEPENDENT_SAMPLE: u32 = 0x0101_0000;
/// There is one track.
const TRACK_ID: u32 = 1;

impl From<VideoConfig> for Track {
    fn from(config: VideoConfig) -> Self {
        Self::Video(config)
    }
}

impl From<AudioConfig> for Track {
    fn from(config: AudioConfig) -> Self {
        Self::Audio(config)
    }
}

impl Fragmenter {
    /// Starts at the plan's sequence number and decode time.
    pub fn new(track: impl Into<Track>, first_sequence_number: u32, first_decode_time: u64) -> Result<Self> {
        let (init_segment, packing, reorder_ticks) = match track.into() {
            Track::Video(config) => (init::video(&config)?, Packing::of(&config), config.reorder_ticks),
            Track::Audio(config) => (init::audio(&config)?, Packing::Plain, 0),
        };
        Ok(Self {
            init_segment,
            packing,
            reorder_ticks,
            sequence_number: first_sequence_number,
            decode_time: first_decode_time,
            pending: Vec::new(),
            payload: Vec::new(),
        })
    }

    /// `ftyp` and `moov`.
    pub fn init_segment(&self) -> &[u8] {
        &self.init_segment
    }

    /// Adds a sample to the fragment that is being filled.
    pub fn push(&mut self, sample: Sample) -> Result<()> {
        let start = self.payload.len();
        self.packing.append(&sample.data, &mut self.payload)?;
        self.pending.push(TrunEntry {
            duration: Some(sample.duration),
            size: Some((self.payload.len() - start) as u32),
            flags: Some(if sample.key { SYNC_SAMPLE } else { DEPENDENT_SAMPLE }),
            cts: Some(sample.composition_offset.into()),
        });
        Ok(())
    }

    /// Closes the fragment; none when it has no sample.
    pub fn end_fragment(&mut self) -> Option<(Vec<u8>, report::Fragment)> {
        let mut entries = std::mem::take(&mut self.pending);
        let payload = std::mem::take(&mut self.payload);
        let starts_with_keyframe = entries.first()?.flags == Some(SYNC_SAMPLE);
        let duration = entries.iter().filter_map(|entry| entry.duration).sum::<u32>();
        reorder::settle(&mut entries, self.reorder_ticks);
        let tfhd = shared_fields(&mut entries);
        let mut bytes = moof(self.sequence_number, self.decode_time, &tfhd, &entries);
        bytes.extend(movie::header(b"mdat", payload.len()));
        bytes.extend(payload);
        let fragment = report::Fragment {
            size_bytes: bytes.len() as u32,
            decode_time: self.decode_time,
            duration,
            starts_with_keyframe,
        };
        self.sequence_number += 1;
        self.decode_time += u64::from(duration);
        Some((bytes, fragment))
    }
}

impl Packing {
    fn of(config: &VideoConfig) -> Self {
        let parameter_sets = || nal::units(&config.extradata).map(<[u8]>::to_vec).collect();
        match config.codec {
            Codec::H264 => Self::Avc { parameter_sets: parameter_sets() },
            Codec::Hevc => Self::Hevc { parameter_sets: parameter_sets() },
            Codec::Av1 => Self::Av1,
            Codec::Vp9 => Self::Plain,
        }
    }

    fn append(&self, packet: &[u8], payload: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Avc { parameter_sets } => nal::pack(packet, parameter_sets, avc::is_delimiter, payload),
            Self::Hevc { parameter_sets } => nal::pack(packet, parameter_sets, hevc::is_delimiter, payload),
            Self::Av1 => return av1::without_delimiters(packet, payload),
            Self::Plain => payload.extend_from_slice(packet),
        }
        Ok(())
    }
}

/// Moves what all samples have in common into the track fragment's header, and drops what says nothing.
fn shared_fields(entries: &mut [TrunEntry]) -> Tfhd {
    let mut tfhd = Tfhd { track_id: TRACK_ID, default_base_is_moof: true, ..Default::default() };
    if entries.iter().all(|entry| entry.duration == entries[0].duration) {
        tfhd.default_sample_duration = entries[0].duration;
        entries.iter_mut().for_each(|entry| entry.duration = None);
    }
    if entries.iter().all(|entry| entry.cts == Some(0)) {
        entries.iter_mut().for_each(|entry| entry.cts = None);
    }
    let rest = entries.get(1).and_then(|entry| entry.flags).unwrap_or(DEPENDENT_SAMPLE);
    if entries.iter().skip(1).all(|entry| entry.flags == Some(rest)) {
        tfhd.default_sample_flags = Some(rest);
        let keep_first = usize::from(entries[0].flags != Some(rest));
        entries.iter_mut().skip(keep_first).for_each(|entry| entry.flags = None);
    }
    tfhd
}

fn moof(sequence_number: u32, decode_time: u64, tfhd: &Tfhd, entries: &[TrunEntry]) -> Vec<u8> {
    let build = |data_offset: i32| {
        let trun = Trun { data_offset: Some(data_offset), samples: TrunSamples::Explicit(entries.to_vec()) };
        let tfdt = Some(Tfdt { base_media_decode_time: decode_time });
        let traf = Traf { tfhd: tfhd.clone(), tfdt, trun: vec![trun], ..Default::default() };
        movie::bytes(&Moof { mfhd: Mfhd { sequence_number }, traf: vec![traf] })
    };
    // The offset has a fixed width, so a first pass tells the size; samples start after the header of `mdat`.
    let size = build(0).len();
    build(size as i32 + movie::HEADER_BYTES as i32)
}

fn broken_header(what: &str) -> Error {
    Error::Internal(format!("the encoder's stream header is not usable: {what}"))
}
