//! The trial of a hardware device in an engine child: a driver that hangs or crashes takes nothing with it but the child.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use flotilla_engine::report::{DeviceAnswer, Report};
use flotilla_engine::spec::{Assignment, DeviceTrial, Task};

use super::child::{Child, Farewell};
use super::conversation::{Conversation, Said};
use crate::config;
use crate::transfer::{Inputs, Meter};

/// Longest silence of a trial; it is a few small pictures.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The engine answered; with it what the libraries wrote.
    Answered(DeviceAnswer, String),
    /// It said nothing within the limit.
    Hung,
    /// It died; with it what the libraries wrote.
    Died(String),
}

/// Tries one thing with a device.
pub async fn run(engine: &config::Engine, http: &reqwest::Client, trial: DeviceTrial) -> Ending {
    let mut child = match Child::start(engine) {
        Ok(child) => child,
        Err(error) => return Ending::Died(format!("the engine cannot be started: {error}")),
    };
    let inputs = Inputs::new(http, &Arc::new(Meter::default()), &[]);
    let progress = Arc::new(AtomicU64::new(0));
    let mut conversation = Conversation::new(inputs, Vec::new(), progress, false).with_silence_limit(LIMIT);
    let assignment = Assignment { task: Task::Device(trial), input_sizes: Vec::new() };
    let said = conversation.hold(&mut child, assignment).await;
    let words = child.end(Farewell::after(&said)).await.stderr_tail;
    match said {
        Said::Done(Report::Device { answer }) => Ending::Answered(answer, words),
        Said::Hung => Ending::Hung,
        Said::Failed(failure) => Ending::Died(failure.message),
        _ => Ending::Died(words),
    }
}
