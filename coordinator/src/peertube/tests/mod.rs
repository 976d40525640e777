//! The client against the model of an instance: every call, and every way in which it can end.

mod answers;
mod calls;
mod downloads;
mod ears;
mod recorded;

use std::path::PathBuf;
use std::time::Duration;

use flotilla_tests::peertube::{Model, Upload};
use tempfile::TempDir;

use super::{AcceptedJob, Instance, JobType, JobUuid, Patience, Runner};
use crate::config::Secret;

/// An instance, a runner of it, and a folder for sources.
struct Stage {
    model: Model,
    runner: Runner,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::patient(Patience::default(), &[]).await
    }

    async fn patient(patience: Patience, storage_hosts: &[String]) -> Self {
        let model = Model::start();
        let instance = Instance::new(&model.url(), storage_hosts, patience).unwrap();
        let token = Secret::new(model.registration_token());
        let registration = instance.register(&token, "fleet", Some("")).await.unwrap();
        let runner = instance.runner(registration.runner_token);
        Self { model, runner, folder: TempDir::new().unwrap() }
    }

    fn source(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("source");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// An upload, and its first job, which is ours.
    async fn job(&self, source: &[u8]) -> (Vec<String>, AcceptedJob) {
        let jobs = self.model.upload(&Upload::default(), &self.source(source), None);
        let job = self.runner.accept(&name(&jobs[0])).await.unwrap();
        (jobs, job)
    }
}

fn name(uuid: &str) -> JobUuid {
    JobUuid::try_from(uuid.to_owned()).unwrap()
}

fn vod() -> Vec<JobType> {
    vec![JobType::VodWebVideo, JobType::VodHls, JobType::VodAudioMerge]
}

/// Short waits for what is meant to fail.
fn hasty() -> Patience {
    let short = Duration::from_millis(300);
    Patience { connect: short, call: short, stall: short, answer: short }
}
