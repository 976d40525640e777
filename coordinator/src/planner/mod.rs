//! The planner: from a probed source, a profile and the size of the fleet to an immutable plan. Pure: no I/O, no clock, no
//! chance. With a fixed chunk length the same source and profile always give the same plan, whatever the fleet.

mod audio;
mod check;
mod chunks;
mod colour;
mod early;
mod effort;
mod falling;
mod grid;
mod places;
mod renditions;
mod sizes;
mod still;
mod tasks;
mod text;
mod thinning;
mod timeline;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod shapes;

use flotilla_profiles::{Profile, VideoRules};

use self::chunks::Wanted;
use self::grid::{Draft, Frames, Pace};
use self::sizes::Sizes;
pub use self::tasks::tasks;
use self::timeline::Moment;
use crate::domain::plan::{Package, Rendition, VideoPlan};
use crate::domain::source::{Source, VideoStream};
use crate::domain::{Failure, FailureClass, Plan};

/// What besides source and profile shapes a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Tasks that the fleet can run at once; 0 counts as 1. Without influence when `chunk_seconds` is given.
    pub slots: u32,
    /// Longest chunk, give or take a GOP; none: by length and fleet.
    pub chunk_seconds: Option<u32>,
    /// Show the video while it is being encoded.
    pub early: bool,
}

/// Makes the plan.
///
/// # Errors
/// Class source when the source holds nothing that the profile makes, profile when the profile names what nobody knows,
/// verify when the probe report contradicts itself.
pub fn plan(source: &Source, profile: &Profile, request: &Request) -> Result<Plan, Failure> {
    let video = profile.video.as_ref().and(check::picked_video(source)?);
    let sounding = check::sounding_audio(source)?;
    let chosen = audio::chosen(&sounding, profile.audio.as_ref());
    if video.is_none() && chosen.is_empty() {
        return Err(nothing_to_make(profile));
    }
    let first_frame = video.and_then(|stream| Moment::new(stream.pts[0], stream.time_base));
    let first_samples = chosen.iter().filter_map(|stream| audio::first_sample(stream));
    let zero = first_frame.into_iter().chain(first_samples).reduce(Moment::or_earlier);
    let (video_plan, cut_note) = match (video, &profile.video, zero) {
        (Some(stream), Some(rules), Some(zero)) => {
            let (plan, note) = plan_video(source, stream, rules, zero, request)?;
            (Some(plan), note)
        }
        _ => (None, None),
    };
    let segment_seconds = profile.package.segment_seconds;
    let audio_plan = match &profile.audio {
        Some(rules) => audio::plan(&chosen, rules, zero, segment_seconds)?,
        None => Vec::new(),
    };
    let video_plan = match &profile.video {
        Some(rules) if video.is_none() => still::plan(source, rules, &audio_plan, segment_seconds, request)?,
        _ => video_plan,
    };
    let package = &profile.package;
    Ok(Plan {
        profile: profile.name.clone(),
        demuxer: source.demuxer.clone(),
        notes: notes(source, profile, (video, video_plan.as_ref()), (chosen.len(), sounding.len()))
            .into_iter()
            .chain(cut_note)
            .collect(),
        video: video_plan,
        audio: audio_plan,
        text: text::plan(&source.text, profile.text.as_ref().filter(|_| profile.package.hls), zero),
        // Only playlists can grow.
        early: request.early && package.hls,
        package: Package { hls: package.hls, progressive: package.progressive, segment_seconds },
    })
}

fn plan_video(
    source: &Source,
    stream: &VideoStream,
    rules: &VideoRules,
    zero: Moment,
    request: &Request,
) -> Result<(VideoPlan, Option<String>), Failure> {
    colour::check(stream)?;
    let frames = Frames::new(stream, zero);
    let shown = renditions::shown_size(stream);
    let input_bps = if source.bitrate_bps > 0 { source.bitrate_bps } else { stream.bitrate_bps };
    let mut paces: Vec<Pace> = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut ladder: Vec<Rendition> = Vec::new();
    for step in renditions::steps(shown, &frames, rules) {
        let grid_index = paces.iter().position(|pace| *pace == step.pace).unwrap_or_else(|| {
            paces.push(step.pace);
            drafts.push(frames.draft(step.pace, rules.gop_seconds));
            paces.len() - 1
        });
        let grid = (u32::try_from(grid_index).expect("ladders are short"), drafts[grid_index].frame_rate);
        ladder.push(renditions::rendition(step, grid, (shown, input_bps), rules)?);
    }
    let wanted = match request.chunk_seconds {
        Some(seconds) => Wanted::of_length(duration_ms(&drafts[0]), seconds),
        None => Wanted::Falling(Sizes::of(&drafts, &ladder, request.slots)),
    };
    let (chunks, note) = match request.early {
        true => (early::cut(&drafts, stream, &wanted), None),
        false => chunks::cut(&drafts, stream, &wanted),
    };
    let plan = VideoPlan {
        stream_index: stream.index,
        rotation_degrees: stream.rotation_degrees,
        interlaced: stream.interlaced,
        picture: renditions::source_picture(stream),
        colour: colour::output_colour(stream),
        grids: drafts.into_iter().map(Draft::into_grid).collect(),
        renditions: ladder,
        chunks,
        still: None,
    };
    Ok((plan, note))
}

fn duration_ms(draft: &Draft) -> u64 {
    let ticks = draft.times[draft.times.len() - 1] - draft.times[0];
    u64::try_from(i128::from(ticks) * 1000 / i128::from(draft.timescale)).unwrap_or(0)
}

fn nothing_to_make(profile: &Profile) -> Failure {
    let missing = match (&profile.video, &profile.audio) {
        (Some(_), Some(_)) => "neither video nor audio",
        (Some(_), None) => "no video, and that is all",
        (None, _) => "no audio, and that is all",
    };
    let message = match missing {
        "neither video nor audio" => "the source holds neither video nor audio".to_owned(),
        missing => format!("the source holds {missing} that profile {:?} makes", profile.name),
    };
    Failure { class: FailureClass::Source, message }
}

/// What is left out or changed, for people.
fn notes(
    source: &Source,
    profile: &Profile,
    (video, planned): (Option<&VideoStream>, Option<&VideoPlan>),
    (used, sounding): (usize, usize),
) -> Vec<String> {
    let mut notes = Vec::new();
    let videos = source.video.iter().filter(|stream| !stream.attached_picture).count();
    if let Some(stream) = video {
        if videos > 1 {
            notes.push(format!("the source has {videos} video tracks, 1 is used"));
        }
        if stream.interlaced {
            notes.push("the source is interlaced; it is deinterlaced".to_owned());
        }
        if let Some(kind) = colour::hdr_kind(stream) {
            notes.push(format!("the source is HDR ({kind}); it is converted to SDR"));
        }
    } else if let Some(still) = planned.and_then(|video| video.still) {
        notes.push(still::note(still));
    } else if videos > 0 {
        notes.push(format!("profile {} makes no video; the source's is left out", profile.name));
    }
    if used < sounding {
        let (tracks, are) =
            (if sounding == 1 { "track" } else { "tracks" }, if used == 1 { "is" } else { "are" });
        notes.push(format!("the source has {sounding} audio {tracks}, {used} {are} used"));
    }
    notes
}
