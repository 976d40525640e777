//! The coordinator's inner loops: making a plan, finding work for a runner, and taking a result. The store is a real one on
//! a real file, so claims and completions contain the wait for the disk; many at once share it, as in a fleet.

#[path = "../src/scale/jobs.rs"]
#[allow(dead_code)]
mod jobs;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flotilla_coordinator::domain::Rational;
use flotilla_coordinator::domain::source::{BLOCK_FRAMES, Colour, PictureFacts, Source, VideoStream};
use flotilla_coordinator::planner::{Request, plan};
use flotilla_profiles::Library;

use crate::jobs::Jobs;

/// Results that are on their way at once.
const SIDE_BY_SIDE: u32 = 64;

/// A film in 4K: even frames, a keyframe every two seconds, bytes that go up and down.
fn film(hours: i64, frames_per_second: i64) -> Source {
    let count = hours * 3600 * frames_per_second;
    let blocks = usize::try_from(count).expect("it fits").div_ceil(BLOCK_FRAMES);
    let video = VideoStream {
        index: 0,
        codec: "h264".into(),
        width: 3840,
        height: 2160,
        sample_aspect_ratio: None,
        rotation_degrees: 0,
        pixel_format: "yuv420p".into(),
        time_base: Rational { numerator: 1, denominator: 90_000 },
        frame_rate: Rational { numerator: frames_per_second, denominator: 1 },
        colour: Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false },
        interlaced: false,
        picture: PictureFacts::default(),
        attached_picture: false,
        is_default: true,
        pts: (0..count).map(|frame| frame * (90_000 / frames_per_second)).collect(),
        keyframes: (0..u32::try_from(count).expect("it fits"))
            .step_by(usize::try_from(2 * frames_per_second).expect("it fits"))
            .collect(),
        last_duration: 90_000 / frames_per_second,
        block_bytes: (0..blocks as u64).map(|block| 1_000_000 + block % 7 * 300_000).collect(),
        bitrate_bps: 40_000_000,
    };
    Source {
        demuxer: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        duration_us: u64::try_from(hours * 3_600_000_000).expect("it fits"),
        bitrate_bps: 40_000_000,
        video: vec![video],
        audio: vec![],
        text: vec![],
        notes: vec![],
        inserts: vec![],
    }
}

/// Frames planned a second. A plan of ten hours should take 50 ms at most.
fn planner(bench: &mut Criterion) {
    let library = Library::load(None).expect("the shipped profiles are sound");
    let profile = library.get("web").expect("the profile web is shipped");
    let mut group = bench.benchmark_group("planner");
    for frames_per_second in [24, 60] {
        let source = film(10, frames_per_second);
        let frames = source.video[0].pts.len() as u64;
        group.throughput(Throughput::Elements(frames));
        group.bench_function(format!("plan/10h-4k{frames_per_second}"), |timed| {
            let request = Request { slots: 64, chunk_seconds: None, early: false };
            timed.iter(|| plan(black_box(&source), profile, &request).expect("it can be planned"));
        });
    }
    group.finish();
}

/// Tasks a second. One claim after another, then many results at once.
fn store(bench: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs only threads");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let jobs = Jobs::open(folder.path()).expect("a new store");
    let runner = runtime.block_on(jobs.runner("runner")).expect("it may join");
    let mut group = bench.benchmark_group("store");
    let mut ahead = 0;
    let mut ready = |count: u32| {
        // Ahead of what earlier rounds have left.
        ahead -= 1;
        runtime.block_on(jobs.planned(&runner, ahead, count)).expect("a job is added");
    };
    ready(1);
    group.throughput(Throughput::Elements(1));
    group.bench_function("look-for-work", |timed| {
        timed.iter(|| runtime.block_on(jobs.outlook(&runner)).expect("the store answers"));
    });
    group.bench_function("claim", |timed| {
        let claim = || runtime.block_on(jobs.claim(&runner)).expect("the store answers").expect("a task");
        timed.iter_batched(|| ready(1), |()| claim(), BatchSize::PerIteration);
    });
    group.throughput(Throughput::Elements(SIDE_BY_SIDE.into()));
    group.bench_function(format!("claim-to-seal/{SIDE_BY_SIDE}-at-once"), |timed| {
        let one = || async {
            let claimed = jobs.claim(&runner).await.expect("the store answers").expect("a task");
            jobs.complete(&claimed, 0).await.expect("the store takes it");
        };
        let all = || runtime.block_on(futures::future::join_all((0..SIDE_BY_SIDE).map(|_| one())));
        timed.iter_batched(|| ready(SIDE_BY_SIDE), |()| all(), BatchSize::PerIteration);
    });
    group.finish();
}

fn quick() -> Criterion {
    let seconds = Duration::from_secs;
    let criterion = Criterion::default().sample_size(20);
    criterion.warm_up_time(seconds(1)).measurement_time(seconds(4)).configure_from_args()
}

criterion_group! { name = coordinator; config = quick(); targets = planner, store }
criterion_main!(coordinator);
