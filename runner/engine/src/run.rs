//! The engine process: takes its assignment from the pipe, does it, says how it ended.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::pipe::{Outputs, Pipe, SharedInputs};
use crate::report::Report;
use crate::spec::Task;
use crate::{assemble, audio, chunk, device, probe, text, trial};

/// Serves one task over a pipe. The exit code only says whether the daemon heard the result; the result itself, good or
/// bad, went through the pipe.
pub fn run<R, W>(from_daemon: R, to_daemon: W) -> ExitCode
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    let told = Pipe::accept(from_daemon, to_daemon).and_then(|accepted| {
        let Some((task, pipe)) = accepted else { return Ok(()) };
        let inputs: SharedInputs = Arc::new(Mutex::new(pipe.clone()));
        pipe.finish(execute(&task, &inputs, &mut pipe.clone()))
    });
    if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does a task over any inputs and outputs.
pub fn execute(task: &Task, inputs: &SharedInputs, outputs: &mut dyn Outputs) -> Result<Report> {
    ffmpeg_next::init().map_err(|error| Error::Runner(format!("FFmpeg does not start: {error}")))?;
    // Failures are told through the pipe, in words of ours.
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    match task {
        Task::Probe(task) => probe::run(task, inputs, outputs).map(Report::Probe),
        Task::EncodeChunk(task) => {
            if task.encode_on.is_some() || !task.decode_on.is_empty() {
                // What a driver says of its refusal stands in FFmpeg's log alone, and the daemon knows what it means.
                ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Error);
            }
            let encoded = chunk::encode(task, inputs, outputs)?;
            let chunk::Encoded { renditions, missing_frames } = encoded;
            Ok(Report::EncodeChunk { renditions, missing_frames })
        }
        Task::EncodeAudio(task) => audio::encode(task, inputs, outputs).map(Report::EncodeAudio),
        Task::ExtractText(task) => {
            text::extract(task, inputs, outputs).map(|cue_counts| Report::ExtractText { cue_counts })
        }
        Task::Storyboard(task) => chunk::storyboard::draw(task, inputs, outputs)
            .map(|sprite_count| Report::Storyboard { sprite_count }),
        Task::Assemble(task) => assemble::join(task, inputs, outputs),
        Task::Compare(task) => {
            chunk::compare::likenesses(task, inputs, outputs).map(|likenesses| Report::Compare { likenesses })
        }
        Task::Trial(task) => trial::run(task),
        Task::Device(task) => Ok(Report::Device { answer: device::run(task) }),
    }
}

/// FFmpeg's libraries as this process found them, for people: "libavcodec 59.37.100, libavformat 59.27.100, …".
pub fn libraries() -> String {
    let found = [
        ("libavcodec", ffmpeg_next::codec::version()),
        ("libavformat", ffmpeg_next::format::version()),
        ("libavfilter", ffmpeg_next::filter::version()),
    ];
    let told = found
        .map(|(name, number)| format!("{name} {}.{}.{}", number >> 16, number >> 8 & 0xff, number & 0xff));
    told.join(", ")
}
