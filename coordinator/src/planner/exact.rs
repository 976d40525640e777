//! Renditions as somebody asked for them: what the plan makes of `exact`.

use flotilla_profiles::{ExactRendition, Library, Profile};

use super::fixtures::{audio, source, video};
use super::{Request, plan};
use crate::domain::plan::{Still, VideoPlan};
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};

fn profile(exact: &[(u32, u32)]) -> Profile {
    let mut profile = Library::load(None).unwrap().get("web-audio").unwrap().clone();
    let wanted = exact.iter().map(|&(short_side, fps)| ExactRendition { short_side, fps });
    profile.video.as_mut().unwrap().exact = wanted.collect();
    profile
}

fn planned(streams: Vec<VideoStream>, exact: &[(u32, u32)]) -> Result<VideoPlan, Failure> {
    let source = source(streams, vec![audio("aac", 48_000, 2, 128_000)], 0);
    let request = Request { slots: 2, chunk_seconds: Some(4), early: false };
    plan(&source, &profile(exact), &request).map(|plan| plan.video.unwrap())
}

/// Name, size, nominal rate, frames.
fn told(plan: &VideoPlan) -> Vec<(String, u32, u32, Rational, u64)> {
    let told = plan.renditions.iter().map(|rendition| {
        let grid = &plan.grids[rendition.grid_index as usize];
        (rendition.name.clone(), rendition.width, rendition.height, grid.frame_rate, grid.frame_count())
    });
    told.collect()
}

fn rate(numerator: i64, denominator: i64) -> Rational {
    Rational::new(numerator, denominator).unwrap()
}

fn line(name: &str, size: (u32, u32), rate: Rational, frames: u64) -> (String, u32, u32, Rational, u64) {
    (name.to_owned(), size.0, size.1, rate, frames)
}

/// Ten seconds of 720p at 30000/1001 frames a second.
fn ntsc() -> VideoStream {
    video(1280, 720, (1, 30_000), 1001, 300)
}

#[test]
fn exactly_what_was_asked_for_is_made_larger_than_the_source_too() {
    let plan = planned(vec![ntsc()], &[(144, 30), (1080, 30), (720, 30)]).unwrap();
    let ntsc = rate(30_000, 1001);
    let expected = [
        line("1080p", (1920, 1080), ntsc, 300),
        line("720p", (1280, 720), ntsc, 300),
        line("144p", (256, 144), ntsc, 300),
    ];
    assert_eq!(told(&plan), expected);
    assert_eq!(plan.grids.len(), 1, "the source's own rate rounds to 30");
    assert_eq!(plan.grids[0].times.get(1), Some(1001));
}

#[test]
fn other_rates_are_resampled_down_and_up() {
    let plan = planned(vec![ntsc()], &[(720, 60), (720, 25), (720, 15)]).unwrap();
    let expected = [
        line("720p60", (1280, 720), rate(60, 1), 601),
        line("720p", (1280, 720), rate(25, 1), 251),
        line("720p15", (1280, 720), rate(30_000, 2002), 150),
    ];
    assert_eq!(told(&plan), expected);
    let shown = &plan.grids[0].source_pts;
    // 33.33 ms is before the second frame's time, 33.37 ms.
    assert!((0..5).map(|at| shown.get(at).unwrap()).eq([0, 0, 0, 1001, 1001]), "no frame comes early");
    assert_eq!(plan.rendition_of(720, 15).unwrap().name, "720p15");
    assert_eq!(plan.rendition_of(720, 30), None);
    let names = plan.renditions.iter().map(|rendition| plan.progressive_name(rendition));
    assert!(names.eq(["720p60", "720p", "720p15"]));
    // Each chunk has frames of every grid.
    assert!(plan.chunks.len() >= 2 && plan.chunks.iter().all(|chunk| chunk.slices.len() == 3));
}

#[test]
fn the_rate_that_a_rendition_is_made_at_decides_its_cap() {
    let plan = planned(vec![ntsc()], &[(480, 24), (480, 60)]).unwrap();
    let caps: Vec<_> = plan.renditions.iter().map(|rendition| rendition.max_bitrate_bps / 1000).collect();
    assert_eq!(caps, [2949, 1179], "at 60 twice and at 24 four fifths of the 1474 kbit/s at 30");
}

#[test]
fn odd_sources_turned_ones_and_repetitions() {
    let odd = video(853, 481, (1, 25), 1, 50);
    assert_eq!(told(&planned(vec![odd], &[(482, 25)]).unwrap()), [line("482p", (854, 482), rate(25, 1), 50)]);
    let phone = VideoStream { rotation_degrees: 90, ..video(1920, 1080, (1, 25), 1, 50) };
    let plan = planned(vec![phone], &[(720, 25), (720, 25)]).unwrap();
    assert_eq!(told(&plan), [line("720p", (720, 1280), rate(25, 1), 50)]);
}

#[test]
fn a_song_becomes_what_was_asked_for() {
    let plan = planned(Vec::new(), &[(480, 25), (720, 30)]).unwrap();
    let expected = [line("720p", (1282, 720), rate(30, 1), 900), line("480p", (854, 480), rate(25, 1), 750)];
    assert_eq!((told(&plan), plan.still), (expected.to_vec(), Some(Still::Blank)));
    assert!(plan.grids.iter().all(|grid| grid.source_pts.iter().all(|pts| pts == 0)));
}

#[test]
fn what_no_encoder_takes_is_refused_in_one_sentence() {
    for exact in [(481, 30), (0, 30), (480, 0), (480, 5000), (30_000, 30)] {
        let failure = planned(vec![ntsc()], &[exact]).unwrap_err();
        assert_eq!(failure.class, FailureClass::Profile);
        assert!(failure.message.contains(&format!("{}p at {} frames/s", exact.0, exact.1)), "{failure:?}");
    }
}
