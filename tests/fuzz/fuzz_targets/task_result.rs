//! What a runner tells the coordinator: any protobuf becomes a result or is refused, and what people are shown of a
//! probe can be computed from it.
#![no_main]

use flotilla_proto::fleet::TaskResult;
use libfuzzer_sys::fuzz_target;
use prost::Message;

fuzz_target!(|data: &[u8]| {
    if let Ok(result) = TaskResult::decode(data) {
        flotilla_coordinator::fuzzing::task_result(result);
    }
});
