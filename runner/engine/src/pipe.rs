//! Where a task's bytes come from and go to. Tasks see two small traits, so that tests run them over memory and files;
//! [`Pipe`] is the real thing: requests over standard input and output, one outstanding at a time.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::report::{Failure, Report};
use crate::spec::Task;
use crate::wire::{self, FromEngine, ToEngine};

/// Progress is told at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The inputs of a task.
pub trait Inputs: Send {
    /// How many there are.
    fn count(&self) -> usize;
    /// Size in bytes.
    fn size(&self, input: usize) -> u64;
    /// Fills the buffer from `offset` on; fewer bytes only at the end of the input.
    fn read_at(&mut self, input: usize, offset: u64, buffer: &mut [u8]) -> Result<usize>;
    /// A hint: this stretch will be read whole and in order, and what lies behind it perhaps never.
    fn expect(&mut self, _input: usize, _range: Range<u64>) -> Result<()> {
        Ok(())
    }
}

/// Inputs that several readers share.
pub type SharedInputs = Arc<Mutex<dyn Inputs>>;

/// The outputs of a task.
pub trait Outputs {
    /// Appends to an output.
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()>;
    /// Units of work finished so far: frames, thousands of audio samples, or MiB read.
    fn progress(&mut self, done: u64) -> Result<()>;
}

/// Locks shared inputs; a reader that panicked left nothing half-done behind.
pub fn lock(inputs: &SharedInputs) -> MutexGuard<'_, dyn Inputs + 'static> {
    inputs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The engine's end of the pipe to its daemon. Clones share it.
pub struct Pipe<R, W> {
    ends: Arc<Mutex<Ends<R, W>>>,
}

struct Ends<R, W> {
    from_daemon: R,
    to_daemon: W,
    sizes: Vec<u64>,
    told: Option<Instant>,
}

impl<R: Read, W: Write> Pipe<R, W> {
    /// Waits for the assignment; none: the daemon hung up before it gave one.
    pub fn accept(mut from_daemon: R, to_daemon: W) -> io::Result<Option<(Task, Self)>> {
        match wire::read(&mut from_daemon)? {
            None => Ok(None),
            Some(ToEngine::Assignment(assignment)) => {
                let ends = Ends { from_daemon, to_daemon, sizes: assignment.input_sizes, told: None };
                Ok(Some((assignment.task, Self { ends: Arc::new(Mutex::new(ends)) })))
            }
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "the first message is no assignment")),
        }
    }

    /// Says how the task ended; the last message.
    pub fn finish(&self, result: Result<Report>) -> io::Result<()> {
        let message = match result {
            Ok(report) => FromEngine::Done(report),
            Err(error) => FromEngine::Failed(Failure::from(error)),
        };
        wire::write(&mut self.lock().to_daemon, &message)
    }

    fn lock(&self) -> MutexGuard<'_, Ends<R, W>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, W> Clone for Pipe<R, W> {
    fn clone(&self) -> Self {
        Self { ends: self.ends.clone() }
    }
}

impl<R: Read + Send, W: Write + Send> Inputs for Pipe<R, W> {
    fn count(&self) -> usize {
        self.lock().sizes.len()
    }

    fn size(&self, input: usize) -> u64 {
        self.lock().sizes.get(input).copied().unwrap_or(0)
    }

    fn read_at(&mut self, input: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let left_bytes = self.size(input).saturating_sub(offset);
        let wanted = buffer.len().min(usize::try_from(left_bytes).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let mut ends = self.lock();
        let length = u32::try_from(wanted).expect("readers ask for less than 4 GiB at a time");
        let request = FromEngine::Read { input: input as u32, offset, length };
        wire::write(&mut ends.to_daemon, &request)?;
        match wire::read(&mut ends.from_daemon)? {
            Some(ToEngine::Data(bytes)) if bytes.len() == wanted => {
                buffer[..wanted].copy_from_slice(&bytes);
                Ok(wanted)
            }
            Some(ToEngine::Data(bytes)) => Err(Error::Transient(format!(
                "the input ends early: {} of {wanted} bytes came for byte {offset}",
                bytes.len()
            ))),
            Some(ToEngine::ReadFailed(reason)) => Err(Error::Transient(reason)),
            Some(ToEngine::Assignment(_)) => Err(Error::Internal("a second assignment came".into())),
            None => Err(Error::Transient("the runner hung up".into())),
        }
    }

    fn expect(&mut self, input: usize, range: Range<u64>) -> Result<()> {
        let message = FromEngine::Expect { input: input as u32, start: range.start, end: range.end };
        Ok(wire::write(&mut self.lock().to_daemon, &message)?)
    }
}

impl<R: Read, W: Write> Outputs for Pipe<R, W> {
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()> {
        // Frames are bounded, a fragment of a long GOP at a high rate need not be.
        for part in bytes.chunks(wire::MAX_PAYLOAD_BYTES / 2) {
            let message = FromEngine::Output { output: output as u32, bytes: part.to_vec() };
            wire::write(&mut self.lock().to_daemon, &message)?;
        }
        Ok(())
    }

    fn progress(&mut self, done: u64) -> Result<()> {
        let mut ends = self.lock();
        if ends.told.is_none_or(|told| told.elapsed() >= PROGRESS_INTERVAL) {
            ends.told = Some(Instant::now());
            wire::write(&mut ends.to_daemon, &FromEngine::Progress(done))?;
        }
        Ok(())
    }
}
