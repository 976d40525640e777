//! Edited videos of several files: as many frames as their stretches have, no gap, and no chunk of two files.

use flotilla_profiles::{Library, Profile};
use proptest::prelude::*;

use super::super::{Request, fixtures, plan_edited};
use super::*;
use crate::domain::Plan;
use crate::domain::plan::{Chunk, Mark, SoundPart};
use crate::domain::source::Insert;

const SECOND: u64 = 1_000_000;
const REQUEST: Request = Request { slots: 2, chunk_seconds: Some(4), early: false };

/// The source's own size and rate, as an instance wants it.
fn profile() -> Profile {
    let mut profile = Library::load(None).unwrap().get("web").unwrap().clone();
    let video = profile.video.as_mut().unwrap();
    (video.heights, video.keep_source_size) = (Vec::new(), true);
    profile
}

/// Half a minute of 640x360 at 25 frames a second, a keyframe every two seconds, and as much sound.
fn film() -> Source {
    let video = VideoStream {
        keyframes: (0..750).step_by(50).collect(),
        ..fixtures::video(640, 360, (1, 12_800), 512, 750)
    };
    fixtures::source(vec![video], vec![fixtures::audio("aac", 48_000, 2, 128_000)], 0)
}

/// `count` frames at a rate, of another size and on another clock; its sound lasts as long.
fn clip((base, step): (i64, i64), count: i64, sounds: bool) -> Insert {
    let video = fixtures::video(320, 240, (1, base), step, count);
    let mut sound = fixtures::audio("mp3", 44_100, 1, 64_000);
    sound.duration = count * step * sound.time_base.denominator / base;
    let sounds = if sounds { vec![sound] } else { Vec::new() };
    Insert::Clip(Source { demuxer: "matroska".to_owned(), ..fixtures::source(vec![video], sounds, 0) })
}

fn planned(source: &Source, edits: &[Edit]) -> Result<Plan, Failure> {
    plan_edited(source, &profile(), &REQUEST, edits)
}

fn cut(start_us: u64, end_us: u64) -> Edit {
    Edit::Cut { start_us: Some(start_us), end_us: Some(end_us) }
}

fn mark(file: u32) -> Edit {
    Edit::AddWatermark { file, height_ppm: 100_000, right_ppm: 50_000, top_ppm: 50_000 }
}

/// Clip, first and last frame, of each run of chunks of one file.
fn runs(plan: &Plan) -> Vec<(Option<u32>, u64, u64)> {
    let mut runs: Vec<(Option<u32>, u64, u64)> = Vec::new();
    for Chunk { clip, slices, .. } in &plan.video.as_ref().unwrap().chunks {
        match runs.last_mut() {
            Some((before, _, end)) if before == clip => *end = slices[0].end_frame,
            _ => runs.push((*clip, slices[0].start_frame, slices[0].end_frame)),
        }
    }
    runs
}

fn sounds(parts: &[SoundPart]) -> Vec<(Option<u64>, Option<Option<u32>>)> {
    parts.iter().map(|part| (part.samples, part.sound.as_ref().map(|sound| sound.file))).collect()
}

#[test]
fn clips_lie_before_and_behind_and_every_frame_lasts_as_long_as_the_sources() {
    let inserts = vec![clip((90_000, 3600), 50, true), clip((1000, 40), 75, false)];
    let source = Source { inserts, ..film() };
    let plan = planned(&source, &[Edit::AddIntro { file: 0 }, Edit::AddOutro { file: 1 }]).unwrap();
    let grid = &plan.video.as_ref().unwrap().grids[0];
    assert_eq!((grid.frame_count(), grid.times.steps().count()), (875, 1), "no gap and no short frame");
    assert_eq!(grid.length_ticks(), Some(35 * u64::from(grid.timescale)));
    assert_eq!(runs(&plan), [(Some(0), 0, 50), (None, 50, 800), (Some(1), 800, 875)]);
    let shown: Vec<_> = grid.source_pts.iter().collect();
    assert_eq!((shown[1], shown[49], shown[50], shown[51], shown[874]), (3600, 49 * 3600, 0, 512, 74 * 40));
    let track = &plan.audio[0];
    let expected = [(Some(96_000), Some(Some(0))), (Some(1_440_000), Some(None)), (Some(144_000), None)];
    assert_eq!(sounds(&track.parts), expected, "the outro is silent");
    assert_eq!((track.copy, track.start_ticks, track.duration_ticks), (false, 0, 35 * 48_000));
    let clips = &plan.video.as_ref().unwrap().clips;
    assert_eq!((clips[0].file, clips[0].demuxer.as_str(), clips[1].file), (0, "matroska", 1));
}

