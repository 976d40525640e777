//! One input of several, as the only one: whoever reads a file need not know which of a task's it is.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::pipe::{Inputs, SharedInputs, lock};

/// The inputs of a task that knows that one alone.
pub fn only(inputs: &SharedInputs, input: usize) -> Result<SharedInputs> {
    match input < lock(inputs).count() {
        true => Ok(Arc::new(Mutex::new(Only { inputs: inputs.clone(), input }))),
        false => Err(Error::Internal(format!("the plan reads input {input}, and none was handed in"))),
    }
}

struct Only {
    inputs: SharedInputs,
    input: usize,
}

impl Inputs for Only {
    fn count(&self) -> usize {
        1
    }

    fn size(&self, input: usize) -> u64 {
        lock(&self.inputs).size(self.input + input)
    }

    fn read_at(&mut self, input: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        lock(&self.inputs).read_at(self.input + input, offset, buffer)
    }

    fn expect(&mut self, input: usize, range: Range<u64>) -> Result<()> {
        lock(&self.inputs).expect(self.input + input, range)
    }
}
