//! Every way in which a job goes wrong, on either side.

use std::sync::atomic::Ordering;
use std::time::Duration;

use flotilla_coordinator::domain::JobState;
use flotilla_proto::fleet::FailureClass;
use flotilla_tests::peertube::{Elsewhere, Fault, Route, State, Upload};
use serde_json::{Value, json};

use crate::place::Place;

/// No calls.
const NONE: [u16; 0] = [];

const WEB: &str = "vod-web-video-transcoding";

fn web() -> Value {
    from("SOURCE")
}

fn from(url: &str) -> Value {
    json!({ "input": { "videoFileUrl": url, "separatedAudioFileUrl": [] }, "output": { "resolution": 360, "fps": 24 } })
}

/// A job that the fleet has begun and does not end.
async fn in_mid_work() -> (Place, String, String) {
    let place = Place::new().await;
    place.machine.rests.store(true, Ordering::SeqCst);
    let uuid = place.job(WEB, &web()).await;
    let job = place.fleets_job(&uuid).await;
    (place, uuid, job)
}

async fn wait_fleets_state(place: &Place, job: &str, state: JobState) {
    place
        .wait(&format!("the fleet's job {job} to be {state:?}"), async |place| {
            let view = place.coordinator().jobs().view(&job.parse().ok()?).await.ok()?;
            (view.state == state).then_some(())
        })
        .await;
}

