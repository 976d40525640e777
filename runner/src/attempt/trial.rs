//! The trial of an encoder in an engine child: a listing proves nothing, an encode does.

use std::future::pending;
use std::time::Duration;

use flotilla_engine::report::Report;
use flotilla_engine::spec::{Task, Trial};
use flotilla_proto::fleet::FailureClass;

use super::conversation::Said;
use super::local::{Talk, talk};
use super::outcome::{self, Outcome};
use crate::config;

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
pub async fn run(engine: &config::Engine, encoder: &str) -> Result<Passed, String> {
    let task = Task::Trial(Trial { encoder: encoder.to_owned() });
    let Talk { said, ended, mut conversation, .. } =
        talk(engine, task, (vec![], vec![]), LIMIT, pending()).await?;
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
