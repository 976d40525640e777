//! The planner: from a probed source, a profile and the size of the fleet to an immutable plan. Pure: no I/O, no clock, no
//! chance. With a fixed chunk length the same source and profile always give the same plan, whatever the fleet.

mod audio;
mod balance;
mod check;
mod chunks;
mod colour;
mod early;
mod edits;
mod effort;
mod falling;
mod grid;
mod hardware;
mod places;
mod renditions;
mod sizes;
mod still;
mod storyboard;
mod tasks;
mod text;
mod thinning;
mod timeline;

#[cfg(test)]
mod exact;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod shapes;

use flotilla_profiles::{AudioRules, Profile, StoryboardRules, TextChoice, VideoRules};

use self::chunks::{Joints, Wanted};
use self::edits::{Edited, Kept};
use self::grid::{Draft, Frames, Pace};
use self::sizes::Sizes;
pub use self::tasks::tasks;
use self::timeline::Moment;
use crate::domain::edit::Edit;
use crate::domain::plan::{AudioPlan, Package, Rendition, StoryboardPlan, VideoPlan};
use crate::domain::source::{AudioStream, Source, VideoStream};
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
    plan_edited(source, profile, request, &[])
}

/// Makes the plan of an edited video.
///
/// # Errors
/// As [`plan`]; class profile too when an edit contradicts itself, class source when the edits leave nothing or put in what
/// cannot be put in.
pub fn plan_edited(
    source: &Source,
    profile: &Profile,
    request: &Request,
    edits: &[Edit],
) -> Result<Plan, Failure> {
    let picked = check::picked_video(source)?;
    let video = profile.video.as_ref().and(picked);
    let sounding = check::sounding_audio(source)?;
    let chosen = audio::chosen(&sounding, profile.audio.as_ref());
    let drawn = profile.storyboard.as_ref().zip(picked);
    if video.is_none() && chosen.is_empty() && drawn.is_none() {
        return Err(nothing_to_make(profile));
    }
    let first_frame = video
        .or(drawn.map(|(_, stream)| stream))
        .and_then(|stream| Moment::new(stream.pts[0], stream.time_base));
    let first_samples = chosen.iter().filter_map(|stream| audio::first_sample(stream));
    let zero = first_frame.into_iter().chain(first_samples).reduce(Moment::or_earlier);
    let kept = Kept::of(edits, source, (video, &chosen, zero))?;
    let drawn = drawn.filter(|_| kept.as_ref().is_none_or(Kept::is_source));
    let edited = match (&kept, picked.filter(|_| video.is_some() || drawn.is_some()), zero) {
        (Some(kept), Some(stream), Some(zero)) => Some(kept.video(stream, zero)?),
        _ => None,
    };
    let storyboard = drawn.map(|(rules, stream)| draw(stream, rules, edited.as_ref())).transpose()?;
    let (video_plan, cut_note) = match (video, &profile.video, zero) {
        (Some(stream), Some(rules), Some(zero)) => {
            let shown = edited.as_ref().map_or(stream, |edited| &edited.stream);
            let joints = edited.as_ref().map(Edited::joints).unwrap_or_default();
            let (mut plan, note) = plan_video(source, (shown, &joints), rules, zero, request)?;
            if let (Some(edited), Some(kept)) = (&edited, &kept) {
                edited.restore(&mut plan, stream, kept)?;
                kept.put_clips(&mut plan);
            }
            edits::put_marks(&mut plan, source, edits)?;
            (Some(plan), note)
        }
        _ => (None, None),
    };
    let segment_seconds = profile.package.segment_seconds;
    let audio_plan = sound((source, profile), &chosen, zero, kept.as_ref())?;
    let video_plan = match &profile.video {
        Some(rules) if video.is_none() => still::plan(source, rules, &audio_plan, segment_seconds, request)?,
        _ => video_plan,
    };
    let plays = video_plan.is_some() || !audio_plan.is_empty();
    Ok(Plan {
        profile: profile.name.clone(),
        demuxer: source.demuxer.clone(),
        notes: notes(source, profile, (video, video_plan.as_ref()), (chosen.len(), sounding.len()))
            .into_iter()
            .chain(cut_note)
            .chain(edited_notes(source, profile, kept.as_ref()))
            .collect(),
        video: video_plan,
        audio: audio_plan,
        text: match kept {
            None => text::plan(&source.text, profile.text.as_ref().filter(|_| profile.package.hls), zero),
            Some(_) => Vec::new(),
        },
        storyboard,
        // Only playlists can grow.
        early: request.early && profile.package.hls && plays,
        package: package(profile, plays),
    })
}

