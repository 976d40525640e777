//! What a real PeerTube 7.2.3 said, and the shapes of other versions.

use serde_json::{Value, json};

use crate::peertube::wire::{Acceptance, Listing};
use crate::peertube::{Id, JobType, JobUuid, Payload, Registration, StudioTask};

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../../../tests/peertube/recorded/", $name, ".json")))
            .unwrap()
    };
}

#[test]
fn recorded_answers_are_understood() {
    let registration: Registration = recorded!("register");
    assert_eq!(registration.id, Id::Number(1));
    let none: Listing = recorded!("request-empty");
    assert!(none.into_jobs().is_empty());
    let many: Listing = recorded!("request-vod-hls-transcoding-many");
    let sizes: Vec<u32> = many
        .into_jobs()
        .iter()
        .map(|job| match &job.payload {
            Payload::Hls(hls) => hls.output.picture.resolution,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [720, 480, 360, 240, 144]);
}

#[test]
fn recorded_jobs_are_understood() {
    let web: Acceptance = recorded!("accept-vod-web-video-transcoding");
    assert!(
        matches!(&web.job.payload, Payload::WebVideo(web) if web.output.fps == 24 && web.output.resolution == 720)
    );
    assert_eq!((web.job.priority, web.job.failures), (101, 0));
    let sound: Acceptance = recorded!("accept-vod-hls-transcoding-separatedaudio-audioonly");
    assert!(
        matches!(&sound.job.payload, Payload::Hls(hls) if hls.output.separated_audio && hls.output.picture.fps == 0)
    );
    let merge: Acceptance = recorded!("accept-vod-audio-merge-transcoding");
    assert!(
        matches!(&merge.job.payload, Payload::AudioMerge(merge) if merge.input.preview_file_url.contains("previews"))
    );
    let hls: Acceptance = recorded!("accept-vod-hls-transcoding");
    assert_eq!(Payload::read(&hls.job.job_type, &hls.job.payload_json), hls.job.payload);
    assert!(!format!("{hls:?}").contains("ptrjt-"), "a token is never shown");
}

fn read(job_type: JobType, payload: Value) -> Payload {
    Payload::read(&job_type, &payload)
}

#[test]
fn fields_of_later_versions_are_optional_and_those_to_come_are_skipped() {
    let old = json!({ "input": { "videoFileUrl": "u" }, "output": { "resolution": 240, "fps": 25 } });
    assert!(matches!(read(JobType::VodHls, old), Payload::Hls(hls) if !hls.output.separated_audio));
    let new = json!({
        "input": { "videoFileUrl": "u", "later": 1 },
        "output": { "resolution": 240, "fps": 25, "videoFileCustomUpload": null, "later": {} },
        "later": [],
    });
    assert!(matches!(read(JobType::VodWebVideo, new), Payload::WebVideo(_)));
}

#[test]
fn every_edit_is_understood() {
    let payload = json!({
        "input": { "videoFileUrl": "u", "separatedAudioFileUrl": ["a"] },
        "output": {},
        "tasks": [
            { "name": "cut", "options": { "start": 1.5 } },
            { "name": "add-intro", "options": { "file": "i" } },
            { "name": "add-outro", "options": { "file": "o" } },
            { "name": "add-watermark", "options": { "file": "w", "watermarkSizeRatio": 0.1,
                "horizontalMarginRatio": 0.05, "verticalMarginRatio": 0.025 } },
            { "name": "remove-segments", "options": { "segments": [{ "start": 0, "end": 2.25 }] } },
        ],
    });
    let Payload::Studio(studio) = read(JobType::VideoStudio, payload) else { panic!("it is a studio job") };
    assert_eq!(studio.tasks[0], StudioTask::Cut { start_ms: Some(1500), end_ms: None });
    assert!(
        matches!(&studio.tasks[4], StudioTask::RemoveSegments { segments } if segments[0].end_ms == 2250)
    );
    assert_eq!(studio.tasks.len(), 5);
}

#[test]
fn storyboards_and_transcriptions_are_understood() {
    let board = json!({ "input": { "videoFileUrl": "u" }, "output": {},
        "sprites": { "size": { "width": 192, "height": 108 }, "count": { "width": 11, "height": 11 }, "duration": 3 } });
    assert!(
        matches!(read(JobType::Storyboard, board), Payload::Storyboard(board) if board.sprites.duration_ms == 3000)
    );
    let speech = json!({ "input": { "videoFileUrl": "u" }, "output": {} });
    assert!(matches!(read(JobType::VideoTranscription, speech), Payload::Transcription(_)));
}

#[test]
fn what_cannot_be_done_says_why_and_hides_nothing() {
    let listing = json!({ "availableJobs": [
        { "uuid": "../../admin", "type": "vod-hls-transcoding", "payload": {} },
        { "uuid": "a-1", "type": "tell-the-future", "payload": { "when": "soon" } },
        { "uuid": "a-2", "type": "vod-hls-transcoding", "payload": { "input": {} } },
        { "uuid": "a-3", "type": "vod-web-video-transcoding", "payload": { "input": { "videoFileUrl": "u" },
            "output": { "resolution": 1, "fps": 1, "videoFileCustomUpload": { "url": "https://x" } } } },
        7,
    ] });
    let jobs = serde_json::from_value::<Listing>(listing).unwrap().into_jobs();
    let names: Vec<&str> = jobs.iter().map(|job| job.uuid.as_str()).collect();
    assert_eq!(names, ["a-1", "a-2", "a-3"]);
    assert_eq!(jobs[0].job_type, JobType::Other("tell-the-future".into()));
    assert!(jobs.iter().all(|job| matches!(job.payload, Payload::Unknown { .. })));
    assert!(JobUuid::try_from(String::new()).is_err());
    assert_eq!(serde_json::from_value::<Id>(json!("4f-1")).unwrap(), Id::Text("4f-1".into()));
}
