//! A chunk's bytes, once, from the first to the last. Whole blocks are handed on as they arrive, before
//! anything is known of them, so that one pass both copies and checks; memory does not grow with the chunk.

use crate::error::{Error, Result};
use crate::pipe::{self, SharedInputs};

/// Bytes asked for at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Takes every byte of a chunk, in order.
pub(super) type PassOn<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;

/// One chunk being read.
pub(super) struct Stream<'a> {
    inputs: &'a SharedInputs,
    input: usize,
    size_bytes: u64,
    block: Vec<u8>,
    /// Offset of the block's first byte.
    block_start: u64,
    /// Bytes of the block that were taken.
    taken: usize,
    pass_on: &'a mut PassOn<'a>,
}

impl<'a> Stream<'a> {
    /// At the first byte of an input.
    pub fn open(inputs: &'a SharedInputs, input: usize, pass_on: &'a mut PassOn<'a>) -> Result<Self> {
        let mut locked = pipe::lock(inputs);
        let size_bytes = locked.size(input);
        locked.expect(input, 0..size_bytes)?;
        drop(locked);
        Ok(Self { inputs, input, size_bytes, block: Vec::new(), block_start: 0, taken: 0, pass_on })
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.block_start + self.taken as u64
    }

    /// True behind the last byte.
    pub fn is_at_end(&self) -> bool {
        self.position() >= self.size_bytes
    }

    /// Whether these bytes come next, within the block that they begin in.
    pub fn starts_with(&mut self, bytes: &[u8]) -> Result<bool> {
        if self.taken == self.block.len() {
            self.fill()?;
        }
        Ok(self.block[self.taken..].starts_with(bytes))
    }

    /// Fills the whole buffer.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let bytes = self.take((buffer.len() - filled) as u64)?;
            buffer[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(())
    }

    /// Goes over so many bytes without looking at them.
    pub fn skip(&mut self, count: u64) -> Result<()> {
        let mut left = count;
        while left > 0 {
            left -= self.take(left)?.len() as u64;
        }
        Ok(())
    }

    /// The next bytes, at least one and at most `limit`.
    fn take(&mut self, limit: u64) -> Result<&[u8]> {
        if self.taken == self.block.len() {
            self.fill()?;
        }
        let start = self.taken;
        let left = self.block.len() - start;
        self.taken += usize::try_from(limit).unwrap_or(left).min(left);
        Ok(&self.block[start..self.taken])
    }

    fn fill(&mut self) -> Result<()> {
        (self.block_start, self.taken) = (self.position(), 0);
        let left = self.size_bytes - self.block_start;
        let wanted = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        self.block.resize(wanted, 0);
        let read = match wanted {
            0 => 0,
            _ => pipe::lock(self.inputs).read_at(self.input, self.block_start, &mut self.block)?,
        };
        self.block.truncate(read);
        if read == 0 {
            return Err(Error::Verify(format!("chunk {} ends within a fragment", self.input)));
        }
        (self.pass_on)(&self.block)
    }
}