/// Nothing was said about the ends of jobs.
async fn assert_silent(place: &Place) {
    for route in [Route::Abort, Route::Error, Route::Success] {
        assert_eq!(place.statuses(route, None).await, NONE, "{route:?}");
    }
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_cancelled_or_taken_stops_its_work_without_a_word() {
    for how in ["deleted", "cancelled", "taken"] {
        let (place, uuid, job) = in_mid_work().await;
        {
            let model = place.model().await;
            match how {
                "deleted" => model.delete(&uuid),
                "cancelled" => model.cancel(&uuid),
                _ => model.steal(&uuid),
            }
        }
        wait_fleets_state(&place, &job, JobState::Cancelled).await;
        place.wait_no_orders().await;
        assert_silent(&place).await;
        assert_eq!(place.view().await["tally"]["lost"], 1, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_runner_has_taken_is_left_to_it() {
    for fault in [Fault::LostRace, Fault::Status(400)] {
        let place = Place::new().await;
        place.model().await.fail_next(Route::Accept, fault.clone());
        let lost = place.job(WEB, &web()).await;
        place
            .wait("an acceptance", async |place| {
                (!place.statuses(Route::Accept, None).await.is_empty()).then_some(())
            })
            .await;
        let next = place.job(WEB, &web()).await;
        place.wait_state(&next, State::Completed).await;
        let expected = if fault == Fault::LostRace { 409 } else { 400 };
        assert_eq!(place.statuses(Route::Accept, Some(&lost)).await[0], expected);
        place.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_at_fault_is_told_once_in_our_words() {
    let place = Place::new().await;
    *place.machine.fails.lock().unwrap() = Some((FailureClass::Source, "the source holds no video".into()));
    let uuid = place.job(WEB, &web()).await;
    let job = place
        .wait("the error", async |place| place.model().await.find(&uuid).filter(|job| job.failures > 0))
        .await;
    assert_eq!(job.error.as_deref(), Some("the source holds no video"));
    assert_eq!(place.statuses(Route::Abort, None).await, NONE);
    // Whoever tries again, five times in all is enough for the instance.
    let ended = place.wait_state(&uuid, State::Errored).await;
    assert_eq!((ended.failures, place.statuses(Route::Error, None).await.len()), (5, 5));
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_fleet_gives_the_job_back_and_it_is_not_taken_again_at_once() {
    let place = Place::new().await;
    *place.machine.fails.lock().unwrap() = Some((FailureClass::Profile, "no such encoder".into()));
    let uuid = place.job(WEB, &web()).await;
    place
        .wait("the abort", async |place| (place.statuses(Route::Abort, None).await == [204]).then_some(()))
        .await;
    *place.machine.fails.lock().unwrap() = None;
    let at = async |route: Route, nth: usize| {
        let calls = place.model().await.calls();
        calls.iter().filter(|call| call.route == route).nth(nth).map(|call| call.at_ms)
    };
    let done = place.wait_state(&uuid, State::Completed).await;
    assert_eq!((done.failures, done.answers), (0, 1));
    let pause_ms = at(Route::Accept, 1).await.unwrap() - at(Route::Abort, 0).await.unwrap();
    assert!(pause_ms >= 55_000, "taken again after {pause_ms} ms");
    assert_eq!(place.statuses(Route::Error, None).await, NONE);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_made_for_one_job_alone_is_made_anew_after_a_failure() {
    let place = Place::new().await;
    *place.machine.fails.lock().unwrap() = Some((FailureClass::Profile, "no such encoder".into()));
    let cut = json!([{ "name": "cut", "options": { "start": 0.5 } }]);
    let payload = json!({ "input": { "videoFileUrl": "SOURCE" }, "tasks": cut });
    let uuid = place.job("video-studio-transcoding", &payload).await;
    place
        .wait("the abort", async |place| (place.statuses(Route::Abort, None).await == [204]).then_some(()))
        .await;
    *place.machine.fails.lock().unwrap() = None;
    place.wait_state(&uuid, State::Completed).await;
    assert_eq!(place.statuses(Route::Abort, None).await, [204]);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_away_for_a_while_in_any_phase_loses_nothing() {
    for phase in [Route::Accept, Route::File, Route::Update, Route::Success] {
        let place = Place::new().await;
        let fault = match phase {
            Route::Success => Fault::CutUpload(1),
            Route::File => Fault::CutDownload(1),
            _ => Fault::Status(503),
        };
        place.model().await.fail_next(phase, fault);
        let uuid = place.job(WEB, &web()).await;
        place
            .wait(&format!("{phase:?}"), async |place| {
                (!place.statuses(phase, None).await.is_empty()).then_some(())
            })
            .await;
        place.model().await.away();
        tokio::time::sleep(Duration::from_secs(40)).await;
        place.model().await.back();
        let done = place.wait_state(&uuid, State::Completed).await;
        assert_eq!((done.answers, done.failures, done.stalls), (1, 0, 0), "{phase:?}");
        place.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_of_every_call_are_outlived_and_no_result_is_sent_twice() {
    let place = Place::new().await;
    let faults = [
        (Route::Request, Fault::Status(500)),
        (Route::Accept, Fault::Status(500)),
        (Route::Update, Fault::Status(500)),
        (Route::Update, Fault::TooMany(1)),
        (Route::Update, Fault::Silence),
        (Route::File, Fault::Status(500)),
        (Route::File, Fault::CutDownload(30_000)),
        (Route::File, Fault::CutDownload(30_000)),
        (Route::Success, Fault::Status(500)),
        (Route::Success, Fault::CutUpload(4)),
        (Route::Success, Fault::CutAnswer),
    ];
    for (route, fault) in faults {
        place.model().await.fail_next(route, fault);
    }
    let uuid = place.job(WEB, &web()).await;
    place.wait_state(&uuid, State::Completed).await;
    place.wait_no_orders().await;
    assert_eq!(place.statuses(Route::Success, None).await, [500, 0, 0], "the one that arrived was the last");
    assert_eq!(place.view().await["tally"]["answered"], 1);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_which_nothing_is_heard_for_long_is_asked_after_before_it_is_given_up() {
    let place = Place::new().await;
    place.model().await.fail_next(Route::Success, Fault::Silence);
    let uuid = place.job(WEB, &web()).await;
    let done = place.wait_state(&uuid, State::Completed).await;
    assert_eq!((done.answers, done.stalls), (1, 0));
    assert_eq!(place.statuses(Route::Success, None).await, [0, 204], "it is sent again at once");
    assert_eq!(place.statuses(Route::Abort, None).await, NONE);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_broke_off_is_sent_again_though_the_source_is_gone() {
    let place = Place::new().await;
    place.machine.rests.store(true, Ordering::SeqCst);
    let source = place.source();
    let uuid = place.model().await.job(WEB, &web(), &source);
    place.fleets_job(&uuid).await;
    std::fs::remove_file(source).unwrap();
    place.model().await.fail_next(Route::Success, Fault::CutUpload(1));
    place.machine.rests.store(false, Ordering::SeqCst);
    let done = place.wait_state(&uuid, State::Completed).await;
    assert_eq!((done.answers, done.stalls), (1, 0));
    assert_eq!(place.statuses(Route::Success, None).await, [0, 204]);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let place = Place::new().await;
    for cut in [90_000, 60_000, 20_000] {
        // The first call of each is that which recognizes the source.
        place.model().await.fail_next(Route::File, Fault::CutDownload(cut));
    }
    let uuid = place.job(WEB, &web()).await;
    place.wait_state(&uuid, State::Completed).await;
    assert!(place.statuses(Route::File, None).await.len() >= 4);
    assert_eq!(place.statuses(Route::File, None).await.iter().filter(|status| **status == 206).count(), 3);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_runner_whose_token_is_revoked_says_so_and_asks_no_more() {
    let (place, _, job) = in_mid_work().await;
    place.model().await.revoke_runners();
    let trouble = place
        .wait("the trouble", async |place| place.view().await["trouble"].as_str().map(str::to_owned))
        .await;
    assert!(trouble.contains("register"), "{trouble}");
    wait_fleets_state(&place, &job, JobState::Cancelled).await;
    place.wait_no_orders().await;
    let asked = place.statuses(Route::Request, None).await.len();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(place.statuses(Route::Request, None).await.len(), asked);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_the_configuration_that_is_away_at_the_start_is_registered_at_later() {
    let place = Place::not_at_once(3).await;
    let trouble = place
        .wait("a word about it", async |place| place.view().await["trouble"].as_str().map(str::to_owned))
        .await;
    assert!(trouble.starts_with("not registered yet: "), "{trouble}");
    let uuid = place.job(WEB, &web()).await;
    place.wait_state(&uuid, State::Completed).await;
    assert_eq!(place.statuses(Route::Register, None).await, [503, 503, 503, 200]);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_away_is_said_to_be_until_it_is_back() {
    let place = Place::new().await;
    let early = place.job(WEB, &web()).await;
    place.wait_state(&early, State::Completed).await;
    place.model().await.away();
    let away = place
        .wait("a word about it", async |place| place.view().await["away"].as_str().map(str::to_owned))
        .await;
    assert!(away.contains("cannot be reached"), "{away}");
    place.model().await.back();
    place.wait("no word any more", async |place| place.view().await["away"].is_null().then_some(())).await;
    assert!(place.view().await["trouble"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_changed_configuration_counts_from_the_next_start_on() {
    let mut place = Place::with(json!({ "max_jobs": 3 })).await;
    let early = place.job(WEB, &web()).await;
    place.wait_state(&early, State::Completed).await;
    place.model().await.revoke_runners();
    place.wait("the trouble", async |place| place.view().await["trouble"].as_str().map(str::to_owned)).await;
    place.stop().await;
    place.reconfigure(json!({ "max_jobs": 5 })).await;
    place.start().await;
    // The instance knows us again, too.
    let late = place.job(WEB, &web()).await;
    place.wait_state(&late, State::Completed).await;
    let view = place.view().await;
    assert_eq!((&view["terms"]["max_jobs"], &view["trouble"]), (&5.into(), &Value::Null), "{view:#}");
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_registers_again_goes_on_with_what_was_learned_and_held() {
    let place = Place::new().await;
    let source = place.source();
    let first = place.model().await.job(WEB, &web(), &source);
    place.wait_state(&first, State::Completed).await;
    place.wait_no_orders().await;
    place.model().await.revoke_runners();
    let lost = place.job(WEB, &web()).await;
    place.wait("the trouble", async |place| place.view().await["trouble"].as_str().map(str::to_owned)).await;
    place.register(json!({})).await;
    place.wait_state(&lost, State::Completed).await;
    let fetched = place.view().await["tally"]["fetched_bytes"].as_u64().expect("it is counted");
    // Of the first video nothing is fetched again.
    let again = place.model().await.job(WEB, &web(), &source);
    place.wait_state(&again, State::Completed).await;
    place.wait_no_orders().await;
    let tally = place.view().await["tally"].clone();
    assert_eq!((tally["answered"].as_u64(), tally["fetched_bytes"].as_u64()), (Some(3), Some(fetched)));
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_stops_gives_its_jobs_back_and_takes_them_again_when_it_is_back() {
    let (mut place, first, _) = in_mid_work().await;
    let second = place.job(WEB, &web()).await;
    place.fleets_job(&second).await;
    let before = tokio::time::Instant::now();
    place.stop().await;
    assert!(before.elapsed() < Duration::from_secs(10), "within its grace");
    for uuid in [&first, &second] {
        assert_eq!(place.statuses(Route::Abort, Some(uuid)).await, [204]);
        assert_eq!(place.model().await.find(uuid).expect("it is there").state, State::Pending);
    }
    place.machine.rests.store(false, Ordering::SeqCst);
    place.start().await;
    place.wait_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_is_killed_goes_on_with_what_it_had() {
    let (mut place, uuid, job) = in_mid_work().await;
    place.cut().await;
    place.start().await;
    place.machine.rests.store(false, Ordering::SeqCst);
    let done = place.wait_state(&uuid, State::Completed).await;
    assert_eq!((done.answers, done.stalls), (1, 0));
    assert_eq!(place.statuses(Route::Accept, None).await, [200], "it was not given back meanwhile");
    wait_fleets_state(&place, &job, JobState::Published).await;
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn secrets_go_to_the_instance_alone() {
    let elsewhere = Elsewhere::start("bytes of somebody else");
    let place = Place::new().await;
    let uuid = place.job(WEB, &from(&format!("{}/videos/x", elsewhere.url()))).await;
    place
        .wait("the abort", async |place| {
            (place.statuses(Route::Abort, Some(&uuid)).await == [204]).then_some(())
        })
        .await;
    assert_eq!(elsewhere.heard(), [] as [String; 0], "it is no storage of the instance");

    let terms = json!({ "storage_hosts": [elsewhere.url()] });
    let place = Place::with(terms).await;
    let uuid = place.job(WEB, &from(&format!("{}/videos/x", elsewhere.url()))).await;
    place.wait_state(&uuid, State::Completed).await;
    let heard = elsewhere.heard();
    assert!(
        !heard.is_empty() && heard.iter().all(|said| !said.contains("ptrt-") && !said.contains("ptrjt-")),
        "{heard:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_not_there_gives_the_job_back() {
    let place = Place::new().await;
    let uuid = place.job(WEB, &from("SOURCE/elsewhere")).await;
    place
        .wait("the abort", async |place| {
            (place.statuses(Route::Abort, Some(&uuid)).await == [204]).then_some(())
        })
        .await;
    assert_eq!(place.statuses(Route::File, None).await, [404]);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_beyond_the_limit_is_an_error_that_names_it() {
    let place = Place::by_hand(json!({ "max_source_gib": 0 })).await;
    let uuid = place.job(WEB, &web()).await;
    let job = place
        .wait("the error", async |place| place.model().await.find(&uuid).filter(|job| job.failures > 0))
        .await;
    assert!(job.error.as_deref().is_some_and(|error| error.contains("max_source_gib")), "{:?}", job.error);
    place.check().await;
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_come_from_the_acceptance_on_every_twenty_seconds_at_most() {
    let (place, uuid, _) = in_mid_work().await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let calls = place.model().await.calls();
    let uuid = Some(uuid.as_str());
    let of =
        |route: Route| calls.iter().filter(move |call| call.route == route && call.job.as_deref() == uuid);
    let accepted = of(Route::Accept).map(|call| call.at_ms);
    let signs: Vec<u64> = accepted.chain(of(Route::Update).map(|call| call.at_ms)).collect();
    let gaps: Vec<u64> = signs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 6 && gaps.iter().all(|gap| *gap <= 20_000), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_instance_calls_urgent_is_done_first() {
    let place = Place::with(json!({ "anticipate": false })).await;
    let video = Upload { hls: false, web_videos: true, ..Upload::default() };
    let early = place.upload(&video).await;
    place.wait_state(&early[0], State::Completed).await;
    // Its lower size can wait; the first size of the next video cannot.
    place.machine.rests.store(true, Ordering::SeqCst);
    let low = place.fleets_job(&early[1]).await;
    let late = place.upload(&video).await;
    let high = place.fleets_job(&late[0]).await;
    let jobs = place.coordinator().jobs();
    let priority = async |job: &str| jobs.view(&job.parse().unwrap()).await.unwrap().priority;
    assert_eq!((priority(&low).await, priority(&high).await), (10_000, 100));
    place
        .wait("the offer of the urgent one", async |place| {
            place.machine.returned.lock().unwrap().contains(&high).then_some(())
        })
        .await;
    place.machine.done.lock().unwrap().clear();
    place.machine.rests.store(false, Ordering::SeqCst);
    place.wait_all().await;
    let done = place.machine.done.lock().unwrap().clone();
    let nth = |job: &str| done.iter().position(|done| done == job);
    assert!(nth(&high) < nth(&low) && nth(&high).is_some(), "{done:?}");
}
