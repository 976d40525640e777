//! Which streams are read: the demuxer skips the others, without their bytes where it can.

use super::Source;
use crate::ffi;

impl Source {
    /// Skips all streams but these.
    pub fn keep_streams(&mut self, indexes: &[usize]) {
        ffi::keep_streams(&mut self.input, indexes);
    }
}
