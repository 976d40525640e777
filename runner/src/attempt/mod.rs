//! One attempt at a task, from the lease to the answer that settles it. The engine child does the work; this
//! side feeds it, watches it, carries its output away and tells the coordinator how it ended. Every attempt
//! ends: done, failed or stopped; and its child is gone before it does.
//!
//! ```text
//!   waiting for a slot ──► working ──► settling ──► over
//!          └─────────────────┴── stop ────┴──────────┘
//! ```

pub mod child;
pub mod conversation;
pub mod cpu;
pub mod device;
pub mod engine;
pub mod headway;
pub mod local;
pub mod memory;
pub mod outcome;
pub mod pipe;
pub mod report;
pub mod settle;
pub mod share;
pub mod spec;
pub mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use flotilla_engine::spec::{Assignment, DeviceName};
use flotilla_proto::fleet::{FailureClass, InputGrant, Lease, OutputGrant, Usage};
use tokio::sync::watch;

use self::child::{Child, Farewell};
use self::conversation::{Conversation, Said};
use self::outcome::Outcome;
use self::share::{Share, Trouble};
use crate::config;
use crate::coordinator::Client;
use crate::hardware::Devices;
use crate::transfer::{Grant, Inputs, Meter, Output, Pace, PartGrants};

/// Largest part that a grant may ask for; more would be held in memory three times over.
const MAX_PART_BYTES: u64 = 128 << 20;

/// Why an attempt is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The coordinator does not want it any more: nothing is reported.
    Unwanted,
    /// The lease must be taken for lost: nothing is reported, somebody else may have it.
    Lost,
    /// This runner stops, or rests: the attempt is given back.
    Returned,
}

/// What all attempts of a daemon share.
#[derive(Clone, Debug)]
pub struct Context {
    /// The client for the store.
    pub http: reqwest::Client,
    /// Whom to answer.
    pub coordinator: Client,
    /// How an engine child is started.
    pub engine: config::Engine,
    /// How fast bytes may move.
    pub pace: Pace,
    /// Hardware of this machine.
    pub devices: Devices,
}

/// An attempt that has its slot.
#[derive(Debug)]
pub struct Attempt {
    /// What all attempts share.
    pub context: Context,
    /// What to do.
    pub lease: Lease,
    /// Tells the heartbeat how far it is.
    pub progress: Arc<AtomicU64>,
    /// Becomes a reason when the attempt is to stop.
    pub stop: watch::Receiver<Option<Stop>>,
    /// Of a device, for as long as the attempt lives.
    pub share: Share,
}

impl Attempt {
    /// Works on the task and settles it with the coordinator. `slot` is dropped as soon as no engine needs it any more:
    /// the last parts may still be going up then.
    pub async fn run<S>(self, slot: S) {
        let started = Instant::now();
        let meter = Arc::new(Meter::new(self.context.pace.clone()));
        let mut usage = Usage::default();
        let outcome = self.work(slot, &meter, &mut usage).await;
        usage.ran_ms = milliseconds(started.elapsed());
        usage.bytes_downloaded = meter.downloaded_bytes();
        usage.bytes_uploaded = meter.uploaded_bytes();
        settle::settle(&self, outcome, usage).await;
    }

    /// Returns once the attempt is to stop, and never when nobody can say so any more.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.stop.clone();
        let reason = stop.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// Works on the task; once more without the device that decodes, if that was the trouble.
    async fn work<S>(&self, slot: S, meter: &Arc<Meter>, usage: &mut Usage) -> Outcome {
        let mut slot = Some(slot);
        if matches!(self.share, Share::Refused) {
            return Outcome::failed(FailureClass::Returned, "the device has no session free for it");
        }
        let devices = &self.context.devices;
        let mut decoders = devices.decoders();
        let (mut outcome, mut trouble) = self.work_once(&mut slot, meter, usage, &decoders).await;
        if let Some(Trouble::Decoder(words)) = trouble {
            let suspects = std::mem::take(&mut decoders);
            (outcome, trouble) = self.work_once(&mut slot, meter, usage, &decoders).await;
            // What software cannot decode whole either is the source's fault.
            if outcome.is_whole() && !words.tell_of_no_room() {
                let places: BTreeSet<_> = suspects.values().collect();
                places.into_iter().for_each(|place| devices.failed(place, &words.why));
            }
        }
        if let Some(Trouble::Device(words)) = trouble {
            return self.share.blame(devices, words);
        }
        if let (Share::Held(hold), Outcome::Done { .. }) = (&self.share, &outcome) {
            devices.succeeded(&hold.place);
        }
        outcome
    }

