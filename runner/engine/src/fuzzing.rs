//! What the fuzz targets of `tests/fuzz` reach of the inside; no interface of anybody's.

use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::pipe::Inputs;
use crate::source::{self, reader::InputReader};

struct Bytes(Vec<u8>);

impl Inputs for Bytes {
    fn count(&self) -> usize {
        1
    }

    fn size(&self, _: usize) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, _: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let start = self.0.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let count = buffer.len().min(self.0.len() - start);
        buffer[..count].copy_from_slice(&self.0[start..start + count]);
        Ok(count)
    }
}

/// The top-level boxes of an upload.
pub fn layout(bytes: &[u8]) {
    let mut reader = InputReader::new(Arc::new(Mutex::new(Bytes(bytes.to_vec()))), 0);
    source::look_at_layout(&mut reader);
}
