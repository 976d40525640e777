//! What a kill, or a job that was taken from us, leaves in the object store without a record.

use std::sync::atomic::Ordering;
use std::time::Duration;

use flotilla_coordinator::domain::JobId;
use flotilla_coordinator::objects::Location;
use flotilla_tests::peertube::State;
use serde_json::json;

use crate::place::Place;

const BUCKET: &str = "flotilla";
const DAYS: Duration = Duration::from_secs(2 * 24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// What is left of a production that is begun so much later than now, and never noted.
async fn orphan(place: &Place, later: Duration) -> String {
    let now = Duration::from_millis(place.now().0.try_into().expect("it is later than 1970"));
    let began = uuid::Timestamp::from_unix(uuid::NoContext, (now + later).as_secs(), 0);
    let id = uuid::Uuid::new_v7(began);
    let prefix = format!("instances/{}/", JobId::from(id));
    let storage = place.coordinator().jobs().storage();
    for name in ["source", "job-0/360p/media.mp4"] {
        let at = Location::new(BUCKET, &format!("{prefix}{name}")).unwrap();
        storage.put(&at, "bytes".into(), "video/mp4").await.unwrap();
        storage.create_upload(&at, "video/mp4").await.unwrap();
    }
    prefix
}

/// Keys and unfinished uploads below a prefix.
async fn stored(place: &Place, prefix: &str) -> Vec<String> {
    let storage = place.coordinator().jobs().storage();
    let objects = storage.list(BUCKET, prefix).await.unwrap().into_iter().map(|object| object.key);
    let uploads = storage.list_uploads(BUCKET, prefix).await.unwrap();
    objects.chain(uploads.into_iter().map(|upload| format!("upload of {}", upload.key))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_no_production_knows_goes_a_day_later() {
    let mut place = Place::with(json!({ "hold_minutes": 100_000 })).await;
    let web = json!({ "input": { "videoFileUrl": "SOURCE" }, "output": { "resolution": 360, "fps": 24 } });
    let done = place.job("vod-web-video-transcoding", &web).await;
    place.wait_state(&done, State::Completed).await;
    place.machine.rests.store(true, Ordering::SeqCst);
    let begun = place.job("vod-web-video-transcoding", &web).await;
    place.fleets_job(&begun).await;
    let held = stored(&place, "instances/").await;
    let sources = held.iter().filter(|key| key.ends_with("/source")).count();
    assert_eq!(sources, 2, "of the job that is done, and of the one in mid-work: {held:?}");

    let (old, new) = (orphan(&place, Duration::ZERO).await, orphan(&place, DAYS - HOUR).await);
    place.cut().await;
    place.pass(DAYS);
    place.start().await;
    place.wait("the sweep", async |place| stored(place, &old).await.is_empty().then_some(())).await;
    assert_eq!(stored(&place, &new).await.len(), 4, "what writes it may still be at work");
    let left = stored(&place, "instances/").await;
    assert!(held.iter().all(|key| left.contains(key)), "{held:?} before, {left:?} now");
    place.machine.rests.store(false, Ordering::SeqCst);
    place.wait_state(&begun, State::Completed).await;
}
