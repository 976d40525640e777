//! The engine's end of the pipe against a daemon that answers anything: reads give as many bytes as were asked for, or
//! an error.
#![no_main]

use flotilla_engine::pipe::{Inputs, Outputs, Pipe};
use flotilla_engine::spec::{Assignment, Probe, Task};
use flotilla_engine::wire::{ToEngine, write};
use libfuzzer_sys::fuzz_target;

const INPUT_BYTES: u64 = 1000;

fuzz_target!(|data: &[u8]| {
    let task = Task::Probe(Probe::default());
    let mut said = Vec::new();
    let assignment = ToEngine::Assignment(Box::new(Assignment { task, input_sizes: vec![INPUT_BYTES] }));
    write(&mut said, &assignment).expect("a vector takes all bytes");
    said.extend(data);
    let (_, mut pipe) = Pipe::accept(std::io::Cursor::new(said), std::io::sink())
        .expect("the assignment is ours")
        .expect("there is an assignment");
    for offset in (0..=INPUT_BYTES).step_by(100) {
        let mut buffer = [0; 64];
        match pipe.read_at(0, offset, &mut buffer) {
            Ok(count) => assert_eq!(count as u64, 64.min(INPUT_BYTES - offset)),
            Err(_) => break,
        }
    }
    assert_eq!(pipe.read_at(7, 0, &mut [0; 8]), Ok(0), "an input that is not there is empty");
    pipe.append(0, data).expect("a sink takes all bytes");
});
