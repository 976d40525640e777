//! What holds for every plan, whatever the source: chunks cover each grid exactly, evenly timed grids are cut at the same
//! times, times rise, nothing is scaled up, sound starts at or after zero.

use flotilla_profiles::{Library, Profile};
use proptest::prelude::*;

use super::fixtures::{audio, source, video};
use super::{Request, plan, tasks};
use crate::domain::plan::{Plan, VideoPlan};
use crate::domain::source::{Source, VideoStream};
use crate::domain::task::TaskKind;

fn profile(name: &str) -> Profile {
    Library::load(None).unwrap().get(name).unwrap().clone()
}

prop_compose! {
    /// Uneven videos of up to a minute or so, with keyframes anywhere, started anywhere, with sound started anywhere.
    fn any_source()(
        size in (2_u32..4000, 2_u32..2200),
        base in prop::sample::select(vec![(1, 24), (1, 1000), (1, 15_360), (1, 90_000), (1001, 30_000), (1, 10_000_000)]),
        fps in prop::sample::select(vec![5_i64, 12, 24, 25, 30, 50, 59, 60, 120]),
        jitter in prop::collection::vec(0_i64..100, 1..40),
        uneven in any::<bool>(),
        count in 1_usize..1500,
        keyframe_step in 1_usize..400,
        first in -5_000_i64..5_000,
        sound_start in -100_000_i64..100_000,
        rotation in prop::sample::select(vec![0_u32, 90, 180, 270]),
        interlaced in any::<bool>(),
    ) -> Source {
        let step = (base.1 / base.0 / fps).max(1);
        let stream = video(size.0, size.1, base, step, 1);
        let gap = |frame: usize| step + if uneven { step * jitter[frame % jitter.len()] / 20 } else { 0 };
        let pts = (0..count).scan(first, |time, frame| { let now = *time; *time += gap(frame); Some(now) }).collect();
        let keyframes = (0..count as u32).step_by(keyframe_step).collect();
        let stream = VideoStream { pts, keyframes, rotation_degrees: rotation, interlaced, ..stream };
        let mut sound = audio("aac", 48_000, 2, 128_000);
        sound.first_pts = sound_start;
        source(vec![stream], vec![sound], 2_000_000)
    }
}

