//! The conversation with an engine: its reads are answered, its output is carried away, its progress noted.
//! An engine that says nothing while nobody keeps it waiting is hung; one that talks without getting further is stalled.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flotilla_engine::report::{Failure, Report};
use flotilla_engine::spec::Assignment;
use flotilla_engine::wire::{FromEngine, ToEngine};

use super::child::Child;
use super::headway::{Headway, STALL_LIMIT};
use super::{Stop, pipe};
use crate::transfer::{self, Inputs, Output, Uploaded};

/// Longest time for the engine's next word.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(120);

/// How a conversation ended.
#[derive(Debug)]
pub enum Said {
    /// The task is done.
    Done(Report),
    /// The engine says why not.
    Failed(Failure),
    /// The pipe closed before the last word.
    Nothing,
    /// No word within the limit.
    Hung,
    /// Words enough, but nothing done within the limit.
    Stalled,
    /// Something that is not the protocol, or a broken pipe.
    Broken(io::Error),
    /// The store does not take an output.
    UploadFailed(transfer::Error),
    /// We ended it.
    Stopped(Stop),
}

/// What the engine reads and writes, and how far it is.
pub struct Conversation {
    inputs: Inputs,
    outputs: Vec<Output>,
    progress: Arc<AtomicU64>,
    /// Progress counts MiB read instead of what the engine says.
    counts_bytes: bool,
    silence_limit: Duration,
    headway: Headway,
    bytes_read: u64,
    waited: Duration,
    read_failure: Option<transfer::Error>,
}

impl Conversation {
    /// A conversation that has not begun.
    pub fn new(inputs: Inputs, outputs: Vec<Output>, progress: Arc<AtomicU64>, counts_bytes: bool) -> Self {
        let (bytes_read, waited, read_failure) = (0, Duration::ZERO, None);
        let (silence_limit, headway) = (SILENCE_LIMIT, Headway::new(STALL_LIMIT));
        Self {
            inputs,
            outputs,
            progress,
            counts_bytes,
            silence_limit,
            headway,
            bytes_read,
            waited,
            read_failure,
        }
    }

    /// The longest time for the engine's next word.
    pub fn silence_limit(&self) -> Duration {
        self.silence_limit
    }

    /// The same with another limit for silence.
    pub fn with_silence_limit(self, silence_limit: Duration) -> Self {
        Self { silence_limit, ..self }
    }

    /// The same with another limit for the time without getting further.
    pub fn with_stall_limit(self, stall_limit: Duration) -> Self {
        Self { headway: Headway::new(stall_limit), ..self }
    }

    /// Gives the engine its task and serves it to its last word.
    pub async fn hold(&mut self, child: &mut Child, assignment: Assignment) -> Said {
        match self.serve(child, assignment).await {
            Ok(said) => said,
            // A pipe that breaks while it is written to: the child died.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Said::Nothing,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Said::Hung,
            Err(error) => Said::Broken(error),
        }
    }

    /// Time spent waiting for reads and uploads so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The read that could not be answered, whatever the engine made of it.
    pub fn read_failure(&self) -> Option<&transfer::Error> {
        self.read_failure.as_ref()
    }

    /// An error, in one sentence, when some input is not verified to be what was stored.
    pub fn verify_inputs(&self) -> Result<(), String> {
        self.inputs.verify()
    }

    /// Waits until the store has every output, in order.
    pub async fn finish_outputs(&mut self) -> Result<Vec<Uploaded>, transfer::Error> {
        let started = Instant::now();
        let outputs = std::mem::take(&mut self.outputs).into_iter().map(Output::finish);
        let uploaded = futures::future::try_join_all(outputs).await;
        self.waited += started.elapsed();
        uploaded
    }

    async fn serve(&mut self, child: &mut Child, assignment: Assignment) -> io::Result<Said> {
        self.headway.start(&assignment.input_sizes);
        self.say(child, &ToEngine::Assignment(assignment.into())).await?;
        while !self.headway.is_stalled() {
            let message = in_time(self.silence_limit, pipe::receive(&mut child.stdout)).await?;
            let Some(message) = message else { return Ok(Said::Nothing) };
            match message {
                FromEngine::Read { input, offset, length } => {
                    let answer = self.read(input, offset, length).await;
                    self.say(child, &answer).await?;
                }
                FromEngine::Expect { input, start, end } => self.inputs.expect(input, start..end),
                FromEngine::Output { output, bytes } => {
                    if let Err(error) = self.push(output, bytes.into()).await {
                        return Ok(Said::UploadFailed(error));
                    }
                }
                FromEngine::Progress(progress) => {
                    self.headway.progressed(progress);
                    if !self.counts_bytes {
                        self.progress.store(progress, Ordering::Relaxed);
                    }
                }
                FromEngine::Done(report) => return Ok(Said::Done(report)),
                FromEngine::Failed(failure) => return Ok(Said::Failed(failure)),
            }
        }
        Ok(Said::Stalled)
    }

    async fn say(&self, child: &mut Child, message: &ToEngine) -> io::Result<()> {
        in_time(self.silence_limit, pipe::send(&mut child.stdin, message)).await
    }

    async fn read(&mut self, input: u32, offset: u64, length: u32) -> ToEngine {
        let started = Instant::now();
        let answer = self.inputs.read(input, offset, length).await;
        self.count_wait(started);
        match answer {
            Ok(bytes) => {
                self.bytes_read += bytes.len() as u64;
                self.headway.read(bytes.len());
                if self.counts_bytes {
                    self.progress.store(self.bytes_read >> 20, Ordering::Relaxed);
                }
                ToEngine::Data(bytes)
            }
            Err(error) => {
                let reason = format!("input {input} cannot be read: {error}");
                self.read_failure = Some(error);
                ToEngine::ReadFailed(reason)
            }
        }
    }

    async fn push(&mut self, output: u32, bytes: Bytes) -> Result<(), transfer::Error> {
        let missing = transfer::Error::Nonsense("was given an output that the task does not have");
        let output = self.outputs.get_mut(output as usize).ok_or(missing)?;
        let (started, length) = (Instant::now(), bytes.len());
        let pushed = output.push(bytes).await;
        self.count_wait(started);
        self.headway.wrote(length);
        pushed
    }

    /// What the network takes is not the engine's doing.
    fn count_wait(&mut self, started: Instant) {
        let waited = started.elapsed();
        self.waited += waited;
        self.headway.waited(waited);
    }
}

async fn in_time<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
