//! The trial of a hardware device in an engine child: a driver that hangs or crashes takes nothing with it but the child.

use std::time::Duration;

use flotilla_engine::report::Report;
use flotilla_engine::spec::{DeviceTrial, Task};

use super::conversation::Said;
use super::local::{Talk, talk};
use crate::config;
use crate::hardware::reason::Ending;

/// Longest silence of a trial; it is a few small pictures.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Tries one thing with a device, until `stop` ends.
pub async fn run(engine: &config::Engine, trial: DeviceTrial, stop: impl Future<Output = ()>) -> Ending {
    let task = Task::Device(trial);
    let Talk { said, ended, .. } = match talk(engine, task, (vec![], vec![]), LIMIT, stop).await {
        Ok(talk) => talk,
        Err(message) => return Ending::Died(message),
    };
    let words = ended.stderr_tail;
    match said {
        Said::Done(Report::Device { answer }) => Ending::Answered(answer, words),
        Said::Hung => Ending::Hung,
        Said::Failed(failure) => Ending::Died(failure.message),
        _ => Ending::Died(words),
    }
}
