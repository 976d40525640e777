//! The engine's look at the top-level boxes of an upload, before FFmpeg sees it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| flotilla_engine::fuzzing::layout(data));
