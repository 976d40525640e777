//! Inputs and outputs in memory.

use std::sync::{Arc, Mutex};

use flotilla_engine::error::Result;
use flotilla_engine::pipe::{Inputs, Outputs, SharedInputs};
use flotilla_engine::report::Report;
use flotilla_engine::run::execute;
use flotilla_engine::spec::Task;

/// One input; counts what is read of it.
pub struct File {
    bytes: Vec<u8>,
    pub read_bytes: Arc<Mutex<u64>>,
}

/// Collects outputs.
#[derive(Default)]
pub struct Collected {
    pub outputs: Vec<Vec<u8>>,
    pub progress: u64,
}

impl File {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read_bytes: Arc::default() }
    }

    pub fn shared(self) -> SharedInputs {
        Arc::new(Mutex::new(self))
    }
}

impl Inputs for File {
    fn count(&self) -> usize {
        1
    }

    fn size(&self, _: usize) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&mut self, _: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let start = self.bytes.len().min(offset as usize);
        let count = buffer.len().min(self.bytes.len() - start);
        buffer[..count].copy_from_slice(&self.bytes[start..start + count]);
        *self.read_bytes.lock().unwrap() += count as u64;
        Ok(count)
    }
}

impl Outputs for Collected {
    fn append(&mut self, output: usize, bytes: &[u8]) -> Result<()> {
        self.outputs.resize(self.outputs.len().max(output + 1), Vec::new());
        self.outputs[output].extend(bytes);
        Ok(())
    }

    fn progress(&mut self, done: u64) -> Result<()> {
        assert!(done >= self.progress, "progress never falls");
        self.progress = done;
        Ok(())
    }
}

/// Does a task over the bytes of a file.
pub fn run(task: &Task, bytes: &[u8]) -> Result<(Report, Collected)> {
    let mut collected = Collected::default();
    let report = execute(task, &File::new(bytes.to_vec()).shared(), &mut collected)?;
    Ok((report, collected))
}
