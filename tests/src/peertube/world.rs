//! All that the instance knows, and the rules by which it changes. No transport here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use super::fault::{Fault, Route};
use super::job::{Job, State, Stored};
use super::version::Version;

/// So many reported failures end a job.
const FAILURES: u32 = 5;

/// One call, as it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which.
    pub route: Route,
    /// Of which job.
    pub job: Option<String>,
    /// Status of the answer; 0: the connection was cut.
    pub status: u16,
    /// When, by the test's clock.
    pub at_ms: u64,
}

/// A video's files: what `max-quality` chooses from.
#[derive(Clone, Debug)]
pub(super) struct Video {
    pub(super) files: Vec<VideoFile>,
    pub(super) preview: Option<PathBuf>,
    pub(super) keeps_web_videos: bool,
}

#[derive(Clone, Debug)]
pub(super) struct VideoFile {
    pub(super) path: PathBuf,
    pub(super) resolution: u64,
    pub(super) is_hls: bool,
    pub(super) is_original: bool,
    pub(super) has_video: bool,
    pub(super) has_audio: bool,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) version: Version,
    pub(super) now_ms: u64,
    pub(super) jobs: Vec<Job>,
    pub(super) videos: BTreeMap<String, Video>,
    /// Files of studio jobs, by name.
    pub(super) task_files: BTreeMap<String, PathBuf>,
    /// Token and name.
    pub(super) runners: Vec<(String, String)>,
    pub(super) calls: Vec<Call>,
    pub(super) violations: Vec<String>,
    pub(super) faults: VecDeque<(Route, Fault)>,
    /// Types that were asked for, whether or not the version heeds them.
    pub(super) asked_types: BTreeSet<String>,
}

impl World {
    /// The fault that strikes this call.
    pub(super) fn fault(&mut self, route: Route) -> Option<Fault> {
        let at = self.faults.iter().position(|(struck, _)| *struck == route)?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }

    pub(super) fn job(&mut self, uuid: &str) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.uuid == uuid)
    }

    pub(super) fn violation(&mut self, text: String) {
        self.violations.push(text);
    }

    /// Gives jobs back of which nothing was heard. True: some wait again.
    pub(super) fn watch(&mut self) -> bool {
        let (now, version) = (self.now_ms, self.version);
        let is_late = |job: &&mut Job| {
            let silence = now.saturating_sub(job.touched_ms);
            job.state == State::Processing
                && version.silence_ms(&job.kind).is_some_and(|allowed| silence > allowed)
        };
        let mut is_any = false;
        for job in self.jobs.iter_mut().filter(is_late) {
            job.stalls += 1;
            reset(job, State::Pending);
            is_any = true;
        }
        is_any
    }

    /// Hands a waiting job to a runner. None: it is not waiting.
    pub(super) fn accept(&mut self, uuid: &str, runner_token: &str) -> Option<Job> {
        let now = self.now_ms;
        let job = self.job(uuid).filter(|job| job.state == State::Pending)?;
        job.state = State::Processing;
        job.token = Some(format!("ptrjt-{}", uuid::Uuid::new_v4()));
        job.runner_token = Some(runner_token.to_owned());
        job.touched_ms = now;
        Some(job.clone())
    }

    pub(super) fn abort(&mut self, uuid: &str, reason: &str) {
        if let Some(job) = self.job(uuid) {
            job.reasons.push(reason.to_owned());
            reset(job, State::Pending);
        }
    }

    pub(super) fn fail(&mut self, uuid: &str, message: &str) {
        let Some(job) = self.job(uuid) else { return };
        job.failures += 1;
        job.error = Some(message.to_owned());
        let is_final = job.failures >= FAILURES;
        reset(job, if is_final { State::Errored } else { State::Pending });
        if is_final {
            self.descend(uuid, State::ParentErrored);
        }
    }

    pub(super) fn cancel(&mut self, uuid: &str) {
        let can = [State::Pending, State::Processing, State::WaitingForParent];
        if let Some(job) = self.job(uuid).filter(|job| can.contains(&job.state)) {
            reset(job, State::Cancelled);
            self.descend(uuid, State::ParentCancelled);
        }
    }

    fn descend(&mut self, parent: &str, state: State) {
        for child in self.children(parent) {
            if let Some(job) = self.job(&child) {
                reset(job, state);
            }
            self.descend(&child, state);
        }
    }

    fn children(&self, parent: &str) -> Vec<String> {
        let of = |job: &&Job| job.parent.as_deref() == Some(parent);
        self.jobs.iter().filter(of).map(|job| job.uuid.clone()).collect()
    }

    /// Takes a result: the video gets its file, and the children may start.
    pub(super) fn complete(&mut self, uuid: &str, files: Vec<Stored>) {
        let Some(job) = self.job(uuid) else { return };
        job.answers += 1;
        job.files = files;
        reset(job, State::Completed);
        let job = job.clone();
        self.publish(&job);
        for child in self.children(uuid) {
            if let Some(child) = self.job(&child).filter(|child| child.state == State::WaitingForParent) {
                child.state = State::Pending;
            }
        }
    }

    fn publish(&mut self, job: &Job) {
        let Some(video) = self.videos.get_mut(&job.video) else { return };
        let Some(file) = job.files.iter().find(|file| file.part == "videoFile") else { return };
        let is_hls = job.kind == "vod-hls-transcoding";
        let is_alone = job.payload["output"]["separatedAudio"] == true;
        let resolution = job.resolution();
        if !is_hls && job.parent.is_none() {
            video.files.retain(|file| !file.is_original);
        }
        video.files.push(VideoFile {
            path: file.path.clone(),
            resolution,
            is_hls,
            is_original: false,
            has_video: resolution > 0,
            has_audio: resolution == 0 || !is_alone,
        });
        let hls = || video.files.iter().filter(|file| file.is_hls);
        let is_set = hls().any(|file| file.has_video) && hls().any(|file| file.has_audio);
        if is_set && !video.keeps_web_videos {
            video.files.retain(|file| file.is_hls);
        }
    }
}

/// Takes a job from its runner.
pub(super) fn reset(job: &mut Job, state: State) {
    job.state = state;
    job.token = None;
    if state == State::Pending {
        (job.runner_token, job.progress) = (None, None);
    }
}
