//! The jobs of one upload: a first encode of the whole that all others wait for, then chains of the others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::job::{Job, State};
use super::version::Version;

/// The order in which lower resolutions are made into jobs.
const ORDER: [u32; 9] = [0, 480, 360, 720, 240, 144, 1080, 1440, 2160];
const REQUIRED: u32 = 100;
const OPTIONAL: u32 = 10_000;

/// What an instance is set to make of an upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Short side of the source.
    pub resolution: u32,
    /// Frames a second.
    pub fps: u32,
    /// Lower renditions.
    pub lower: Vec<u32>,
    /// Progressive MP4s are kept.
    pub web_videos: bool,
    /// HLS renditions are made.
    pub hls: bool,
    /// Sound is a rendition of its own.
    pub separated_audio: bool,
    /// It is a sound, with a picture.
    pub is_audio: bool,
}

impl Default for Upload {
    fn default() -> Self {
        let (resolution, fps) = (720, 30);
        let (web_videos, hls, separated_audio, is_audio) = (false, true, false, false);
        Self { resolution, fps, lower: vec![480], web_videos, hls, separated_audio, is_audio }
    }
}

impl Upload {
    /// Its jobs, parents first, as a version words them. `base` is the URL of the runner API.
    pub(super) fn jobs(&self, version: Version, base: &str, video: &str) -> Vec<Job> {
        let mut jobs = Vec::new();
        let make = |kind: &str, size: u32, priority: u32, parent: Option<&str>| {
            let priority = if version.has_priorities() { priority } else { REQUIRED };
            let video = (base, video);
            self.job(version, video, kind, size, priority, parent)
        };
        let first = if self.is_audio { "vod-audio-merge-transcoding" } else { "vod-web-video-transcoding" };
        let top = if self.is_audio { 480 } else { self.resolution };
        let first = make(first, top, REQUIRED, None);
        let root = first.uuid.clone();
        jobs.push(first);
        if self.hls {
            let hls = make("vod-hls-transcoding", top, REQUIRED, Some(&root));
            let is_apart = self.separated_audio && version.separates_sound();
            let sound = is_apart.then(|| make("vod-hls-transcoding", 0, REQUIRED, Some(&hls.uuid)));
            jobs.push(hls);
            jobs.extend(sound);
        }
        let mut lower: Vec<u32> = self.lower.iter().copied().filter(|size| *size < top).collect();
        lower.sort_by_key(|size| ORDER.iter().position(|known| known == size));
        for size in lower {
            let mut parent = root.clone();
            let kinds = [(self.web_videos, "vod-web-video-transcoding"), (self.hls, "vod-hls-transcoding")];
            for (_, kind) in kinds.into_iter().filter(|(is_wanted, _)| *is_wanted) {
                let job = make(kind, size, OPTIONAL, Some(&parent));
                parent = job.uuid.clone();
                jobs.push(job);
            }
        }
        jobs
    }

    fn job(
        &self,
        version: Version,
        (base, video): (&str, &str),
        kind: &str,
        size: u32,
        priority: u32,
        parent: Option<&str>,
    ) -> Job {
        let uuid = uuid::Uuid::new_v4().to_string();
        let files = format!("{base}/jobs/{uuid}/files/videos/{video}");
        let file = format!("{files}/max-quality");
        let separates = version.separates_sound();
        let source = if size == 0 && separates { format!("{file}/audio") } else { file.clone() };
        let fps = if size == 0 { 0 } else { self.fps };
        let picture = format!("{files}/{}", version.picture_route());
        let mut payload = match kind {
            "vod-audio-merge-transcoding" => json!({
                "input": { "audioFileUrl": file, "previewFileUrl": picture },
                "output": { "resolution": 480, "fps": 25 },
            }),
            _ => json!({
                "input": { "videoFileUrl": source },
                "output": { "resolution": size, "fps": fps },
            }),
        };
        if separates && kind != "vod-audio-merge-transcoding" {
            payload["input"]["separatedAudioFileUrl"] = json!([]);
        }
        if separates && kind == "vod-hls-transcoding" {
            payload["output"]["separatedAudio"] = self.separated_audio.into();
        }
        let state = if parent.is_some() { State::WaitingForParent } else { State::Pending };
        job(uuid, kind, payload, state, priority, video, parent)
    }
}

/// A job of any kind that nobody has touched.
pub(super) fn job(
    uuid: String,
    kind: &str,
    payload: Value,
    state: State,
    priority: u32,
    video: &str,
    parent: Option<&str>,
) -> Job {
    Job {
        uuid,
        kind: kind.to_owned(),
        payload,
        state,
        priority,
        failures: 0,
        progress: None,
        error: None,
        video: video.to_owned(),
        parent: parent.map(str::to_owned),
        stalls: 0,
        answers: 0,
        served_bytes: 0,
        files: Vec::new(),
        texts: BTreeMap::new(),
        reasons: Vec::new(),
        runner_token: None,
        token: None,
        touched_ms: 0,
    }
}
