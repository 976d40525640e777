//! Still-image videos (PeerTube's audio merge): a source with sound and no video shows the picture that was submitted
//! with it, its cover, or a plain picture, for as long as the sound lasts. The plan is that of a video of equal frames, so all that holds for videos holds for it.

use flotilla_profiles::VideoRules;

use super::timeline::Moment;
use super::{Request, plan_video};
use crate::domain::plan::{AudioPlan, Still, VideoPlan};
use crate::domain::source::{PictureFacts, Source, VideoStream};
use crate::domain::{Failure, Rational, source::Colour};

/// PeerTube's.
const FRAMES_PER_SECOND: i64 = 25;
/// A still picture needs no more; PeerTube's limit.
const MAX_HEIGHT: u32 = 480;
/// The plain picture.
const BLANK_SIZE: (u32, u32) = (854, 480);
/// The longest video that is made of a picture, seconds: two days.
const MAX_SECONDS: u64 = 48 * 3600;
const UNSPECIFIED: u8 = 2;

/// The picture's part of the plan; none: the profile wants no such video, or there is no sound.
pub(super) fn plan(
    source: &Source,
    rules: &VideoRules,
    audio: &[AudioPlan],
    segment_seconds: u32,
    request: &Request,
) -> Result<Option<VideoPlan>, Failure> {
    let frame_count = audio.iter().map(frames_until_end).max().unwrap_or(0);
    let is_given = source.video.iter().any(|stream| stream.picture.given);
    if !(rules.still_image || is_given) || frame_count == 0 {
        return Ok(None);
    }
    let (still, stream) = shown(source, frame_count);
    let Some(zero) = Moment::new(0, stream.time_base) else { return Ok(None) };
    // The sound's rate says nothing about what the picture needs.
    let unrated = Source { bitrate_bps: 0, video: Vec::new(), audio: Vec::new(), ..source.clone() };
    let rules = still_rules(rules, &stream, segment_seconds);
    let (mut video, _) = plan_video(&unrated, (&stream, &[]), &rules, zero, request)?;
    for grid in &mut video.grids {
        grid.source_pts = (0..grid.source_pts.len()).map(|_| 0).collect();
    }
    for chunk in &mut video.chunks {
        chunk.seek_pts = None;
    }
    video.still = Some(still);
    Ok(Some(video))
}

/// For the report.
pub(super) fn note(still: Still) -> String {
    match still {
        Still::Cover => "the source has no video; its cover picture is shown".to_owned(),
        Still::Given => "the picture that was submitted is shown".to_owned(),
        Still::Blank => "the source has neither video nor cover; a plain picture is shown".to_owned(),
    }
}

fn frames_until_end(track: &AudioPlan) -> i64 {
    let rate = u64::from(track.sample_rate_hz.max(1));
    let samples = track.start_ticks.saturating_add(track.duration_ticks).min(MAX_SECONDS * rate);
    let frames = (samples * FRAMES_PER_SECOND.unsigned_abs()).div_ceil(rate);
    i64::try_from(frames).unwrap_or(0)
}

/// The submitted picture, the cover, or a plain one, as if it were a video.
fn shown(source: &Source, frame_count: i64) -> (Still, VideoStream) {
    let usable = |stream: &&VideoStream| {
        let side = 1..=super::check::MAX_SIDE;
        stream.attached_picture && side.contains(&stream.width) && side.contains(&stream.height)
    };
    let base = Rational { numerator: 1, denominator: FRAMES_PER_SECOND };
    let video = |picture: VideoStream| VideoStream {
        time_base: base,
        frame_rate: Rational { numerator: FRAMES_PER_SECOND, denominator: 1 },
        interlaced: false,
        pts: (0..frame_count).collect(),
        keyframes: (0..u32::try_from(frame_count).unwrap_or(0)).collect(),
        last_duration: 1,
        bitrate_bps: 0,
        ..picture
    };
    let given = source.video.iter().filter(usable).find(|stream| stream.picture.given);
    match given.or_else(|| source.video.iter().find(usable)) {
        Some(picture) if picture.picture.given => (Still::Given, video(picture.clone())),
        Some(cover) => (Still::Cover, video(cover.clone())),
        None => (Still::Blank, video(blank(base))),
    }
}

