//! The jobs of one upload: a first encode of the whole that all others wait for, then chains of the others.

use serde_json::{Value, json};

use super::job::{Job, State};

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
    /// Its jobs, parents first. `base` is the URL of the runner API.
    pub(super) fn jobs(&self, base: &str, video: &str) -> Vec<Job> {
        let mut jobs = Vec::new();
        let make = |kind: &str, size: u32, priority: u32, parent: Option<&str>| {
            self.job(base, video, kind, size, priority, parent)
        };
        let first = if self.is_audio { "vod-audio-merge-transcoding" } else { "vod-web-video-transcoding" };
        let top = if self.is_audio { 480 } else { self.resolution };
        let first = make(first, top, REQUIRED, None);
        let root = first.uuid.clone();
        jobs.push(first);
        if self.hls {
            let hls = make("vod-hls-transcoding", top, REQUIRED, Some(&root));
            let sound =
                self.separated_audio.then(|| make("vod-hls-transcoding", 0, REQUIRED, Some(&hls.uuid)));
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
        base: &str,
        video: &str,
        kind: &str,
        size: u32,
        priority: u32,
        parent: Option<&str>,
    ) -> Job {
        let uuid = uuid::Uuid::new_v4().to_string();
        let file = format!("{base}/jobs/{uuid}/files/videos/{video}/max-quality");
        let source = if size == 0 { format!("{file}/audio") } else { file.clone() };
        let fps = if size == 0 { 0 } else { self.fps };
        let mut payload = match kind {
            "vod-audio-merge-transcoding" => json!({
                "input": { "audioFileUrl": file, "previewFileUrl": thumbnail(base, &uuid, video) },
                "output": { "resolution": 480, "fps": 25 },
            }),
            _ => json!({
                "input": { "videoFileUrl": source, "separatedAudioFileUrl": [] },
                "output": { "resolution": size, "fps": fps },
            }),
        };
        if kind == "vod-hls-transcoding" {
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
        returned: None,
        video: video.to_owned(),
        parent: parent.map(str::to_owned),
        stalls: 0,
        answers: 0,
        served_bytes: 0,
        files: Vec::new(),
        runner_token: None,
        token: None,
        touched_ms: 0,
    }
}

fn thumbnail(base: &str, job: &str, video: &str) -> String {
    format!("{base}/jobs/{job}/files/videos/{video}/thumbnails/max-quality")
}
