//! What the `moof` boxes of a track's chunks say: where each sample is, how large and how long. They are read
//! and checked in one pass: fragments are numbered without a gap and decode times follow on each other.

use std::ops::Range;

use mp4_atom::{Decode, Moof, Moov, Trun};

use super::stream::{PassOn, Stream};
use crate::error::{Error, Result};
use crate::pipe::SharedInputs;

/// A larger `moof` is not ours.
const MAX_MOOF_BYTES: u64 = 16 << 20;
/// A run may state a count without a byte for each sample; no fragment of ours has so many.
const MAX_RUN_SAMPLES: usize = 1 << 20;
/// No track lasts so long: at 192 kHz these ticks are 46 years. Sums of times below it fit wherever they go.
const MAX_TIME: u64 = 1 << 48;
const SHORT_HEADER_BYTES: u64 = 8;
/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// A track and, where they are kept, its samples.
pub(super) struct TrackIndex {
    /// As in the init segment: one track, no samples.
    pub moov: Moov,
    /// Decode time of the first sample, ticks.
    pub start_time: u64,
    /// In decode order; empty when only their number is wanted.
    pub samples: Vec<Sample>,
    /// In order.
    pub fragments: Vec<Place>,
    keeps_samples: bool,
    decoded_samples: u64,
    duration: u64,
    expected: Option<Expected>,
}

/// A sample and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub input: u32,
    pub offset: u64,
    pub size_bytes: u32,
    pub duration: u32,
    pub composition_offset: i32,
    pub key: bool,
}

/// Where a fragment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub input: usize,
    pub offset: u64,
    /// Of `moof` and `mdat`.
    pub size_bytes: u64,
}

/// What the next fragment must start with.
struct Expected {
    sequence_number: u32,
    decode_time: u64,
}

impl TrackIndex {
    /// Of an init segment, with no sample yet; what is not kept takes no memory.
    pub fn new(moov: Moov, keeps_samples: bool) -> Result<Self> {
        if moov.trak.len() != 1 {
            return Err(Error::Verify(format!(
                "an init segment has {} tracks instead of one",
                moov.trak.len()
            )));
        }
        Ok(Self {
            moov,
            start_time: 0,
            samples: Vec::new(),
            fragments: Vec::new(),
            keeps_samples,
            decoded_samples: 0,
            duration: 0,
            expected: None,
        })
    }

    /// Reads a range of inputs from end to end; `pass_on` gets all their bytes. The first may begin with the init
    /// segment.
    pub fn read(
        &mut self,
        inputs: &SharedInputs,
        range: Range<usize>,
        init_segment: &[u8],
        pass_on: &mut PassOn,
    ) -> Result<()> {
        for (input, is_first) in range.clone().map(|input| (input, input == range.start)) {
            let mut pass_on = |bytes: &[u8]| pass_on(bytes);
            let mut stream = Stream::open(inputs, input, &mut pass_on)?;
            if is_first && !stream.is_at_end() && stream.starts_with(init_segment)? {
                stream.skip(init_segment.len() as u64)?;
            }
            self.read_chunk(input, &mut stream)?;
        }
        Ok(())
    }

    /// Video: frames. Audio: samples, less the priming that players drop.
    pub fn sample_count(&self) -> u64 {
        if !self.is_audio() {
            return self.decoded_samples;
        }
        self.duration.saturating_sub(self.presentation_start())
    }

