//! Plans of the shapes of real clips, as snapshots to be read, and the refusals.

use std::fmt::Write;

use flotilla_profiles::Library;

use super::fixtures::{audio, source, video};
use super::{Request, plan, tasks};
use crate::domain::FailureClass;
use crate::domain::plan::{Plan, VideoPlan};
use crate::domain::source::{AudioStream, Source, VideoStream};

fn planned(source: &Source, profile: &str, slots: u32) -> Plan {
    let library = Library::load(None).unwrap();
    plan(source, library.get(profile).unwrap(), &Request { slots, chunk_seconds: None, early: false })
        .unwrap()
}

/// A plan in a few lines.
fn summary(plan: &Plan) -> String {
    let mut text = plan.video.as_ref().map(video_summary).unwrap_or_default();
    for track in &plan.audio {
        let start = track.start_ticks;
        let (name, encoder, rate) = (&track.name, &track.encoder, track.sample_rate_hz);
        let (channels, bits) = (track.channel_count, track.bitrate_bps);
        writeln!(text, "{name}: {encoder} {rate} Hz x{channels} {bits} bit/s from {start}").unwrap();
    }
    for task in tasks(plan) {
        let (kind, size, after) = (format!("{:?}", task.kind), task.size, task.depends_on);
        writeln!(text, "{kind} size {size} after {after:?} with {:?}", task.encoders).unwrap();
    }
    text + &plan.notes.join("\n")
}

fn video_summary(video: &VideoPlan) -> String {
    let mut text = String::new();
    for (index, grid) in video.grids.iter().enumerate() {
        let (rate, gop, scale) = (grid.frame_rate, grid.gop_frames, grid.timescale);
        let (frames, end) = (grid.frame_count(), grid.times.last().unwrap());
        let rate = format!("{}/{}", rate.numerator, rate.denominator);
        writeln!(text, "grid {index}: {frames} frames at {rate}, gop {gop}, ends at {end}/{scale}").unwrap();
    }
    for rendition in &video.renditions {
        let (name, grid) = (&rendition.name, rendition.grid_index);
        let (width, height, cap) = (rendition.width, rendition.height, rendition.max_bitrate_bps);
        writeln!(text, "{name}: {width}x{height} grid {grid} cap {cap}").unwrap();
    }
    for chunk in &video.chunks {
        let slices: Vec<_> =
            chunk.slices.iter().map(|slice| format!("{}..{}", slice.start_frame, slice.end_frame)).collect();
        writeln!(text, "chunk {} seek {:?}", slices.join(" "), chunk.seek_pts).unwrap();
    }
    writeln!(text, "top settings {:?}", video.renditions[0].settings).unwrap();
    text
}

/// The sintel trailer: 52 s at 24 frames a second, its time base as coarse as its frames.
fn trailer() -> Source {
    let keyframes = vec![0, 224, 334, 584, 621, 658, 772, 1022, 1140];
    let stream = VideoStream { keyframes, ..video(1280, 720, (1, 24), 1, 1253) };
    let sound = AudioStream { duration: 2_493_440, ..audio("aac", 48_000, 2, 126_694) };
    source(vec![stream], vec![sound], 1_165_807)
}

#[test]
fn a_trailer_of_720p24() {
    insta::assert_snapshot!(summary(&planned(&trailer(), "web", 2)));
}

#[test]
fn ten_silent_seconds_of_1080p60() {
    let stream = VideoStream { keyframes: vec![0, 250, 500], ..video(1920, 1080, (1, 15_360), 256, 600) };
    insta::assert_snapshot!(summary(&planned(&source(vec![stream], vec![], 837_589), "web", 2)));
}

#[test]
fn half_a_minute_of_480p24_with_six_channels() {
    let keyframes = vec![0, 250, 285, 378, 553];
    let stream = VideoStream { keyframes, ..video(854, 480, (1, 12_288), 512, 720) };
    let sound = audio("aac", 48_000, 6, 192_580);
    insta::assert_snapshot!(summary(&planned(&source(vec![stream], vec![sound], 1_103_143), "web-mp4", 2)));
}

#[test]
fn five_seconds_of_540p_at_an_ntsc_rate() {
    let stream = VideoStream { keyframes: vec![0, 90], ..video(960, 540, (1, 30_000), 1001, 150) };
    let sound = AudioStream { duration: 242_640, ..audio("aac", 48_000, 2, 256_000) };
    insta::assert_snapshot!(summary(&planned(&source(vec![stream], vec![sound], 1_785_756), "av1-rav1e", 2)));
}

#[test]
fn a_phone_video_is_turned_and_its_early_sound_comes_first() {
    let stream = VideoStream { rotation_degrees: 90, ..video(1920, 1080, (1, 90_000), 3000, 300) };
    let sound = AudioStream { first_pts: -4800, ..audio("aac", 48_000, 1, 96_000) };
    let plan = planned(&source(vec![stream], vec![sound], 0), "web", 1);
    let video = plan.video.unwrap();
    let top = &video.renditions[0];
    assert_eq!((top.name.as_str(), top.width, top.height), ("1080p", 1080, 1920));
    assert_eq!((video.grids[0].times.get(0), plan.audio[0].start_ticks), (Some(9000), 0));
}

#[test]
fn a_podcast_with_a_cover_is_sound_only() {
    let cover = VideoStream { attached_picture: true, ..video(600, 600, (1, 90_000), 3000, 1) };
    let podcast = source(vec![cover], vec![audio("mp3", 44_100, 2, 128_000)], 128_000);
    let plan = planned(&podcast, "web", 3);
    assert_eq!((plan.video.is_none(), plan.audio.len(), tasks(&plan).len()), (true, 1, 2));
}

fn check_refusal(source: &Source, profile: &str, class: FailureClass, message: &str) {
    let library = Library::load(None).unwrap();
    let request = Request { slots: 1, chunk_seconds: None, early: false };
    let failure = plan(source, library.get(profile).unwrap(), &request).unwrap_err();
    assert_eq!((failure.class, failure.message.as_str()), (class, message));
}

#[test]
fn a_source_without_anything_to_make_is_refused_in_one_sentence() {
    let silent = source(vec![video(64, 64, (1, 25), 1, 5)], vec![], 0);
    let nothing = source(vec![], vec![], 0);
    let no_audio = "the source holds no audio, and that is all that profile \"audio\" makes";
    check_refusal(&silent, "audio", FailureClass::Source, no_audio);
    check_refusal(&nothing, "web", FailureClass::Source, "the source holds neither video nor audio");
}

#[test]
fn a_probe_that_contradicts_itself_is_refused() {
    let backwards = VideoStream { pts: vec![2, 1], ..video(64, 64, (1, 25), 1, 2) };
    let message = "the probe of stream 0 contradicts itself: its frame times do not rise";
    check_refusal(&source(vec![backwards], vec![], 0), "web", FailureClass::Verify, message);
    let endless = VideoStream { pts: vec![i64::MIN, i64::MAX], ..video(64, 64, (1, 25), 1, 2) };
    let message = "the probe of stream 0 contradicts itself: its times are out of all bounds";
    check_refusal(&source(vec![endless], vec![], 0), "web", FailureClass::Verify, message);
}