fn blank(time_base: Rational) -> VideoStream {
    let unspecified = UNSPECIFIED;
    VideoStream {
        index: 0,
        codec: String::new(),
        width: BLANK_SIZE.0,
        height: BLANK_SIZE.1,
        sample_aspect_ratio: None,
        rotation_degrees: 0,
        pixel_format: "yuv420p".to_owned(),
        time_base,
        frame_rate: time_base,
        colour: Colour {
            primaries: unspecified,
            transfer: unspecified,
            matrix: unspecified,
            full_range: false,
        },
        interlaced: false,
        attached_picture: true,
        is_default: true,
        pts: Vec::new(),
        keyframes: Vec::new(),
        last_duration: 1,
        block_bytes: Vec::new(),
        bitrate_bps: 0,
        picture: PictureFacts::default(),
    }
}

/// Small pictures, a keyframe per segment, and the encoder told that nothing moves.
fn still_rules(rules: &VideoRules, stream: &VideoStream, segment_seconds: u32) -> VideoRules {
    let mut rules = rules.clone();
    rules.heights.retain(|&height| height <= MAX_HEIGHT);
    rules.keep_source_size = stream.width.min(stream.height) <= MAX_HEIGHT;
    if rules.heights.is_empty() && !rules.keep_source_size {
        rules.heights.push(MAX_HEIGHT);
    }
    rules.gop_seconds = rules.gop_seconds.max(segment_seconds);
    if rules.encoder == "libx264" {
        rules.settings.insert("tune".to_owned(), "stillimage".to_owned());
    }
    rules
}

#[cfg(test)]
mod tests {
    use flotilla_profiles::{Library, Profile};

    use super::super::{fixtures, plan as plan_all};
    use super::*;
    use crate::domain::Plan;

    fn profile(name: &str) -> Profile {
        Library::load(None).unwrap().get(name).unwrap().clone()
    }

    fn planned(video: Vec<VideoStream>, profile: &Profile) -> Plan {
        let source = fixtures::source(video, vec![fixtures::audio("mp3", 44_100, 2, 128_000)], 128_000);
        plan_all(&source, profile, &Request { slots: 1, chunk_seconds: Some(10), early: false }).unwrap()
    }

    fn cover(side: u32) -> VideoStream {
        let picture = fixtures::video(side, side, (1, 90_000), 1, 0);
        VideoStream { attached_picture: true, keyframes: Vec::new(), ..picture }
    }

    #[test]
    fn a_song_shows_its_cover_until_its_end() {
        let plan = planned(vec![cover(1400)], &profile("web-audio"));
        let video = plan.video.expect("a video");
        let sizes: Vec<_> = video.renditions.iter().map(|rung| (rung.width, rung.height)).collect();
        assert_eq!(sizes, [(480, 480), (360, 360), (240, 240), (144, 144)]);
        let grid = &video.grids[0];
        assert_eq!((grid.frame_count(), grid.gop_frames), (750, 100));
        assert!(grid.source_pts.iter().all(|pts| pts == 0));
        assert_eq!(grid.times.last(), Some(30 * i64::from(grid.timescale)));
        assert_eq!((video.still, video.chunks.len()), (Some(Still::Cover), 3));
        assert_eq!(video.renditions[0].settings["tune"], "stillimage");
        assert_eq!(plan.notes, ["the source has no video; its cover picture is shown"]);
    }

    #[test]
    fn without_a_cover_there_is_a_plain_picture() {
        let video = planned(Vec::new(), &profile("web-audio")).video.expect("a video");
        assert_eq!(video.still, Some(Still::Blank));
        assert_eq!((video.renditions[0].width, video.renditions[0].height), (854, 480));
    }

    #[test]
    fn a_submitted_picture_comes_before_the_cover_whatever_the_profile() {
        let given = cover(600);
        let picture = PictureFacts { given: true, ..given.picture };
        let given = VideoStream { width: 1200, picture, ..given };
        let plan = planned(vec![cover(1400), given.clone()], &profile("web"));
        let video = plan.video.expect("a video");
        assert_eq!(
            (video.still, video.renditions[0].width, video.renditions[0].height),
            (Some(Still::Given), 960, 480)
        );
        assert_eq!(plan.notes, ["the picture that was submitted is shown"]);
        let film = planned(vec![fixtures::video(640, 360, (1, 24), 1, 48), given], &profile("web"));
        assert_eq!(film.video.expect("a video").still, None);
        assert_eq!(film.notes, ["the source has a video; the picture that was submitted is left out"]);
    }

    #[test]
    fn other_profiles_make_sound_of_sound_and_a_video_stays_a_video() {
        assert_eq!(planned(vec![cover(600)], &profile("web")).video, None);
        let video = fixtures::video(640, 360, (1, 24), 1, 48);
        assert_eq!(planned(vec![video], &profile("web-audio")).video.expect("a video").still, None);
    }
}