#[test]
fn clips_take_on_the_sources_pace() {
    for (rate, count) in [((24_000, 1000), 48), ((30_000, 1001), 60), ((60_000, 1000), 120), ((1, 1), 2)] {
        let source = Source { inserts: vec![clip(rate, count, false)], ..film() };
        let plan = planned(&source, &[Edit::AddIntro { file: 0 }]).unwrap();
        let grid = &plan.video.as_ref().unwrap().grids[0];
        assert_eq!((grid.frame_count(), grid.times.steps().count()), (800, 1), "{rate:?}");
        let shown: Vec<_> = grid.source_pts.iter().take(50).collect();
        let mut distinct = shown.clone();
        distinct.dedup();
        assert_eq!(distinct.len() as i64, count.min(50), "{rate:?}: {shown:?}");
    }
}

#[test]
fn a_cut_behind_an_intro_cuts_the_joined_time_line() {
    let source = Source { inserts: vec![clip((25, 1), 50, true)], ..film() };
    let plan = planned(&source, &[Edit::AddIntro { file: 0 }, cut(SECOND, 5 * SECOND)]).unwrap();
    assert_eq!(runs(&plan), [(Some(0), 0, 25), (None, 25, 100)]);
    let [intro, main] = plan.audio[0].parts.as_slice() else { panic!("two parts") };
    assert_eq!(
        (intro.samples, intro.sound.as_ref().unwrap().kept.as_slice()),
        (Some(48_000), &[(48_000, 96_000)][..])
    );
    assert_eq!(
        (main.samples, main.sound.as_ref().unwrap().kept.as_slice()),
        (Some(144_000), &[(0, 144_000)][..])
    );
    // Only the intro is left, in the source's size and at its rate.
    let plan = planned(&source, &[Edit::AddIntro { file: 0 }, cut(0, SECOND)]).unwrap();
    assert_eq!((runs(&plan), plan.video.unwrap().renditions[0].height), (vec![(Some(0), 0, 25)], 360));
}

#[test]
fn a_silent_source_gets_the_sound_of_its_clips() {
    let silent = Source { audio: Vec::new(), inserts: vec![clip((25, 1), 50, true)], ..film() };
    let plan = planned(&silent, &[Edit::AddIntro { file: 0 }]).unwrap();
    assert_eq!(sounds(&plan.audio[0].parts), [(Some(88_200), Some(Some(0))), (Some(30 * 44_100), None)]);
    let mute = Source { inserts: vec![clip((25, 1), 50, false)], ..silent };
    assert_eq!(planned(&mute, &[Edit::AddIntro { file: 0 }]).unwrap().audio, []);
}

#[test]
fn marks_lie_on_what_was_there_when_they_were_laid_on() {
    let picture = Insert::Mark { width: 200, height: 100 };
    let source = Source { inserts: vec![picture.clone(), clip((25, 1), 50, true)], ..film() };
    let expected = Mark { file: 0, width: 72, height: 36, left: 550, top: 18 };
    let marks = |plan: &Plan| -> Vec<usize> {
        let video = plan.video.as_ref().unwrap();
        assert_eq!(video.marks, [expected]);
        let mut counts: Vec<_> = video.chunks.iter().map(|chunk| video.marks_of(chunk).len()).collect();
        counts.dedup();
        counts
    };
    let intro = Edit::AddIntro { file: 1 };
    assert_eq!(marks(&planned(&source, &[mark(0), intro.clone()]).unwrap()), [0, 1]);
    assert_eq!(marks(&planned(&source, &[intro, mark(0)]).unwrap()), [1]);
    let marked = Source { inserts: vec![picture], ..film() };
    let (plan, plain) = (planned(&marked, &[mark(0)]).unwrap(), planned(&film(), &[]).unwrap());
    assert_eq!(marks(&plan), [1]);
    assert_eq!((&plan.video.unwrap().chunks, &plan.audio), (&plain.video.unwrap().chunks, &plain.audio));
}

