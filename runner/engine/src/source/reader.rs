//! A seekable byte stream over one input. It asks for little where nobody knows what comes next and for much
//! where a stretch is expected, and never reads over that stretch's end: what is asked for is downloaded.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::pipe::{self, SharedInputs};

/// What is asked for where the reader has jumped to; doubled while it reads on.
const FIRST_FILL_BYTES: u64 = 4 << 10;
/// What is asked for at most.
const LARGEST_FILL_BYTES: u64 = 256 << 10;

/// Reads one input from any position.
pub struct InputReader {
    inputs: SharedInputs,
    input: usize,
    size_bytes: u64,
    position: u64,
    buffer: Vec<u8>,
    /// Offset in the input of the buffer's first byte.
    buffer_start: u64,
    /// Length of the next fill where nothing is expected.
    fill_bytes: u64,
    expected: Expected,
    trouble: Trouble,
    blank: Blank,
}

/// The stretch of the input that will be read next, whole and in order.
#[derive(Clone, Default)]
pub struct Expected(Arc<Mutex<Range<u64>>>);

/// When set, reads give zeros and ask for no bytes: a demuxer that holds its whole index already tells sizes and times
/// of all packets without them.
#[derive(Clone, Default)]
pub struct Blank(Arc<AtomicBool>);

/// Remembers why a read failed, because FFmpeg only passes on that it did.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<Error>>>);

impl InputReader {
    /// A reader at the start of an input.
    pub fn new(inputs: SharedInputs, input: usize) -> Self {
        let size_bytes = pipe::lock(&inputs).size(input);
        Self {
            inputs,
            input,
            size_bytes,
            position: 0,
            buffer: Vec::new(),
            buffer_start: 0,
            fill_bytes: FIRST_FILL_BYTES,
            expected: Expected::default(),
            trouble: Trouble::default(),
            blank: Blank::default(),
        }
    }

    /// Changes later what is expected.
    pub fn expectation(&self) -> Expectation {
        Expectation { inputs: self.inputs.clone(), input: self.input, expected: self.expected.clone() }
    }

    /// Size of the input.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Tells later why a read failed.
    pub fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    /// The switch that turns reads blank.
    pub fn blank(&self) -> Blank {
        self.blank.clone()
    }

    fn blank_out(&mut self, out: &mut [u8]) -> usize {
        let left_bytes = self.size_bytes.saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left_bytes).unwrap_or(usize::MAX));
        out[..count].fill(0);
        self.position += count as u64;
        count
    }

    fn buffered(&self) -> &[u8] {
        let skip = self.position.checked_sub(self.buffer_start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.buffer.get(skip..)).unwrap_or_default()
    }

    fn wanted_bytes(&mut self) -> u64 {
        if self.position != self.buffer_start + self.buffer.len() as u64 {
            self.fill_bytes = FIRST_FILL_BYTES;
        }
        let expected = self.expected.get();
        if expected.contains(&self.position) {
            return LARGEST_FILL_BYTES.min(expected.end - self.position);
        }
        let wanted = self.fill_bytes;
        self.fill_bytes = LARGEST_FILL_BYTES.min(wanted * 2);
        wanted
    }

    fn fill(&mut self) -> io::Result<()> {
        let wanted = self.wanted_bytes().min(self.size_bytes - self.position);
        self.buffer.resize(wanted as usize, 0);
        self.buffer_start = self.position;
        let read = pipe::lock(&self.inputs).read_at(self.input, self.position, &mut self.buffer);
        match read {
            Ok(count) => self.buffer.truncate(count),
            Err(error) => {
                self.buffer.clear();
                self.trouble.note(error.clone());
                return Err(io::Error::other(error));
            }
        }
        Ok(())
    }
}

/// A reader's expectation, in the hands of who knows what comes next.
pub struct Expectation {
    inputs: SharedInputs,
    input: usize,
    expected: Expected,
}

impl Expectation {
    /// From now on this stretch is expected, and nothing else.
    pub fn set(&self, range: Range<u64>) -> Result<(), Error> {
        let mut inputs = pipe::lock(&self.inputs);
        // The index of a file that is cut off names what is not there.
        let size_bytes = inputs.size(self.input);
        let range = range.start.min(size_bytes)..range.end.min(size_bytes);
        inputs.expect(self.input, range.clone())?;
        drop(inputs);
        *self.expected.0.lock().unwrap_or_else(PoisonError::into_inner) = range;
        Ok(())
    }
}

impl Expected {
    fn get(&self) -> Range<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Blank {
    /// From now on reads are blank.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Trouble {
    /// Why the first failed read failed; none: all reads came.
    pub fn get(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, error: Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

impl Read for InputReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.blank.is_set() {
            return Ok(self.blank_out(out));
        }
        if self.buffered().is_empty() && self.position < self.size_bytes {
            self.fill()?;
        }
        let available = self.buffered();
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for InputReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
