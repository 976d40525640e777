//! Every version of PeerTube in which something changed, spoken by the model as described (`tests/peertube/described`).

use flotilla_tests::peertube::{Route, State, Upload, Version};
use serde_json::json;

use crate::captions;
use crate::place::Place;

const LIVE: &str = "live-rtmp-hls-transcoding";

/// Each payload of each type that a version knows, at once, is answered; what is not for a fleet is left alone.
async fn check(version: Version) {
    let place = Place::of(version, captions::heard("captions.json")).await;
    let (mut ours, mut left) = (Vec::new(), Vec::new());
    for (kind, payloads) in version.shapes() {
        for payload in payloads {
            let jobs = if kind == LIVE { &mut left } else { &mut ours };
            jobs.push(place.job(&kind, &payload).await);
        }
    }
    // One that only versions to come know.
    left.push(place.job("video-dreaming", &json!({ "input": { "videoFileUrl": "SOURCE" } })).await);
    for job in &ours {
        place.wait_state(job, State::Completed).await;
    }
    for job in left {
        assert_eq!(place.model().await.find(&job).map(|job| job.state), Some(State::Pending), "{version:?}");
        assert!(place.statuses(Route::Accept, Some(&job)).await.is_empty(), "{version:?}: never accepted");
    }
    assert!(place.statuses(Route::Error, None).await.is_empty(), "{version:?}");
    assert!(place.statuses(Route::Abort, None).await.is_empty(), "{version:?}");
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn every_type_of_job_of_5_2() {
    check(Version::V5_2).await;
}

#[tokio::test(start_paused = true)]
async fn every_type_of_job_of_6_2() {
    check(Version::V6_2).await;
}

#[tokio::test(start_paused = true)]
async fn every_type_of_job_of_6_3() {
    check(Version::V6_3).await;
}

#[tokio::test(start_paused = true)]
async fn every_type_of_job_of_7() {
    for version in [Version::V7_0, Version::V7_1, Version::V7_3] {
        check(version).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_type_of_job_of_8() {
    for version in [Version::V8_0, Version::V8_2] {
        check(version).await;
    }
}

/// All jobs of two uploads, as they follow from each other.
#[tokio::test(start_paused = true)]
async fn an_upload_to_every_version() {
    for version in Version::ALL {
        let place = Place::of(version, captions::none()).await;
        place.upload(&Upload { web_videos: true, separated_audio: true, ..Upload::default() }).await;
        place.upload(&Upload { is_audio: true, hls: false, lower: vec![], ..Upload::default() }).await;
        place.wait_all().await;
    }
}