#[test]
fn what_cannot_be_put_in_is_refused_in_words() {
    let check = |source: Source, edits: &[Edit], words: &str| {
        let failure = planned(&source, edits).unwrap_err();
        assert!(failure.message.contains(words), "{failure:?}");
    };
    let sound = fixtures::source(Vec::new(), vec![fixtures::audio("aac", 48_000, 2, 128_000)], 0);
    let intro = [Edit::AddIntro { file: 0 }];
    check(
        Source { inserts: vec![Insert::Clip(sound.clone())], ..film() },
        &intro,
        "file 1 of the edits: it holds no video",
    );
    check(
        Source { inserts: vec![clip((25, 1), 9, true)], ..sound },
        &intro,
        "no video to which files could be added",
    );
    check(film(), &intro, "does not say what the edits put in");
    check(
        Source { inserts: vec![Insert::Mark { width: 2, height: 2 }], ..film() },
        &intro,
        "does not say what",
    );
}

proptest! {
    #[test]
    fn nothing_is_lost_at_any_joint(
        rates in proptest::collection::vec((1_i64..80, 1_i64..90), 2), sounds in any::<[bool; 2]>(),
        (start, length) in (0_u64..34, 1_u64..40), gap in (0_u64..30, 1_u64..9), slots in 1_u32..40,
    ) {
        let inserts = (0..2).map(|at| clip((rates[at].0 * 1000, 1000), rates[at].1, sounds[at])).collect();
        let source = Source { inserts, ..film() };
        let edits = [
            Edit::RemoveSegments { segments: vec![(gap.0 * SECOND, (gap.0 + gap.1) * SECOND)] },
            Edit::AddIntro { file: 0 },
            Edit::AddOutro { file: 1 },
            cut(start * SECOND, (start + length) * SECOND),
        ];
        let request = Request { slots, chunk_seconds: None, early: false };
        let Ok(plan) = plan_edited(&source, &profile(), &request, &edits) else { return Ok(()) };
        let video = plan.video.as_ref().unwrap();
        let grid = &video.grids[0];
        // Frames of a twenty-fifth of a second, but for the joints that cuts make.
        let frame = i64::from(grid.timescale) / 25;
        let uneven: u64 = grid.times.steps().filter(|&(step, _)| step != frame).map(|(_, count)| count).sum();
        prop_assert!(uneven <= 4 && grid.times.steps().all(|(step, _)| step <= 2 * frame));
        let mut next = 0;
        for chunk in &video.chunks {
            prop_assert_eq!(chunk.slices[0].start_frame, next);
            next = chunk.slices[0].end_frame;
            let shown = grid.source_pts.slice(chunk.slices[0].start_frame, next);
            let of = match video.clip_of(chunk).map(|clip| &source.inserts[clip.file as usize]) {
                Some(Insert::Clip(clip)) => clip,
                _ => &source,
            };
            prop_assert!(shown.is_sorted() && shown.iter().all(|pts| of.video[0].pts.contains(pts)));
            prop_assert!(chunk.seek_pts.is_none_or(|seek| seek <= shown[0]));
        }
        prop_assert_eq!(next, grid.frame_count());
        // Sound is as long as the pictures, within a frame.
        let ends = grid.times.last().unwrap() * 48_000 / i64::from(grid.timescale);
        let rate = i64::from(plan.audio[0].sample_rate_hz);
        let heard = i64::try_from(plan.audio[0].duration_ticks).unwrap() * 48_000 / rate;
        prop_assert!((ends - heard).abs() <= 2 * 48_000 / 25, "{} and {}", ends, heard);
    }
}
