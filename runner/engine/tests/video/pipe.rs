//! The engine over real pipes, with a daemon that answers its reads.

use std::io::{PipeReader, PipeWriter, pipe};
use std::process::ExitCode;
use std::thread::{self, JoinHandle};

use flotilla_engine::report::{Class, Report};
use flotilla_engine::run::run;
use flotilla_engine::spec::{Assignment, Probe, Task};
use flotilla_engine::wire::{self, FromEngine, ToEngine};

use crate::clips::Clips;

const PICTURE: &str = "testsrc2=size=128x96:rate=24:duration=1";

fn start(bytes: &[u8]) -> (PipeReader, PipeWriter, JoinHandle<ExitCode>) {
    let (engine_reads, mut daemon_writes) = pipe().unwrap();
    let (daemon_reads, engine_writes) = pipe().unwrap();
    let engine = thread::spawn(move || run(engine_reads, engine_writes));
    let task = Task::Probe(Probe { max_pixels: 1 << 24, ..Probe::default() });
    let assignment = Assignment { task, input_sizes: vec![bytes.len() as u64] };
    wire::write(&mut daemon_writes, &ToEngine::Assignment(assignment.into())).unwrap();
    (daemon_reads, daemon_writes, engine)
}

/// Serves reads until the last message; reads from `broken_at` on fail.
fn serve(bytes: &[u8], broken_at: u64) -> FromEngine {
    let (mut from_engine, mut to_engine, engine) = start(bytes);
    loop {
        match wire::read::<FromEngine>(&mut from_engine).unwrap().expect("the engine ends with a result") {
            FromEngine::Read { offset, length, .. } if offset + u64::from(length) <= broken_at => {
                let start = offset as usize;
                let data = bytes[start..start + length as usize].to_vec();
                wire::write(&mut to_engine, &ToEngine::Data(data)).unwrap();
            }
            FromEngine::Read { .. } => {
                wire::write(&mut to_engine, &ToEngine::ReadFailed("storage answered 503".into())).unwrap();
            }
            FromEngine::Progress(_) | FromEngine::Expect { .. } => {}
            last => {
                assert_eq!(engine.join().unwrap(), ExitCode::SUCCESS);
                return last;
            }
        }
    }
}

#[test]
fn a_task_is_served_over_pipes_and_a_failed_read_is_nobodys_fault() {
    let clips = Clips::new();
    let bytes = std::fs::read(clips.make("clip.mp4", PICTURE, "-c:v libx264")).unwrap();
    let FromEngine::Done(Report::Probe(source)) = serve(&bytes, u64::MAX) else { panic!("no probe") };
    assert_eq!(source.video[0].pts.len(), 24);
    let FromEngine::Failed(failure) = serve(&bytes, 0) else { panic!("no failure") };
    assert_eq!((failure.class, failure.message.as_str()), (Class::Transient, "storage answered 503"));
}
