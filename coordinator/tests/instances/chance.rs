//! What can happen, in random orders: uploads of all shapes, faults of every call, jobs that are deleted, given up or taken
//! by others, an instance that goes away, a coordinator that stops or is killed, a fleet that rests or fails. Whatever it
//! was, in the end every job that is still wanted is answered, once. A seed names an order of events; [`SEEDS`] are tried,
//! some at a time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use flotilla_proto::fleet::FailureClass;
use flotilla_tests::peertube::{Fault, Job, Model, Route, State, Upload};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::place::Place;

/// So many orders of events in each test.
const SEEDS: u64 = 50;

/// So many of them at a time: most of their time they wait.
const AT_A_TIME: usize = 6;

const STORYBOARD: &str = "generate-video-storyboard";

/// Events of one order.
const EVENTS: u32 = 10;

#[test]
fn whatever_happens_every_job_is_answered_once_1() {
    check(0);
}

#[test]
fn whatever_happens_every_job_is_answered_once_2() {
    check(SEEDS);
}

#[test]
fn whatever_happens_every_job_is_answered_once_3() {
    check(2 * SEEDS);
}

#[test]
fn whatever_happens_every_job_is_answered_once_4() {
    check(3 * SEEDS);
}

/// Tries the seeds from one on, each on a runtime of its own.
fn check(first: u64) {
    let left = std::sync::Mutex::new(first..first + SEEDS);
    let next = || left.lock().expect("no seed panics while it holds it").next();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    try_seed(seed);
                }
            });
        }
    });
}

fn try_seed(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("the machine gives a runtime").block_on(async {
        let named = Named(seed);
        let mut chance = StdRng::seed_from_u64(seed);
        let mut place = Place::with(json!({ "anticipate": chance.random_bool(0.5) })).await;
        let mut touched = Vec::new();
        for _ in 0..EVENTS {
            happen(&mut place, &mut chance, &mut touched).await;
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..8_000))).await;
        }
        settle(&place).await;
        judge(&place, &touched).await;
        std::mem::forget(named);
    });
}

/// Names the seed of what went wrong.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("seed {} went wrong", self.0);
    }
}

/// One event. Noted are jobs whose owner somebody else has changed.
async fn happen(place: &mut Place, chance: &mut StdRng, touched: &mut Vec<String>) {
    match chance.random_range(0..20) {
        0..5 => {
            let is_audio = chance.random_bool(0.2);
            let upload = Upload {
                lower: if chance.random_bool(0.5) { vec![360] } else { vec![] },
                web_videos: chance.random_bool(0.5),
                hls: chance.random_bool(0.7),
                separated_audio: chance.random_bool(0.5),
                is_audio,
                ..Upload::default()
            };
            place.upload(&upload).await;
        }
        5 => {
            let sprites = json!({ "width": 160, "height": 90 });
            let sprites = json!({ "size": sprites, "count": { "width": 2, "height": 1 }, "duration": 1 });
            let payload = json!({ "input": { "videoFileUrl": "SOURCE" }, "sprites": sprites });
            place.job(STORYBOARD, &payload).await;
        }
        6..13 => {
            let (route, fault) = fault(chance);
            place.model().await.fail_next(route, fault);
        }
        13 => touch(place, chance, touched, Model::delete).await,
        14 => touch(place, chance, touched, Model::cancel).await,
        15 => touch(place, chance, touched, Model::steal).await,
        16 => {
            place.stop().await;
            place.start().await;
        }
        17 => {
            place.cut().await;
            place.start().await;
        }
        18 => {
            place.model().await.away();
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..60_000))).await;
            place.model().await.back();
        }
        _ => {
            let failure = (FailureClass::Runner, "the machine is out of sorts".to_owned());
            *place.machine.fails.lock().unwrap() = chance.random_bool(0.5).then_some(failure);
            place.machine.rests.store(chance.random_bool(0.5), Ordering::SeqCst);
        }
    }
}

async fn touch(place: &Place, chance: &mut StdRng, touched: &mut Vec<String>, touch: impl Fn(&Model, &str)) {
    let model = place.model().await;
    let jobs = model.jobs();
    let open = |job: &&Job| matches!(job.state, State::Pending | State::Processing);
    let open: Vec<_> = jobs.iter().filter(open).collect();
    if !open.is_empty() {
        let job = open[chance.random_range(0..open.len())];
        touch(&model, &job.uuid);
        touched.push(job.uuid.clone());
    }
}

fn fault(chance: &mut StdRng) -> (Route, Fault) {
    let status = |chance: &mut StdRng| Fault::Status([500, 502, 503][chance.random_range(0..3)]);
    let bytes = |chance: &mut StdRng| chance.random_range(0..150_000);
    match chance.random_range(0..12) {
        0 => (Route::Request, status(chance)),
        1 => (Route::Accept, status(chance)),
        2 => (Route::Accept, Fault::LostRace),
        3 => (Route::Accept, Fault::CutAnswer),
        4 => (Route::Update, status(chance)),
        5 => (Route::Update, Fault::Silence),
        6 => (Route::File, status(chance)),
        7 | 8 => (Route::File, Fault::CutDownload(bytes(chance))),
        9 => (Route::Success, status(chance)),
        10 => (Route::Success, Fault::CutUpload(bytes(chance) % 100)),
        _ => (Route::Success, Fault::CutAnswer),
    }
}

/// The troubles of the fleet end, and everything else that is still to come.
async fn settle(place: &Place) {
    *place.machine.fails.lock().unwrap() = None;
    place.machine.rests.store(false, Ordering::SeqCst);
    place
        .wait("the end of all jobs", async |place| {
            let jobs = place.model().await.jobs();
            jobs.iter().all(|job| is_over(job) || is_orphan(job, &jobs)).then_some(())
        })
        .await;
    place.wait_no_orders().await;
}

/// An instance never takes a storyboard back from a runner that is silent, or that did not hear of it.
fn is_over(job: &Job) -> bool {
    let is_lost = job.state == State::Processing && job.kind == STORYBOARD;
    is_lost || matches!(job.state, State::Completed | State::Cancelled | State::ParentCancelled)
}

/// Waits for ever: a job that it waits for was deleted.
fn is_orphan(job: &Job, jobs: &[Job]) -> bool {
    let Some(parent) = job.parent.as_ref().filter(|_| job.state == State::WaitingForParent) else {
        return false;
    };
    jobs.iter().find(|other| other.uuid == *parent).is_none_or(|parent| is_orphan(parent, jobs))
}

async fn judge(place: &Place, touched: &[String]) {
    place.check().await;
    let jobs = place.model().await.jobs();
    for job in jobs.iter().filter(|job| job.state == State::Processing) {
        // The answer to its acceptance was cut, or another runner was faster.
        let accepted = place.statuses(Route::Accept, Some(&job.uuid)).await;
        let is_unheard = accepted.iter().any(|status| matches!(status, 0 | 409));
        assert!(is_unheard || touched.contains(&job.uuid), "{accepted:?} {job:?}");
    }
    for job in jobs.iter().filter(|job| !touched.contains(&job.uuid)) {
        assert!(job.answers <= 1 && job.failures == 0, "{job:?}");
        let told = place.statuses(Route::Success, Some(&job.uuid)).await;
        // Who answers a job that is not his any more has answered it twice, unless it stalled in between.
        let is_late = told.iter().any(|status| matches!(status, 400 | 404));
        assert!(!is_late || job.stalls > 0, "{told:?} {job:?}");
    }
}
