//! The trial of an encoder in an engine child: a listing proves nothing, an encode does.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use flotilla_engine::report::Report;
use flotilla_engine::spec::{Assignment, Task, Trial};
use flotilla_proto::fleet::FailureClass;

use super::child::{Child, Farewell};
use super::conversation::{Conversation, Said};
use super::outcome::{self, Outcome};
use crate::config;
use crate::transfer::{Inputs, Meter};

/// Longest silence of a trial; the clip is a few frames.
const LIMIT: Duration = Duration::from_secs(30);

/// An encoder that works.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Passed {
    /// Digest over what it put out.
    pub fingerprint: String,
    /// Library and version, for people.
    pub version: String,
}

/// Tries an encoder; the error says in one sentence why it does not work.
pub async fn run(engine: &config::Engine, http: &reqwest::Client, encoder: &str) -> Result<Passed, String> {
    let mut child = Child::start(engine).map_err(|error| format!("the engine cannot be started: {error}"))?;
    let inputs = Inputs::new(http, &Arc::new(Meter::default()), &[]);
    let progress = Arc::new(AtomicU64::new(0));
    let mut conversation = Conversation::new(inputs, Vec::new(), progress, false).with_silence_limit(LIMIT);
    let task = Task::Trial(Trial { encoder: encoder.to_owned() });
    let said = conversation.hold(&mut child, Assignment { task, input_sizes: Vec::new() }).await;
    let ended = child.end(Farewell::after(&said)).await;
    match said {
        Said::Done(Report::Trial { fingerprint, version }) => Ok(Passed { fingerprint, version }),
        Said::Hung => Err(format!("the trial was silent for {} s", LIMIT.as_secs())),
        said => match outcome::judge(said, ended, &mut conversation, engine.memory_mib).await {
            Outcome::Failed { message, class: FailureClass::Crash } => {
                Err(format!("the trial crashed: {message}"))
            }
            Outcome::Failed { message, .. } => Err(message),
            Outcome::Done { .. } | Outcome::Stopped(_) => {
                Err("the engine did not answer the trial".to_owned())
            }
        },
    }
}
