//! What an instance does next with what it was sent: results become sources of further jobs.

use std::collections::BTreeSet;

use flotilla_tests::peertube::{State, Upload};
use serde_json::{Value, json};

use crate::place::Place;

const WEB: &str = "vod-web-video-transcoding";
const HLS: &str = "vod-hls-transcoding";

fn video() -> Value {
    json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": 360, "fps": 24 } })
}

/// How many jobs of the fleet there were.
fn jobs_of_the_fleet(place: &Place) -> usize {
    place.machine.done.lock().unwrap().iter().collect::<BTreeSet<_>>().len()
}

async fn fetched_bytes(place: &Place) -> u64 {
    place.view().await["tally"]["fetched_bytes"].as_u64().expect("it is counted")
}

#[tokio::test(start_paused = true)]
async fn an_edited_video_is_a_source_of_its_own() {
    let place = Place::new().await;
    let cut = json!([{ "name": "cut", "options": { "start": 0.5, "end": 1.5 } }]);
    let studio = json!({ "input": { "videoFileUrl": "SOURCE" }, "tasks": cut });
    let uuid = place.job("video-studio-transcoding", &studio).await;
    let edited = place.wait_state(&uuid, State::Completed).await.files.remove(0).path;
    let before = fetched_bytes(&place).await;

    for kind in [WEB, HLS] {
        let rendition = place.model().await.job(kind, &video(), &edited);
        place.wait_state(&rendition, State::Completed).await;
    }
    let read = place.machine.read.lock().unwrap().clone();
    assert!(read[0].starts_with("bytes of source"), "{read:?}");
    assert!(
        read.len() > 1 && read[1..].iter().all(|source| source.starts_with("a progressive file")),
        "what follows is made of the edited video: {read:?}"
    );
    assert_eq!(fetched_bytes(&place).await, before, "we have it already");
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_sound_goes_on_showing_its_picture() {
    let place = Place::new().await;
    let sound = Upload { is_audio: true, lower: vec![], fps: 25, ..Upload::default() };
    place.upload(&sound).await;
    place.wait_all().await;
    assert_eq!(jobs_of_the_fleet(&place), 1, "its rendition for HLS is a copy of the merged video");
    place.upload(&Upload { lower: vec![240], ..sound }).await;
    place.wait_all().await;
    assert!(place.machine.pictureless.lock().unwrap().is_empty(), "each job of the fleet has the picture");
}

/// Newer instances ask for it before all else.
#[tokio::test(start_paused = true)]
async fn a_storyboard_that_comes_first_changes_nothing_for_the_renditions() {
    let place = Place::new().await;
    let sprites = json!({ "size": { "width": 160, "height": 90 }, "count": { "width": 2, "height": 1 }, "duration": 1 });
    let board = json!({ "input": { "videoFileUrl": "SOURCE" }, "sprites": sprites });
    let whole = Upload { lower: vec![], ..Upload::default() };
    let ladder = Upload { lower: vec![240], ..Upload::default() };
    // The largest size in all its forms is one job; smaller ones are another, once it is known that they are wanted.
    for (upload, expected) in [(&whole, 1), (&ladder, 2), (&Upload { hls: false, ..whole.clone() }, 2)] {
        let source = place.source();
        let board = place.model().await.job("generate-video-storyboard", &board, &source);
        place.wait_state(&board, State::Completed).await;
        let before = jobs_of_the_fleet(&place);
        place.model().await.upload(upload, &source, None);
        place.wait_all().await;
        place
            .wait("all jobs", async |place| (jobs_of_the_fleet(place) - before >= expected).then_some(()))
            .await;
        assert_eq!(jobs_of_the_fleet(&place) - before, expected, "{upload:?}");
    }
}