fn check_grids(video: &VideoPlan, stream: &VideoStream) -> Result<(), TestCaseError> {
    for (grid_index, grid) in video.grids.iter().enumerate() {
        prop_assert_eq!(grid.times.len(), grid.frame_count() + 1);
        let times: Vec<i64> = grid.times.iter().collect();
        prop_assert!(
            times[0] >= 0 && times.windows(2).all(|pair| pair[0] < pair[1]),
            "times rise from zero on"
        );
        let shown: Vec<i64> = grid.source_pts.iter().collect();
        prop_assert!(shown.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(shown.iter().all(|pts| stream.pts.binary_search(pts).is_ok()), "only frames that exist");
        let mut next = 0;
        for chunk in &video.chunks {
            let slice = chunk.slices[grid_index];
            prop_assert_eq!(slice.start_frame, next, "chunks follow one another");
            prop_assert!(slice.end_frame > slice.start_frame, "no chunk is empty");
            let first_pts = shown[slice.start_frame as usize];
            prop_assert!(chunk.seek_pts.is_none_or(|seek| seek <= first_pts), "decoding starts in time");
            next = slice.end_frame;
        }
        prop_assert_eq!(next, grid.frame_count(), "chunks cover the grid");
    }
    Ok(())
}

fn check_ladder(plan: &Plan, stream: &VideoStream) -> Result<(), TestCaseError> {
    let (mut width, mut height) = (stream.width, stream.height);
    if stream.rotation_degrees % 180 == 90 {
        (width, height) = (height, width);
    }
    let video = plan.video.as_ref().unwrap();
    for rendition in &video.renditions {
        prop_assert!(
            rendition.width <= width && rendition.height <= height,
            "{} is scaled up",
            rendition.name
        );
        prop_assert!(rendition.width % 2 == 0 && rendition.height % 2 == 0, "{} is odd", rendition.name);
        prop_assert!((rendition.grid_index as usize) < video.grids.len());
    }
    let mut names: Vec<_> = video.renditions.iter().map(|rendition| &rendition.name).collect();
    names.sort();
    names.dedup();
    prop_assert_eq!(names.len(), video.renditions.len(), "names are unique");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn chunks_cover_every_grid(source in any_source(), slots in 0_u32..40, length in 0_u32..30) {
        let chunk_seconds = (length > 0).then_some(length);
        let plan = plan(&source, &profile("web-mp4"), &Request { slots, chunk_seconds, early: false }).unwrap();
        check_grids(plan.video.as_ref().unwrap(), &source.video[0])?;
        check_ladder(&plan, &source.video[0])?;
    }

    /// Players switch between renditions at keyframes, which must be at the same times.
    #[test]
    fn all_grids_of_an_even_source_are_cut_at_the_same_times(
        steps in prop::collection::vec(1_u32..400, 1..40), count in 1_i64..4000, slots in 1_u32..300, length in 0_u32..9,
    ) {
        let starts = steps.iter().scan(0, |at, step| { *at += step; Some(*at) });
        let keyframes = [0].into_iter().chain(starts).filter(|&at| i64::from(at) < count).collect();
        let stream = VideoStream { keyframes, ..video(1920, 1080, (1, 60), 1, count) };
        let request = Request { slots, chunk_seconds: (length > 0).then_some(length), early: false };
        let plan = plan(&source(vec![stream], vec![], 0), &profile("web"), &request).unwrap();
        let video = plan.video.unwrap();
        prop_assert_eq!(video.grids.len(), 2);
        for chunk in &video.chunks {
            let starts = video.grids.iter().zip(&chunk.slices).map(|(grid, slice)| {
                (grid.times.get(slice.start_frame), slice.frame_count().div_ceil(grid.gop_frames.into()))
            });
            let starts: Vec<_> = starts.collect();
            prop_assert_eq!(starts[0], starts[1], "time and GOPs");
        }
    }

    #[test]
    fn sound_keeps_its_distance_to_the_picture(source in any_source()) {
        let plan = plan(&source, &profile("web"), &Request { slots: 2, chunk_seconds: None, early: false }).unwrap();
        let (stream, sound, grid) = (&source.video[0], &plan.audio[0], &plan.video.as_ref().unwrap().grids[0]);
        let base = stream.time_base;
        // Both in units of 1 / (48000 · denominator), where the source's times are whole.
        let unit = 48_000 * i128::from(base.denominator);
        let before = i128::from(source.audio[0].first_pts) * i128::from(base.denominator)
            - i128::from(stream.pts[0]) * i128::from(base.numerator) * 48_000;
        let first = i128::from(grid.times.get(0).unwrap());
        let after = i128::from(sound.start_ticks) * i128::from(base.denominator)
            - first * unit / i128::from(grid.timescale);
        prop_assert!((before - after).abs() * 500 <= unit, "moved by more than 2 ms");
        prop_assert!(sound.start_ticks == 0 || first == 0, "one of both starts at zero");
    }

    #[test]
    fn with_a_fixed_chunk_length_the_fleet_is_of_no_account(source in any_source(), length in 1_u32..30) {
        let of = |slots| plan(&source, &profile("web"), &Request { slots, chunk_seconds: Some(length), early: false }).unwrap();
        prop_assert_eq!(of(1), of(37));
    }

    #[test]
    fn tasks_wait_only_for_earlier_ones_and_assembly_for_all_chunks(source in any_source(), slots in 1_u32..9) {
        let plan = plan(&source, &profile("web-mp4"), &Request { slots, chunk_seconds: None, early: false }).unwrap();
        let planned = tasks(&plan);
        let of = |index: usize| planned[index].kind;
        for (at, task) in planned.iter().enumerate() {
            prop_assert!(task.size >= 1 && task.depends_on.iter().all(|&earlier| earlier < at));
            if let TaskKind::Assemble { .. } = task.kind {
                let is_chunk = |index: &&usize| matches!(of(**index), TaskKind::EncodeChunk { .. });
                let chunks = task.depends_on.iter().filter(is_chunk).count();
                prop_assert_eq!(chunks, plan.video.as_ref().unwrap().chunks.len());
                let sound = TaskKind::EncodeAudio { audio_index: 0 };
                let waits = task.depends_on.iter().any(|&index| of(index) == sound);
                prop_assert!(waits, "a progressive MP4 needs its sound");
            }
        }
    }
}
