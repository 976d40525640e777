//! What a job of an instance wants of the fleet, read out of its type and payload.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::desk::Piece;
use super::habits::{Form, Rung};

/// The types that this coordinator takes.
pub const JOB_TYPES: &[&str] = &[WEB_VIDEO, HLS];

const WEB_VIDEO: &str = "vod-web-video-transcoding";
const HLS: &str = "vod-hls-transcoding";

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A rendition of a video, or its sound.
    Piece {
        /// URL of the source.
        source: String,
        /// What of it.
        piece: Piece,
        /// With a playlist.
        hls: bool,
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

#[derive(Deserialize)]
struct Vod {
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    video_file_url: String,
    #[serde(default)]
    separated_audio_file_url: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    resolution: u32,
    #[serde(default)]
    fps: f64,
    #[serde(default)]
    separated_audio: bool,
}

/// Reads a job. Fields that we do not know change nothing.
pub fn of(kind: &str, payload: &Value) -> Want {
    let hls = match kind {
        WEB_VIDEO => false,
        HLS => true,
        other => return Want::Unknown(format!("a job of type {other}")),
    };
    match Vod::deserialize(payload) {
        Ok(vod) => piece(vod, hls),
        Err(error) => Want::Unknown(format!("a payload that does not read ({error})")),
    }
}

fn piece(vod: Vod, hls: bool) -> Want {
    let Vod { input, output } = vod;
    // Pictures and sound lie in two files: another demuxer would have to join them first.
    if !input.separated_audio_file_url.is_empty() && !output.separated_audio {
        return Want::Unknown("a source in two files".to_owned());
    }
    let is_sound = output.resolution == 0;
    let fps = if output.fps.is_finite() { output.fps.round().clamp(1.0, 1000.0) as u32 } else { 1 };
    let rung = (!is_sound).then_some(Rung { short_side: output.resolution.next_multiple_of(2), fps });
    let form = match (hls, output.separated_audio || is_sound) {
        (false, _) => Form::Progressive,
        (true, false) => Form::Muxed,
        (true, true) => Form::Separate,
    };
    Want::Piece { source: input.video_file_url, piece: Piece { rung, form }, hls }
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
    use serde_json::json;

    use super::*;

    fn check(kind: &str, output: &Value, rung: Option<(u32, u32)>, form: Form) {
        let payload = json!({ "input": { "videoFileUrl": "https://v/x" }, "output": output });
        let Want::Piece { piece, source, hls } = of(kind, &payload) else { panic!("{payload} is known") };
        let rung = rung.map(|(short_side, fps)| Rung { short_side, fps });
        assert_eq!((piece, source.as_str(), hls), (Piece { rung, form }, "https://v/x", kind == HLS));
    }

    #[test]
    fn jobs_of_old_and_new_versions_read() {
        check(WEB_VIDEO, &json!({ "resolution": 720, "fps": 24 }), Some((720, 24)), Form::Progressive);
        check(HLS, &json!({ "resolution": 481, "fps": 29.97 }), Some((482, 30)), Form::Muxed);
        check(
            HLS,
            &json!({ "resolution": 720, "fps": 24, "separatedAudio": true }),
            Some((720, 24)),
            Form::Separate,
        );
        check(
            HLS,
            &json!({ "resolution": 0, "fps": 0, "separatedAudio": true, "new": 1 }),
            None,
            Form::Separate,
        );
    }

    #[test]
    fn what_is_not_known_harms_nothing() {
        for (kind, payload) in
            [("video-dreaming", json!({})), (HLS, json!({ "input": {} })), (HLS, json!(null))]
        {
            assert!(matches!(of(kind, &payload), Want::Unknown(_)), "{kind} {payload}");
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
