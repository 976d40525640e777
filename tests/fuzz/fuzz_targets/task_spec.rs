//! What a coordinator tells a runner: any protobuf becomes a task or is refused, and the task survives the pipe to the
//! engine.
#![no_main]

use flotilla_engine::spec::Assignment;
use flotilla_engine::wire::{ToEngine, read, write};
use flotilla_proto::fleet::TaskSpec;
use flotilla_runner::attempt::spec;
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|data: &[u8]| {
    let Ok(told) = TaskSpec::decode(data) else { return };
    let Ok(task) = spec::task(told) else { return };
    let message = ToEngine::Assignment(Box::new(Assignment { task, input_sizes: vec![1] }));
    let mut pipe = Vec::new();
    write(&mut pipe, &message).expect("a vector takes all bytes");
    assert_eq!(read::<ToEngine>(&mut pipe.as_slice()).expect("what was written can be read"), Some(message));
});
