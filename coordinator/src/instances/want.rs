//! What a job of an instance wants of the fleet, read out of its type and payload.

use url::Url;

use super::desk::Piece;
use super::habits::{Form, Rung};
use crate::peertube::{Hls, Input, JobType, Output, Payload, WebVideo};

/// The types that this coordinator takes.
pub const JOB_TYPES: &[JobType] = &[JobType::VodWebVideo, JobType::VodHls];

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A rendition of a video, or its sound.
    Piece {
        /// URL of the source.
        source: String,
        /// What of it.
        piece: Piece,
    },
    /// Something that we do not do, in words.
    Unknown(String),
}

impl Want {
    /// URL of the source; empty where there is none.
    pub fn source(&self) -> &str {
        match self {
            Self::Piece { source, .. } => source,
            Self::Unknown(_) => "",
        }
    }
}

/// Reads a job.
pub fn of(payload: &Payload) -> Want {
    match payload {
        Payload::WebVideo(WebVideo { input, output }) => piece(input, *output, Form::Progressive),
        Payload::Hls(Hls { input, output }) => {
            let is_alone = output.separated_audio || output.picture.resolution == 0;
            piece(input, output.picture, if is_alone { Form::Separate } else { Form::Muxed })
        }
        Payload::Unknown { reason } => Want::Unknown(reason.clone()),
        _ => Want::Unknown("this type of job is not done here".to_owned()),
    }
}

fn piece(input: &Input, output: Output, form: Form) -> Want {
    // Pictures and sound lie in two files: somebody would have to join them first.
    if !input.separated_audio_file_url.is_empty() && form != Form::Separate {
        return Want::Unknown("the source lies in two files, which is not done here".to_owned());
    }
    let rung = Rung { short_side: output.resolution.next_multiple_of(2), fps: output.fps.clamp(1, 1000) };
    let rung = (output.resolution > 0).then_some(rung);
    Want::Piece { source: input.video_file_url.clone(), piece: Piece { rung, form } }
}

/// What names the video in the URL of a source: jobs of one video differ in their own id only.
pub fn video_of(source: &str) -> &str {
    let after = source.rsplit_once("/videos/").map(|(_, rest)| rest);
    after.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or(source)
}

/// An instance's name in the fleet: its host and port.
pub fn tenant(url: &str) -> String {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(Url::host_str).unwrap_or("instance").to_owned();
    let port = parsed.and_then(|url| url.port()).map(|port| format!("-{port}")).unwrap_or_default();
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let name: String = format!("{host}{port}").chars().map(plain).collect();
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(kind: JobType, output: &Value) -> Want {
        of(&Payload::read(&kind, &json!({ "input": { "videoFileUrl": "https://v/x" }, "output": output })))
    }

    fn check(kind: JobType, output: &Value, rung: Option<(u32, u32)>, form: Form) {
        let rung = rung.map(|(short_side, fps)| Rung { short_side, fps });
        let expected = Want::Piece { source: "https://v/x".into(), piece: Piece { rung, form } };
        assert_eq!(read(kind, output), expected, "{output}");
    }

    #[test]
    fn jobs_of_old_and_new_versions_are_understood() {
        let (web, hls) = (JobType::VodWebVideo, JobType::VodHls);
        check(web, &json!({ "resolution": 720, "fps": 24 }), Some((720, 24)), Form::Progressive);
        check(hls.clone(), &json!({ "resolution": 481, "fps": 30 }), Some((482, 30)), Form::Muxed);
        let alone = json!({ "resolution": 720, "fps": 24, "separatedAudio": true });
        check(hls.clone(), &alone, Some((720, 24)), Form::Separate);
        let sound = json!({ "resolution": 0, "fps": 0, "separatedAudio": true, "new": 1 });
        check(hls, &sound, None, Form::Separate);
    }

    #[test]
    fn what_is_not_known_harms_nothing() {
        for kind in [JobType::Other("video-dreaming".into()), JobType::VodHls] {
            assert!(matches!(read(kind.clone(), &json!({})), Want::Unknown(_)), "{kind:?}");
        }
    }

    #[test]
    fn jobs_of_one_video_are_known_by_it() {
        let url = |job: &str| format!("https://v/api/v1/runners/jobs/{job}/files/videos/abc/max-quality?x=1");
        assert_eq!((video_of(&url("1")), video_of(&url("2"))), ("abc", "abc"));
        assert_eq!(video_of("https://v/elsewhere"), "https://v/elsewhere");
    }

    #[test]
    fn an_instance_is_a_tenant() {
        assert_eq!(tenant("https://videos.example.org"), "videos.example.org");
        assert_eq!(tenant("http://127.0.0.1:9000"), "127.0.0.1-9000");
        assert_eq!(tenant("http://[::1]:9000"), "---1--9000");
    }
}
