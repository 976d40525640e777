//! What a job of an instance wants of the fleet, read out of its type and payload.

use flotilla_profiles::StoryboardRules;
use url::Url;

use super::desk::Piece;
use super::habits::{Form, Rung};
use crate::domain::edit::Edit;
use crate::peertube::{
    AudioMerge, Hls, Input, JobType, Output, Payload, Storyboard, Studio, StudioTask, WebVideo,
};

/// The types that a coordinator takes.
pub fn job_types(transcribes: bool) -> Vec<JobType> {
    let mut types = vec![
        JobType::VodWebVideo,
        JobType::VodHls,
        JobType::VodAudioMerge,
        JobType::VideoStudio,
        JobType::Storyboard,
    ];
    types.extend(transcribes.then_some(JobType::VideoTranscription));
    types
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A rendition of a video, or its sound.
    Piece {
        /// URL of the source.
        source: String,
        /// What belongs to it and is wanted too.
        beside: Option<Companion>,
        /// What of it.
        piece: Piece,
    },
    /// Something that is made for this order alone.
    Single {
        /// URL of the source.
        source: String,
        /// What belongs to it and is wanted too.
        beside: Option<Companion>,
        /// What.
        single: Single,
    },
    /// Captions, made by a command of the admin's on this machine.
    Captions {
        /// URL of the source.
        source: String,
    },
    /// Something that we do not do, in words.
    Unknown(String),
}

/// A file that belongs to a source: both together are one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Companion {
    /// URL of the sound of pictures.
    Sound(String),
    /// URL of the picture that is shown while a sound lasts.
    Picture(String),
}

/// What no other order shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Single {
    /// The video with parts left out and files put in, in its own size.
    Edited {
        /// What is done, in order.
        edits: Vec<Edit>,
        /// What they put in, by number.
        inserts: Vec<Insert>,
    },
    /// Small pictures of it in one.
    Storyboard(StoryboardRules),
}

/// A file that an edit puts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// Where it is.
    pub url: String,
    /// PeerTube's name of the edit.
    pub task: &'static str,
}

impl Want {
    /// URL of the source; empty where there is none.
    pub fn source(&self) -> &str {
        match self {
            Self::Piece { source, .. } | Self::Single { source, .. } | Self::Captions { source } => source,
            Self::Unknown(_) => "",
        }
    }
}

/// Reads a job.
pub fn of(payload: &Payload) -> Want {
    let single = |source: &str, single| Want::Single { source: source.to_owned(), beside: None, single };
    match payload {
        Payload::WebVideo(WebVideo { input, output }) => piece(input, *output, Form::Progressive),
        Payload::Hls(Hls { input, output }) => {
            let is_alone = output.separated_audio || output.picture.resolution == 0;
            piece(input, output.picture, if is_alone { Form::Separate } else { Form::Muxed })
        }
        Payload::AudioMerge(AudioMerge { input, output }) => {
            let piece = Piece { rung: Some(rung(*output)), form: Form::Progressive };
            let beside = Some(Companion::Picture(input.preview_file_url.clone()));
            Want::Piece { source: input.audio_file_url.clone(), beside, piece }
        }
        Payload::Studio(Studio { input, tasks }) => {
            let mut inserts = Vec::new();
            match tasks.iter().map(|task| edit(task, &mut inserts)).collect::<Result<Vec<_>, _>>() {
                Ok(edits) => Want::Single {
                    source: input.video_file_url.clone(),
                    beside: sound_of(input).cloned().map(Companion::Sound),
                    single: Single::Edited { edits, inserts },
                },
                Err(reason) => Want::Unknown(reason),
            }
        }
        Payload::Storyboard(Storyboard { input, sprites }) => {
            let rules = StoryboardRules {
                sprite_width: sprites.size.width,
                sprite_height: sprites.size.height,
                columns: sprites.count.width,
                rows: sprites.count.height,
                seconds_per_sprite: u32::try_from(sprites.duration_ms.div_ceil(1000)).unwrap_or(u32::MAX),
            };
            match rules.problem() {
                None => single(&input.video_file_url, Single::Storyboard(rules)),
                Some(problem) => Want::Unknown(problem),
            }
        }
        Payload::Unknown { reason } => Want::Unknown(reason.clone()),
        Payload::Transcription(job) => {
            let input = &job.input;
            Want::Captions { source: sound_of(input).unwrap_or(&input.video_file_url).clone() }
        }
    }
}

