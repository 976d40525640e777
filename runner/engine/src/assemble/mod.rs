//! Joins sealed chunks without encoding: a single-file fragmented MP4 by concatenation, a progressive MP4 by
//! a new index over the same samples. Pure Rust, no FFmpeg. Concatenation is one pass: what is copied is
//! checked as it goes by, and a check that fails ends the task after some output was sent; nothing of an
//! attempt counts before it is done. Files with sound inside take a pass more each: fragments are interleaved,
//! or the index comes first.

mod index;
mod interleave;
mod muxed;
mod progressive;
mod stream;

use mp4_atom::{Any, Atom, DecodeMaybe, FourCC, Moov};

use crate::error::{Error, Result};
use crate::pipe::{self, Outputs, SharedInputs};
use crate::report::Report;
use crate::spec::Assemble;
use index::TrackIndex;

/// Bytes copied at a time.
const BLOCK_BYTES: u64 = 1 << 20;

/// Checks and joins.
pub fn join(task: &Assemble, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Report> {
    let count = pipe::lock(inputs).count();
    if task.chunk_count == 0 || task.chunk_count > count {
        return Err(Error::Internal(format!(
            "{} chunks are to be joined, {count} were given",
            task.chunk_count
        )));
    }
    let mut writer = Writer { inputs, outputs, written_bytes: 0 };
    let mut rendition = TrackIndex::new(header(&task.init_segment)?, task.progressive)?;
    let init_segment = task.init_segment.as_slice();
    let mut is_start = true;
    rendition.read(inputs, 0..task.chunk_count, init_segment, &mut |block| {
        if !task.fragmented {
            return Ok(());
        }
        // The first chunk may bring it along.
        if std::mem::take(&mut is_start) && !block.starts_with(init_segment) {
            writer.append(0, init_segment)?;
        }
        writer.append(0, block)
    })?;
    let sample_count = rendition.sample_count();
    if sample_count != task.sample_count {
        let planned = task.sample_count;
        return Err(Error::Verify(format!(
            "the joined track has {sample_count} samples, {planned} are planned"
        )));
    }
    let mut tracks = vec![rendition];
    if (task.progressive || task.muxed.is_some()) && !task.audio_init_segment.is_empty() {
        let mut audio = TrackIndex::new(header(&task.audio_init_segment)?, task.progressive)?;
        audio.read(inputs, task.chunk_count..count, &task.audio_init_segment, &mut |_| Ok(()))?;
        tracks.push(audio);
    }
    let mut output = usize::from(task.fragmented);
    if task.progressive {
        progressive::write(&tracks, &mut writer, output)?;
        output += 1;
    }
    if let Some(segments) = &task.muxed {
        let init_segments = (init_segment, task.audio_init_segment.as_slice());
        muxed::write(init_segments, &tracks, segments, &mut writer, output)?;
    }
    Ok(Report::Assemble { sample_count })
}

/// Appends to the outputs, with progress in MiB.
struct Writer<'a> {
    inputs: &'a SharedInputs,
    outputs: &'a mut dyn Outputs,
    written_bytes: u64,
}

impl Writer<'_> {
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()> {
        self.outputs.append(output, bytes)?;
        self.written_bytes += bytes.len() as u64;
        self.outputs.progress(self.written_bytes >> 20)
    }

    /// Copies part of an input in blocks, so that memory does not grow with the video.
    fn copy(&mut self, output: usize, input: usize, start: u64, length: u64) -> Result<()> {
        let mut block = vec![0; BLOCK_BYTES.min(length) as usize];
        let mut done = 0;
        while done < length {
            let wanted = (length - done).min(BLOCK_BYTES) as usize;
            read_exactly(self.inputs, input, start + done, &mut block[..wanted])?;
            self.append(output, &block[..wanted])?;
            done += wanted as u64;
        }
        Ok(())
    }
}

fn read_exactly(inputs: &SharedInputs, input: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
    let read = pipe::lock(inputs).read_at(input, start, buffer)?;
    if read < buffer.len() {
        return Err(Error::Verify(format!("chunk {input} ends within a fragment")));
    }
    Ok(())
}

/// The `moov` of an init segment.
fn header(init_segment: &[u8]) -> Result<Moov> {
    let mut rest = init_segment;
    while let Ok(Some(atom)) = Any::decode_maybe(&mut rest) {
        if let Any::Moov(moov) = atom {
            return Ok(moov);
        }
    }
    let kind: FourCC = Moov::KIND;
    Err(Error::Verify(format!("an init segment has no readable {kind} box")))
}
