//! Every type of job, once, and those that are not for us.

use std::sync::atomic::Ordering;

use flotilla_tests::peertube::{Route, State, Upload};
use serde_json::{Value, json};

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
    let watermark = json!({
        "file": "SOURCE", "watermarkSizeRatio": 0.1, "horizontalMarginRatio": 0.1, "verticalMarginRatio": 0.1,
    });
    let intro = json!([{ "name": "add-intro", "options": { "file": "SOURCE" } }]);
    let marked = json!([{ "name": "add-watermark", "options": watermark }]);
    let dream = json!([{ "name": "dream", "options": {} }]);
    let mut left = vec![place.job("video-dreaming", &json!({ "input": {} })).await];
    for tasks in [intro, marked, dream] {
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
