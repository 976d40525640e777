//! Every type of job, once, and those that are not for us.

use std::sync::atomic::Ordering;

use flotilla_tests::peertube::{Route, State, Upload};
use serde_json::{Value, json};

use crate::machine::Encoded;
use crate::place::Place;

#[tokio::test(start_paused = true)]
async fn web_videos_and_renditions_with_sound_inside() {
    let place = Place::new().await;
    place.upload(&Upload { web_videos: true, ..Upload::default() }).await;
    place.wait_all().await;
}

#[tokio::test(start_paused = true)]
async fn renditions_without_sound_and_the_sound_alone() {
    let place = Place::new().await;
    place.upload(&Upload { separated_audio: true, ..Upload::default() }).await;
    place.wait_all().await;
}

#[tokio::test(start_paused = true)]
async fn sound_with_a_picture() {
    let place = Place::new().await;
    place.upload(&Upload { is_audio: true, hls: false, lower: vec![], ..Upload::default() }).await;
    place.wait_all().await;
}

async fn check(kind: &str, payload: &Value) {
    let place = Place::new().await;
    place.job(kind, payload).await;
    place.wait_all().await;
}

fn studio(tasks: &Value) -> Value {
    json!({ "input": { "videoFileUrl": "SOURCE" }, "tasks": tasks })
}

#[tokio::test(start_paused = true)]
async fn cuts_and_removed_segments() {
    let cut = json!([{ "name": "cut", "options": { "start": 0.5, "end": 1.5 } }]);
    check("video-studio-transcoding", &studio(&cut)).await;
    let segments = json!([{ "start": 0.5, "end": 1 }]);
    let removed = json!([{ "name": "remove-segments", "options": { "segments": segments } }]);
    check("video-studio-transcoding", &studio(&removed)).await;
}

fn put_in(task: &str, file: &str) -> Value {
    json!({ "name": task, "options": { "file": file } })
}

fn watermark(file: &str, size_ratio: f64) -> Value {
    let options = json!({
        "file": file, "watermarkSizeRatio": size_ratio, "horizontalMarginRatio": 0.1, "verticalMarginRatio": 0.1,
    });
    json!({ "name": "add-watermark", "options": options })
}

/// The file, the frames and the marks of each chunk, by time, and the files of the sound.
async fn check_edited(tasks: &Value, expected: &[(&str, usize, &[&str])], heard: &[&str]) {
    let place = Place::new().await;
    for file in ["intro.mp4", "outro.mp4", "mark.png"] {
        place.task_file(file).await;
    }
    place.job("video-studio-transcoding", &studio(tasks)).await;
    place.wait_all().await;
    let chunks = place.machine.chunks.lock().unwrap().clone();
    let found: Vec<_> = chunks.into_values().collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|&(file, frames, marks)| Encoded {
            file: file.to_owned(),
            frames,
            marks: marks.iter().map(|&mark| mark.to_owned()).collect(),
        })
        .collect();
    assert_eq!(found, expected, "{tasks}");
    assert_eq!(*place.machine.heard.lock().unwrap(), heard, "{tasks}");
}

#[tokio::test(start_paused = true)]
async fn files_are_put_in_in_the_order_of_the_tasks() {
    let (intro, outro) =
        (put_in("add-intro", "TASK_FILES/intro.mp4"), put_in("add-outro", "TASK_FILES/outro.mp4"));
    let mark = watermark("TASK_FILES/mark.png", 0.1);
    let (first, second, third) = ("insert 0", "insert 1", "insert 2");
    check_edited(&json!([mark]), &[("source", 48, &[first])], &[]).await;
    check_edited(
        &json!([intro, mark, outro]),
        &[(first, 48, &[second]), ("source", 48, &[second]), (third, 48, &[])],
        &[first, "source", third],
    )
    .await;
    let cut = json!({ "name": "cut", "options": { "start": 1.5, "end": 3 } });
    check_edited(
        &json!([mark, intro, cut]),
        &[(second, 12, &[]), ("source", 24, &[first])],
        &[second, "source"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_there_gives_the_job_back_and_is_named() {
    let place = Place::new().await;
    let tasks = json!([put_in("add-outro", "TASK_FILES/nowhere.mp4")]);
    let uuid = place.job("video-studio-transcoding", &studio(&tasks)).await;
    let reason = place
        .wait("the return", async |place| {
            place.model().await.find(&uuid).and_then(|job| job.reasons.last().cloned())
        })
        .await;
    assert_eq!(reason, "the instance does not find the file of add-outro of this job");
    let elsewhere = json!([put_in("add-intro", "https://elsewhere.example/intro.mp4")]);
    let uuid = place.job("video-studio-transcoding", &studio(&elsewhere)).await;
    let reason = place
        .wait("the return", async |place| {
            place.model().await.find(&uuid).and_then(|job| job.reasons.last().cloned())
        })
        .await;
    assert!(reason.starts_with("the file of add-intro cannot be fetched: "), "{reason}");
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn sources_in_two_files() {
    let input = json!({ "videoFileUrl": "SOURCE", "separatedAudioFileUrl": ["SOURCE/audio"] });
    let output = json!({ "resolution": 360, "fps": 24 });
    let cut = json!([{ "name": "cut", "options": { "start": 0.5, "end": 1.5 } }]);
    let transcoded = json!({ "input": input, "output": output });
    for (kind, payload) in [
        ("vod-web-video-transcoding", &transcoded),
        ("vod-hls-transcoding", &transcoded),
        ("video-studio-transcoding", &json!({ "input": input, "tasks": cut })),
    ] {
        let place = Place::new().await;
        place.job(kind, payload).await;
        place.wait_all().await;
        assert_eq!(
            place.machine.heard_apart.load(Ordering::SeqCst),
            1,
            "{kind}: the sound is that of its file"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn storyboards() {
    let sprites = json!({ "size": { "width": 192, "height": 108 }, "count": { "width": 2, "height": 1 }, "duration": 1 });
    check("generate-video-storyboard", &json!({ "input": { "videoFileUrl": "SOURCE" }, "sprites": sprites }))
        .await;
}

#[tokio::test(start_paused = true)]
async fn fields_that_are_not_known_harm_nothing_and_types_that_are_not_known_are_left_alone() {
    let place = Place::new().await;
    let beside = json!([watermark("SOURCE", 1.5)]);
    let fileless = json!([{ "name": "add-intro", "options": {} }]);
    let dream = json!([{ "name": "dream", "options": {} }]);
    let mut left = vec![place.job("video-dreaming", &json!({ "input": {} })).await];
    for tasks in [beside, fileless, dream] {
        left.push(place.job("video-studio-transcoding", &studio(&tasks)).await);
    }
    left.push(place.job("vod-hls-transcoding", &json!({ "output": "of another shape" })).await);
    let done = json!({
        "input": { "videoFileUrl": "SOURCE", "separatedAudioFileUrl": [], "mood": "new" },
        "output": { "resolution": 360, "fps": 24.0, "hdr": false }, "since": 9,
    });
    let done = place.job("vod-web-video-transcoding", &done).await;
    place.wait_state(&done, State::Completed).await;
    assert_eq!(place.statuses(Route::Accept, None).await, [200]);
    for job in left {
        assert_eq!(place.model().await.find(&job).expect("it is there").state, State::Pending);
    }
    place.check().await;
}