    /// Of all samples, ticks.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    pub fn timescale(&self) -> u32 {
        self.moov.trak[0].mdia.mdhd.timescale
    }

    pub fn is_audio(&self) -> bool {
        self.moov.trak[0].mdia.minf.smhd.is_some()
    }

    /// Where the init segment's edit list lets the presentation start, ticks.
    pub fn presentation_start(&self) -> u64 {
        let edits = self.moov.trak[0].edts.as_ref().and_then(|edits| edits.elst.as_ref());
        edits.and_then(|list| list.entries.first()?.media_time).unwrap_or(0)
    }

    fn read_chunk(&mut self, input: usize, stream: &mut Stream) -> Result<()> {
        let broken = |what: &str| Error::Verify(format!("chunk {input}: {what}"));
        if stream.is_at_end() {
            return Err(broken("it is empty"));
        }
        while !stream.is_at_end() {
            let offset = stream.position();
            let (head, moof_bytes) = box_head(input, stream, b"moof")?;
            if moof_bytes > MAX_MOOF_BYTES {
                return Err(broken("a fragment header is too large"));
            }
            let mut buffer = vec![0; moof_bytes as usize];
            buffer[..head.len()].copy_from_slice(&head);
            stream.read(&mut buffer[head.len()..])?;
            let moof = Moof::decode(&mut buffer.as_slice())
                .map_err(|error| broken(&format!("a fragment header cannot be read: {error}")))?;
            let (_, mdat_bytes) = box_head(input, stream, b"mdat")?;
            let payload = stream.position();
            let payload_bytes = mdat_bytes - SHORT_HEADER_BYTES;
            if self.read_fragment(&moof, input, payload)? != payload + payload_bytes {
                return Err(broken("the samples do not fill their fragment"));
            }
            stream.skip(payload_bytes)?;
            self.fragments.push(Place { input, offset, size_bytes: stream.position() - offset });
        }
        Ok(())
    }

    /// Adds a fragment's samples and returns where the last one ends.
    fn read_fragment(&mut self, moof: &Moof, input: usize, payload: u64) -> Result<u64> {
        let broken = |what: String| Error::Verify(format!("chunk {input}: {what}"));
        let [traf] = moof.traf.as_slice() else {
            return Err(broken("a fragment is not of one track".into()));
        };
        let [trun] = traf.trun.as_slice() else { return Err(broken("a fragment is not of one run".into())) };
        let number = moof.mfhd.sequence_number;
        let time = traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time);
        let time = time.ok_or_else(|| broken("a fragment has no decode time".into()))?;
        match &self.expected {
            Some(next) if next.sequence_number != number => {
                return Err(broken(format!("fragment {number} comes where {} is due", next.sequence_number)));
            }
            Some(next) if next.decode_time != time => {
                return Err(broken(format!("decode time {time} comes where {} is due", next.decode_time)));
            }
            Some(_) => {}
            None => self.start_time = time,
        }
        let run = self.run(trun, traf, input, payload);
        let run = run.ok_or_else(|| broken("a sample's size or duration is not stated".into()))?;
        let duration: u64 = run.iter().map(|sample| u64::from(sample.duration)).sum();
        let end_time = time.checked_add(duration).filter(|end| *end <= MAX_TIME);
        let end_time = end_time.ok_or_else(|| broken(format!("decode time {time} is no time of a video")))?;
        let end = run.last().map_or(payload, |last| last.offset + u64::from(last.size_bytes));
        self.expected = Some(Expected { sequence_number: number.wrapping_add(1), decode_time: end_time });
        self.decoded_samples += run.len() as u64;
        self.duration += duration;
        if self.keeps_samples {
            self.samples.extend(run);
        }
        Ok(end)
    }

    fn run(&self, trun: &Trun, traf: &mp4_atom::Traf, input: usize, payload: u64) -> Option<Vec<Sample>> {
        let default_flags =
            self.moov.mvex.as_ref().and_then(|mvex| Some(mvex.trex.first()?.default_sample_flags));
        let mut offset = payload;
        let sample = |entry: mp4_atom::TrunEntry| {
            let size_bytes = entry.size.or(traf.tfhd.default_sample_size)?;
            let flags = entry.flags.or(traf.tfhd.default_sample_flags).or(default_flags)?;
            let start = offset;
            offset += u64::from(size_bytes);
            Some(Sample {
                input: input as u32,
                offset: start,
                size_bytes,
                duration: entry.duration.or(traf.tfhd.default_sample_duration)?,
                composition_offset: i32::try_from(entry.cts.unwrap_or(0)).ok()?,
                key: flags & NON_SYNC == 0,
            })
        };
        trun.samples.iter().take(MAX_RUN_SAMPLES).map(sample).collect()
    }
}

/// Head and size of the box of the wanted kind that must come next.
fn box_head(
    input: usize,
    stream: &mut Stream,
    kind: &[u8; 4],
) -> Result<([u8; SHORT_HEADER_BYTES as usize], u64)> {
    let position = stream.position();
    let mut head = [0; SHORT_HEADER_BYTES as usize];
    stream.read(&mut head)?;
    let [a, b, c, d, found @ ..] = head;
    let size = u64::from(u32::from_be_bytes([a, b, c, d]));
    if &found != kind || size < SHORT_HEADER_BYTES {
        let kind = String::from_utf8_lossy(kind);
        return Err(Error::Verify(format!("chunk {input}: no {kind} box at byte {position}")));
    }
    Ok((head, size))
}