    /// Takes the slot once no engine needs it any more.
    async fn work_once<S>(
        &self,
        slot: &mut Option<S>,
        meter: &Arc<Meter>,
        usage: &mut Usage,
        decoders: &BTreeMap<String, DeviceName>,
    ) -> (Outcome, Option<Trouble>) {
        let (mut assignment, inputs, outputs) = match self.prepare(meter) {
            Ok(prepared) => prepared,
            Err(message) => return (Outcome::failed(FailureClass::Internal, message), None),
        };
        let on_device = self.share.tell(&mut assignment.task, decoders);
        let mut child = match Child::start(&self.context.engine) {
            Ok(child) => child,
            Err(error) => {
                let message = format!("the engine process cannot be started: {error}");
                return (Outcome::failed(FailureClass::Runner, message), None);
            }
        };
        let counts_bytes = spec::counts_bytes(&assignment.task);
        let mut conversation = Conversation::new(inputs, outputs, self.progress.clone(), counts_bytes);
        if on_device {
            // A driver that hangs says nothing either, and software can take over.
            conversation = conversation.with_silence_limit(device::LIMIT);
        }
        let said = tokio::select! {
            said = conversation.hold(&mut child, assignment) => said,
            reason = self.stopped() => Said::Stopped(reason),
        };
        let ended = child.end(Farewell::after(&said)).await;
        usage.cpu_ms += milliseconds(ended.cpu_time);
        usage.peak_memory_bytes = usage.peak_memory_bytes.max(ended.peak_memory_bytes);
        let trouble = Trouble::of(&said, &ended, self.share.is_held(), on_device);
        if !matches!(trouble, Some(Trouble::Decoder(_))) {
            slot.take();
        }
        let outcome = tokio::select! {
            outcome = outcome::judge(said, ended, &mut conversation, self.context.engine.memory_mib) => outcome,
            reason = self.stopped() => Outcome::Stopped(reason),
        };
        usage.transferred_ms += milliseconds(conversation.waited());
        // What was stopped, or could not be read or uploaded, is no device's doing.
        let is_to_blame = matches!(&outcome, Outcome::Failed { class, .. }
            if matches!(class, FailureClass::Device | FailureClass::Crash));
        (outcome, trouble.filter(|_| is_to_blame))
    }

    fn prepare(&self, meter: &Arc<Meter>) -> Result<(Assignment, Inputs, Vec<Output>), String> {
        let task = self.lease.task.clone().ok_or("the lease holds no task")?;
        let input_sizes = self.lease.inputs.iter().map(|input| input.size_bytes).collect();
        let assignment = Assignment { task: spec::task(task)?, input_sizes };
        let readable = self.lease.inputs.iter().enumerate().map(readable).collect::<Result<Vec<_>, _>>()?;
        let inputs = Inputs::new(&self.context.http, meter, &readable);
        let grants: Arc<dyn PartGrants> = Arc::new(settle::Grants::new(self));
        let output = |(index, grant): (usize, &OutputGrant)| {
            if grant.part_size_bytes == 0 || grant.part_size_bytes > MAX_PART_BYTES {
                return Err(format!("output {index} is to have parts of {} bytes", grant.part_size_bytes));
            }
            let (part_size_bytes, urls) = (grant.part_size_bytes as usize, grant.part_urls.clone());
            Ok(Output::new(&self.context.http, meter, &grants, index as u32, part_size_bytes, urls))
        };
        let outputs = self.lease.outputs.iter().enumerate().map(output).collect::<Result<_, _>>()?;
        Ok((assignment, inputs, outputs))
    }
}

fn readable((index, grant): (usize, &InputGrant)) -> Result<Grant, String> {
    let sha256 = match grant.sha256.as_slice() {
        [] => None,
        digest => Some(
            digest.try_into().map_err(|_| format!("input {index} has a digest of {} bytes", digest.len()))?,
        ),
    };
    Ok(Grant { url: grant.url.clone(), size_bytes: grant.size_bytes, sha256 })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