/// An edit; the file that it puts in is added to those of the edits before it.
fn edit(task: &StudioTask, inserts: &mut Vec<Insert>) -> Result<Edit, String> {
    let us = |ms: u64| ms.saturating_mul(1000);
    let mut put_in = |url: &str, task| {
        inserts.push(Insert { url: url.to_owned(), task });
        u32::try_from(inserts.len() - 1).map_err(|_| "it has too many tasks".to_owned())
    };
    Ok(match task {
        StudioTask::Cut { start_ms, end_ms } => {
            Edit::Cut { start_us: start_ms.map(us), end_us: end_ms.map(us) }
        }
        StudioTask::RemoveSegments { segments } => {
            let segments = segments.iter().map(|segment| (us(segment.start_ms), us(segment.end_ms)));
            Edit::RemoveSegments { segments: segments.collect() }
        }
        StudioTask::AddIntro { file } => Edit::AddIntro { file: put_in(file, "add-intro")? },
        StudioTask::AddOutro { file } => Edit::AddOutro { file: put_in(file, "add-outro")? },
        StudioTask::AddWatermark {
            file,
            watermark_size_ratio,
            horizontal_margin_ratio,
            vertical_margin_ratio,
        } => Edit::AddWatermark {
            height_ppm: millionths(*watermark_size_ratio)?,
            right_ppm: millionths(*horizontal_margin_ratio)?,
            top_ppm: millionths(*vertical_margin_ratio)?,
            file: put_in(file, "add-watermark")?,
        },
    })
}

/// Of the height of a video.
fn millionths(ratio: f64) -> Result<u32, String> {
    match (0.0..=1.0).contains(&ratio) {
        true => Ok((ratio * 1e6).round() as u32),
        false => Err(format!("a watermark at {ratio} of the video's height lies beside the video")),
    }
}

/// Where the sound lies, if not beside the pictures.
fn sound_of(input: &Input) -> Option<&String> {
    input.separated_audio_file_url.first()
}

fn piece(input: &Input, output: Output, form: Form) -> Want {
    let rung = (output.resolution > 0).then(|| rung(output));
    let (pictures, sound) = (&input.video_file_url, sound_of(input));
    // A file of which nothing is wanted is not fetched.
    let (source, sound) = match (rung, form) {
        (None, _) => (sound.unwrap_or(pictures), None),
        (Some(_), Form::Separate) => (pictures, None),
        (Some(_), Form::Progressive | Form::Muxed) => (pictures, sound),
    };
    let beside = sound.cloned().map(Companion::Sound);
    Want::Piece { source: source.clone(), beside, piece: Piece { rung, form } }
}

fn rung(output: Output) -> Rung {
    Rung { short_side: output.resolution.next_multiple_of(2), fps: output.fps.clamp(1, 1000) }
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
        let expected =
            Want::Piece { source: "https://v/x".into(), beside: None, piece: Piece { rung, form } };
        assert_eq!(read(kind, output), expected, "{output}");
    }

    #[test]
    fn jobs_of_old_and_new_versions_are_understood() {
        let (web, hls) = (JobType::VodWebVideo, JobType::VodHls);
        check(web.clone(), &json!({ "resolution": 720, "fps": 24 }), Some((720, 24)), Form::Progressive);
        check(hls.clone(), &json!({ "resolution": 481, "fps": 30 }), Some((482, 30)), Form::Muxed);
        for (fps, rounded) in [(24.0, 24), (29.97, 30), (23.976, 24), (12.4, 12)] {
            check(
                web.clone(),
                &json!({ "resolution": 720, "fps": fps }),
                Some((720, rounded)),
                Form::Progressive,
            );
        }
        let alone = json!({ "resolution": 720, "fps": 24, "separatedAudio": true });
        check(hls.clone(), &alone, Some((720, 24)), Form::Separate);
        let sound = json!({ "resolution": 0, "fps": 0, "separatedAudio": true, "new": 1 });
        check(hls, &sound, None, Form::Separate);
    }

    #[test]
    fn of_a_source_in_two_files_what_is_wanted_is_fetched() {
        let input = json!({ "videoFileUrl": "pictures", "separatedAudioFileUrl": ["sound"] });
        let check = |kind: JobType, rest: (&str, Value), expected: (&str, Option<&str>)| {
            let want = of(&Payload::read(&kind, &json!({ "input": input, (rest.0): rest.1 })));
            let (Want::Piece { source, beside, .. } | Want::Single { source, beside, .. }) = &want else {
                panic!("{want:?}")
            };
            let sound = expected.1.map(|url| Companion::Sound(url.to_owned()));
            assert_eq!((source.as_str(), beside), (expected.0, &sound), "{want:?}");
        };
        let output = |resolution: u32, alone: bool| {
            ("output", json!({ "resolution": resolution, "fps": 24, "separatedAudio": alone }))
        };
        check(JobType::VodWebVideo, output(720, false), ("pictures", Some("sound")));
        check(JobType::VodHls, output(720, false), ("pictures", Some("sound")));
        check(JobType::VodHls, output(720, true), ("pictures", None));
        check(JobType::VodHls, output(0, true), ("sound", None));
        let cut = json!([{ "name": "cut", "options": { "start": 1, "end": 2 } }]);
        check(JobType::VideoStudio, ("tasks", cut), ("pictures", Some("sound")));
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