fn sound(
    (source, profile): (&Source, &Profile),
    chosen: &[&AudioStream],
    zero: Option<Moment>,
    kept: Option<&Kept>,
) -> Result<Vec<AudioPlan>, Failure> {
    let segment_seconds = profile.package.segment_seconds;
    let Some(rules) = &profile.audio else { return Ok(Vec::new()) };
    let Some(kept) = kept else { return audio::plan(chosen, rules, zero, segment_seconds) };
    // Packets cannot be cut to the sample, so none are copied.
    let rules = AudioRules { copy: false, ..rules.clone() };
    // A silent source becomes as loud as what is put in.
    let of_clips: Vec<_> = kept.sound_of_clips().into_iter().collect();
    let streams = if chosen.is_empty() { &of_clips[..] } else { chosen };
    let tracks = audio::plan(streams, &rules, zero, segment_seconds)?;
    let of_source = chosen.iter().copied().map(Some).chain(std::iter::repeat(None));
    let cut = |(mut track, stream)| kept.cut_sound(&mut track, source, (stream, zero)).then_some(track);
    Ok(tracks.into_iter().zip(of_source).filter_map(cut).collect())
}

/// What a profile publishes; of what does not play, nothing.
fn package(profile: &Profile, plays: bool) -> Package {
    let rules = &profile.package;
    Package {
        hls: rules.hls && plays,
        progressive: rules.progressive && plays,
        muxed: rules.muxed && plays,
        segment_seconds: rules.segment_seconds,
    }
}

fn draw(
    stream: &VideoStream,
    rules: &StoryboardRules,
    edited: Option<&Edited>,
) -> Result<StoryboardPlan, Failure> {
    let Some(edited) = edited else { return storyboard::plan(stream, rules) };
    let mut plan = storyboard::plan(&edited.stream, rules)?;
    edited.restore_storyboard(&mut plan, stream);
    Ok(plan)
}

/// Subtitles of an edited video would come at the wrong times; a storyboard is drawn of one file.
fn edited_notes(source: &Source, profile: &Profile, kept: Option<&Kept>) -> Vec<String> {
    let wanted = profile.text.as_ref().is_some_and(|rules| rules.tracks == TextChoice::All);
    let silent = kept.is_some() && wanted && !source.text.is_empty();
    let undrawn = profile.storyboard.is_some() && kept.is_some_and(|kept| !kept.is_source());
    let notes = [
        silent.then_some("the video is edited; the source's subtitles are left out"),
        undrawn.then_some("the video is made of several files; no storyboard is drawn"),
    ];
    notes.into_iter().flatten().map(str::to_owned).collect()
}

fn plan_video(
    source: &Source,
    (stream, joints): (&VideoStream, &[i64]),
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
    for step in renditions::steps(shown, &frames, rules)? {
        let grid_index = paces.iter().position(|pace| *pace == step.pace).unwrap_or_else(|| {
            paces.push(step.pace);
            drafts.push(frames.draft(step.pace, rules.gop_seconds));
            paces.len() - 1
        });
        let grid = (u32::try_from(grid_index).expect("ladders are short"), drafts[grid_index].frame_rate);
        ladder.push(renditions::rendition(step, grid, (shown, input_bps), rules)?);
    }
    let rates: Vec<_> = drafts.iter().map(|draft| draft.frame_rate).collect();
    renditions::tell_apart(&mut ladder, &rates);
    hardware::allow(&mut ladder, rules, request.early);
    let wanted = match request.chunk_seconds {
        Some(seconds) => Wanted::of_length(duration_ms(&drafts[0]), seconds),
        None => Wanted::Falling(Sizes::of(&drafts, &ladder, request.slots)),
    };
    let joints = Joints::of(&drafts, joints);
    let (chunks, note) = match request.early {
        true => (early::cut(&drafts, stream, &wanted, &joints), None),
        false => chunks::cut(&drafts, stream, &wanted, &joints),
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
        clips: Vec::new(),
        marks: Vec::new(),
    };
    Ok((plan, note))
}

fn duration_ms(draft: &Draft) -> u64 {
    let ticks = draft.times[draft.times.len() - 1] - draft.times[0];
    u64::try_from(i128::from(ticks) * 1000 / i128::from(draft.timescale)).unwrap_or(0)
}

fn nothing_to_make(profile: &Profile) -> Failure {
    let pictures = profile.video.is_some() || profile.storyboard.is_some();
    let missing = match (pictures, &profile.audio) {
        (true, Some(_)) => "neither video nor audio",
        (true, None) => "no video, and that is all",
        (false, _) => "no audio, and that is all",
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
        if source.video.iter().any(|stream| stream.picture.given) {
            let left_out = "the source has a video; the picture that was submitted is left out";
            notes.push(left_out.to_owned());
        }
        if stream.interlaced {
            notes.push("the source is interlaced; it is deinterlaced".to_owned());
        }
        if let Some(kind) = colour::hdr_kind(stream) {
            notes.push(format!("the source is HDR ({kind}); it is converted to SDR"));
        }
    } else if let Some(still) = planned.and_then(|video| video.still) {
        notes.push(still::note(still));
    } else if videos > 0 && profile.audio.is_some() {
        notes.push(format!("profile {} makes no video; the source's is left out", profile.name));
    }
    let plays = profile.video.is_some() || profile.audio.is_some();
    if used < sounding && plays {
        let (tracks, are) =
            (if sounding == 1 { "track" } else { "tracks" }, if used == 1 { "is" } else { "are" });
        notes.push(format!("the source has {sounding} audio {tracks}, {used} {are} used"));
    }
    notes
}
