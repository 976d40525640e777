//! The storyboard: for each of its pictures the source frame shown at that time, and the keyframe from which that is
//! decoded. Only the way from a keyframe to a picture is decoded, so a long video costs little more than a short one.

use flotilla_profiles::StoryboardRules;

use super::timeline::Moment;
use super::{chunks, colour, renditions};
use crate::domain::plan::{Seek, SourcePicture, StoryboardPlan};
use crate::domain::source::VideoStream;
use crate::domain::{Failure, FailureClass, Rational};

/// One second.
const SECOND: Rational = Rational { numerator: 1, denominator: 1 };

/// Plans the storyboard of a video.
pub(super) fn plan(stream: &VideoStream, rules: &StoryboardRules) -> Result<StoryboardPlan, Failure> {
    colour::check(stream)?;
    if let Some(problem) = rules.problem() {
        let message = format!("the profile's storyboard cannot be made: {problem}");
        return Err(Failure { class: FailureClass::Profile, message });
    }
    let most = u64::from(rules.columns) * u64::from(rules.rows);
    let sprites = shown(stream, rules.seconds_per_sprite)
        .take(usize::try_from(most).unwrap_or(usize::MAX))
        .map(|pts| Seek { seek_pts: chunks::seek_for(stream, pts), pts });
    Ok(StoryboardPlan {
        stream_index: stream.index,
        rotation_degrees: stream.rotation_degrees,
        interlaced: stream.interlaced,
        // A JPEG has a matrix of its own.
        picture: SourcePicture { colour: colour::likely(stream), ..renditions::source_picture(stream) },
        sprite_width: rules.sprite_width,
        sprite_height: rules.sprite_height,
        columns: rules.columns,
        rows: rules.rows,
        seconds_per_sprite: rules.seconds_per_sprite,
        sprites: sprites.collect(),
    })
}

/// The frame shown at the start, and then at every so many seconds, up to the end of the last one.
fn shown(stream: &VideoStream, seconds: u32) -> impl Iterator<Item = i64> + '_ {
    let first = stream.pts[0];
    let last = stream.pts[stream.pts.len() - 1];
    let end = Moment::new(last.saturating_add(stream.last_duration.max(1)), stream.time_base);
    let length_us = end.zip(Moment::new(first, stream.time_base));
    let length_us = length_us.map_or(0, |(end, first)| end.since(first, 1_000_000));
    let times = (0..).map(move |number: i64| number.saturating_mul(i64::from(seconds)));
    times.take_while(move |time| time.saturating_mul(1_000_000) < length_us.max(1)).map(move |time| {
        let pts = first.saturating_add(SECOND.rescale(time, stream.time_base));
        stream.pts[stream.pts.partition_point(|&other| other <= pts).saturating_sub(1)]
    })
}

#[cfg(test)]
mod tests {
    use flotilla_profiles::{Library, Profile};

    use super::super::{Request, fixtures, plan as plan_all, tasks};
    use super::*;
    use crate::domain::TaskKind;

    const RULES: StoryboardRules =
        StoryboardRules { sprite_width: 160, sprite_height: 90, columns: 3, rows: 2, seconds_per_sprite: 2 };
    const REQUEST: Request = Request { slots: 1, chunk_seconds: Some(10), early: true };

    fn stream(frames: i64) -> VideoStream {
        let keyframes = (0..u32::try_from(frames).unwrap()).step_by(40).collect();
        VideoStream { keyframes, ..fixtures::video(1280, 720, (1, 25), 1, frames) }
    }

    fn check(frames: i64, expected: &[(Option<i64>, i64)]) {
        let sprites = plan(&stream(frames), &RULES).unwrap().sprites;
        let found: Vec<_> = sprites.iter().map(|sprite| (sprite.seek_pts, sprite.pts)).collect();
        assert_eq!(found, expected, "{frames} frames");
    }

    #[test]
    fn a_picture_is_what_is_shown_at_its_time() {
        check(1, &[(None, 0)]);
        check(50, &[(None, 0)]);
        check(51, &[(None, 0), (Some(40), 50)]);
        let six = [
            (None, 0),
            (Some(40), 50),
            (Some(80), 100),
            (Some(120), 150),
            (Some(200), 200),
            (Some(240), 250),
        ];
        check(2000, &six);
    }

    #[test]
    fn a_frame_that_lasts_is_shown_again() {
        let stream = VideoStream { pts: vec![7, 20, 180], ..stream(3) };
        let sprites = plan(&VideoStream { keyframes: vec![0], ..stream }, &RULES).unwrap().sprites;
        assert_eq!(sprites.iter().map(|sprite| sprite.pts).collect::<Vec<_>>(), [7, 20, 20, 20]);
    }

    fn profile() -> Profile {
        let web = Library::load(None).unwrap().get("web").unwrap().clone();
        Profile { storyboard: Some(RULES), ..web }
    }

    #[test]
    fn a_profile_may_want_nothing_else() {
        let source = fixtures::source(vec![stream(200)], vec![fixtures::audio("aac", 48_000, 2, 0)], 0);
        let alone = Profile { video: None, audio: None, text: None, ..profile() };
        let plan = plan_all(&source, &alone, &REQUEST).unwrap();
        assert!(plan.video.is_none() && plan.audio.is_empty() && !plan.package.hls && !plan.early);
        let kinds: Vec<_> = tasks(&plan).into_iter().map(|task| task.kind).collect();
        assert_eq!((kinds, plan.notes.len()), (vec![TaskKind::Storyboard], 0));
        let beside = plan_all(&source, &profile(), &REQUEST).unwrap();
        assert_eq!((beside.storyboard, beside.package.hls), (plan.storyboard, true));
    }

    #[test]
    fn sound_alone_has_none_and_what_nobody_can_draw_is_refused() {
        let song = fixtures::source(Vec::new(), vec![fixtures::audio("aac", 48_000, 2, 0)], 0);
        assert!(plan_all(&song, &profile(), &REQUEST).unwrap().storyboard.is_none());
        let alone = Profile { video: None, audio: None, text: None, ..profile() };
        let refused = plan_all(&song, &alone, &REQUEST).unwrap_err();
        assert!(refused.message.contains("no video, and that is all"), "{}", refused.message);
        let huge = StoryboardRules { columns: 1000, ..RULES };
        assert_eq!(plan(&stream(50), &huge).unwrap_err().class, FailureClass::Profile);
    }
}
