//! The engine's reader of fragments: chunks of any bytes are joined or refused.
#![no_main]

use std::sync::{Arc, Mutex};

use flotilla_engine::error::Result;
use flotilla_engine::pipe::{Inputs, Outputs};
use flotilla_engine::spec::{Assemble, MuxedSegment, Task};
use libfuzzer_sys::fuzz_target;

const INIT_SEGMENT: &[u8] = include_bytes!("../corpus/published_boxes/init-video");

struct Chunk(Vec<u8>);

impl Inputs for Chunk {
    fn count(&self) -> usize {
        1
    }

    fn size(&self, _: usize) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, _: usize, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let start = self.0.len().min(offset as usize);
        let count = buffer.len().min(self.0.len() - start);
        buffer[..count].copy_from_slice(&self.0[start..start + count]);
        Ok(count)
    }
}

struct Nowhere;

impl Outputs for Nowhere {
    fn append(&mut self, _: usize, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn progress(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&sample_count, chunk)) = data.split_first() else { return };
    let task = Task::Assemble(Assemble {
        init_segment: INIT_SEGMENT.to_vec(),
        chunk_count: 1,
        sample_count: u64::from(sample_count),
        fragmented: true,
        progressive: true,
        audio_init_segment: Vec::new(),
        muxed: Some(vec![MuxedSegment { video_fragments: 1, audio_fragments: 0 }]),
    });
    let inputs = Arc::new(Mutex::new(Chunk(chunk.to_vec())));
    let _ = flotilla_engine::run::execute(&task, &(inputs as _), &mut Nowhere);
});
