//! A task on bytes at hand, outside of any lease: the engine is run as for a lease, its output is hashed and counted, and
//! goes nowhere, or stays in memory.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flotilla_engine::report::Report;
use flotilla_engine::spec::{Assignment, Task};

use super::Stop;
use super::child::{Child, Ended, Farewell};
use super::conversation::{Conversation, SILENCE_LIMIT, Said};
use super::outcome::{self, Outcome};
use crate::config;
use crate::transfer::{Inputs, Output};

/// As large as a coordinator usually asks for.
const PART_BYTES: usize = 8 << 20;

/// What a task took and brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The engine's answer.
    pub report: Report,
    /// From before the start of the process to its last word.
    pub took: Duration,
    /// User and system time of the process.
    pub cpu_time: Duration,
    /// Largest resident memory that was seen.
    pub peak_memory_bytes: u64,
    /// Of all outputs.
    pub output_bytes: u64,
    /// The outputs, where they were to be kept.
    pub outputs: Vec<Vec<u8>>,
}

/// What becomes of what a task puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is counted and dropped.
    Nothing,
    /// It stays in memory.
    All,
}

/// A conversation with an engine that is over.
pub(super) struct Talk {
    pub(super) said: Said,
    pub(super) ended: Ended,
    /// From before the start of the process to its last word.
    pub(super) took: Duration,
    pub(super) conversation: Conversation,
}

/// Gives a task to an engine outside of any lease; the error says why there is no engine. It ends with this future, however
/// that ends, and when `stop` does.
pub(super) async fn talk(
    engine: &config::Engine,
    task: Task,
    (inputs, outputs): (Vec<Bytes>, Vec<Output>),
    silence_limit: Duration,
    stop: impl Future<Output = ()>,
) -> Result<Talk, String> {
    let started = Instant::now();
    let mut child = Child::start(engine).map_err(|error| format!("the engine cannot be started: {error}"))?;
    let input_sizes = inputs.iter().map(|input| input.len() as u64).collect();
    let progress = Arc::new(AtomicU64::new(0));
    let mut conversation =
        Conversation::new(Inputs::held(inputs), outputs, progress, false).with_silence_limit(silence_limit);
    let said = tokio::select! {
        said = conversation.hold(&mut child, Assignment { task, input_sizes }) => said,
        () = stop => Said::Stopped(Stop::Returned),
    };
    let took = started.elapsed();
    let ended = child.end(Farewell::after(&said)).await;
    Ok(Talk { said, ended, took, conversation })
}

/// Runs a task with so many outputs; the error says in one sentence why it failed. The engine ends with this future,
/// however that ends.
pub async fn run(
    engine: &config::Engine,
    task: Task,
    inputs: Vec<Bytes>,
    (output_count, keep): (usize, Keep),
) -> Result<Done, String> {
    let output = |_| match keep {
        Keep::Nothing => Output::counted(PART_BYTES),
        Keep::All => Output::kept(PART_BYTES),
    };
    let outputs = (0..output_count).map(output).collect();
    let Talk { said, ended, took, mut conversation } =
        talk(engine, task, (inputs, outputs), SILENCE_LIMIT, pending()).await?;
    let (cpu_time, peak_memory_bytes) = (ended.cpu_time, ended.peak_memory_bytes);
    match said {
        Said::Done(report) => {
            let outputs = conversation.finish_outputs().await.map_err(|error| error.to_string())?;
            let output_bytes = outputs.iter().map(|output| output.size_bytes).sum();
            let outputs = outputs.into_iter().map(|output| output.kept).collect();
            Ok(Done { report, took, cpu_time, peak_memory_bytes, output_bytes, outputs })
        }
        said => match outcome::judge(said, ended, &mut conversation, engine.memory_mib).await {
            Outcome::Failed { message, .. } => Err(message),
            Outcome::Done { .. } | Outcome::Stopped(_) => Err("the engine did not answer".to_owned()),
        },
    }
}
