//! Edited videos that are made of the source alone.

use flotilla_profiles::{Library, StoryboardRules};

use super::super::{Request, chunks, fixtures, plan_edited};
use super::*;
use crate::domain::Plan;
use crate::domain::plan::Seek;

const SECOND: u64 = 1_000_000;
const REQUEST: Request = Request { slots: 1, chunk_seconds: Some(8), early: false };

fn stream() -> VideoStream {
    VideoStream { keyframes: (0..750).step_by(50).collect(), ..fixtures::video(640, 360, (1, 25), 1, 750) }
}

fn planned(stream: VideoStream, edits: &[Edit]) -> Plan {
    let mut profile = Library::load(None).unwrap().get("web").unwrap().clone();
    profile.storyboard = Some(StoryboardRules {
        sprite_width: 16,
        sprite_height: 9,
        columns: 9,
        rows: 9,
        seconds_per_sprite: 9,
    });
    let source = fixtures::source(vec![stream], vec![fixtures::audio("aac", 48_000, 2, 128_000)], 0);
    plan_edited(&source, &profile, &REQUEST, edits).unwrap()
}

fn remove(start_us: u64, end_us: u64) -> Edit {
    Edit::RemoveSegments { segments: vec![(start_us, end_us)] }
}

#[test]
fn pictures_and_sound_leave_out_the_same_moments() {
    let plan = planned(stream(), &[remove(9 * SECOND, 20 * SECOND)]);
    let video = plan.video.as_ref().unwrap();
    let grid = &video.grids[0];
    assert_eq!((grid.frame_count(), grid.has_variable_rate()), (475, false));
    assert_eq!(grid.length_ticks(), Some(19 * u64::from(grid.timescale)));
    assert!(grid.source_pts.iter().eq((0..225).chain(500..750)));
    assert_eq!(
        (plan.audio[0].kept.as_slice(), plan.audio[0].copy),
        (&[(0, 432_000), (960_000, u64::MAX)][..], false)
    );
    assert_eq!((plan.audio[0].start_ticks, plan.audio[0].duration_ticks), (0, 19 * 48_000));
}

#[test]
fn chunks_cover_the_edited_video_and_jump_over_what_is_left_out() {
    let plan = planned(stream(), &[remove(9 * SECOND, 20 * SECOND)]);
    let video = plan.video.unwrap();
    let ends: Vec<_> = video.chunks.iter().map(|chunk| chunk.slices[0].end_frame).collect();
    assert_eq!(ends.last(), Some(&475));
    let jumps: Vec<_> = video.chunks.iter().flat_map(|chunk| chunk.jumps.clone()).collect();
    assert_eq!(jumps, [Seek { seek_pts: Some(500), pts: 500 }]);
    for (chunk, start) in video.chunks.iter().zip([0].iter().chain(&ends)) {
        let first = video.grids[0].source_pts.get(*start).unwrap();
        assert_eq!(chunk.seek_pts, chunks::seek_for(&stream(), first));
    }
    // 18 s of the edited video are 29 s of the source.
    let sprites: Vec<_> = plan.storyboard.unwrap().sprites.iter().map(|sprite| sprite.pts).collect();
    assert_eq!(sprites, [0, 500, 725]);
}

#[test]
fn a_cut_between_two_frames_keeps_sound_to_the_sample_and_pictures_to_the_frame() {
    let cut = Edit::Cut { start_us: Some(1_020_000), end_us: Some(3 * SECOND) };
    let plan = planned(stream(), &[cut]);
    let grid = &plan.video.as_ref().unwrap().grids[0];
    let scale = i64::from(grid.timescale);
    assert_eq!((grid.times.get(0), grid.times.last()), (Some(scale / 50), Some(scale * 99 / 50)));
    assert!(grid.source_pts.iter().eq(26..75));
    assert_eq!(plan.audio[0].kept, [(48_960, 144_000)]);
    assert_eq!((plan.audio[0].start_ticks, plan.audio[0].duration_ticks), (0, 95_040));
}

#[test]
fn a_picture_that_stands_is_still_there_behind_the_cut() {
    let slides = VideoStream { pts: vec![0, 250, 700], keyframes: vec![0, 2], ..stream() };
    let plan = planned(slides, &[Edit::Cut { start_us: Some(20 * SECOND), end_us: None }]);
    let video = plan.video.unwrap();
    assert_eq!(video.grids[0].source_pts.iter().collect::<Vec<_>>(), [250, 700]);
    let seconds = |at: u64| video.grids[0].times.get(at).unwrap() / i64::from(video.grids[0].timescale);
    assert_eq!((seconds(0), seconds(1), video.chunks[0].seek_pts), (0, 8, None));
}

#[test]
fn nothing_changes_where_nothing_is_left_out_and_too_much_is_refused() {
    let whole = planned(stream(), &[]);
    assert_eq!(planned(stream(), &[Edit::Cut { start_us: Some(0), end_us: None }]), whole);
    let source = fixtures::source(vec![stream()], Vec::new(), 0);
    let profile = Library::load(None).unwrap().get("web").unwrap().clone();
    let beyond = [Edit::Cut { start_us: Some(60 * SECOND), end_us: None }];
    let refused = plan_edited(&source, &profile, &REQUEST, &beyond).unwrap_err();
    assert_eq!(refused.class, FailureClass::Source);
}
