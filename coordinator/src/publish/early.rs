//! What is shown of a job while it is being encoded: EVENT playlists (RFC 8216 §4.3.3.5) over the sealed chunks, in order
//! of time, as far as they are there without a gap.
//!
//! Invariant: all that was listed once is listed for ever, in the same words: what is shown follows from done tasks alone,
//! and done tasks stay done until the job ends. The objects listed are the chunks themselves, at the destination.

use super::joined::{Joined, Placed};
use super::ladder::{joined_sound, joined_video};
use super::manifest::{self, AudioTrack, VideoVariant};
use super::playlist::{self, Kind};
use super::segments::{Segment, Segments};
use super::{PublishError, init};
use crate::domain::outcome::Track;
use crate::domain::plan::{AudioPlan, Grid, Plan, Slice, VideoPlan};
use crate::domain::{JobId, TaskKind, TaskState, Timestamp};
use crate::objects::{Destination, Location};
use crate::store::{StoredObject, TaskRecord};

/// What is there to be shown.
pub struct Shown {
    /// The growing playlists.
    pub playlists: Vec<(Location, String)>,
    /// The manifest that names them; the same at all times.
    pub master: String,
}

/// A rendition or audio track, as far as it is there.
struct Growing {
    /// Of its first object: for the manifest.
    start: Joined,
    segments: Segments,
    /// Of each segment.
    uris: Vec<String>,
    target_seconds: u64,
}

/// What of a job can be played; none: not all of its first second is there. `ended`: nothing follows.
pub fn show(
    (job_id, destination): (&JobId, &Destination),
    plan: &Plan,
    tasks: &[TaskRecord],
    ended: bool,
) -> Result<Option<Shown>, PublishError> {
    let video = plan.video.as_ref();
    let mut pictures = Vec::new();
    for rendition_index in 0..video.map_or(0, |video| video.renditions.len()) {
        let Some(video) = video else { continue };
        let Some(growing) = picture(plan, video, rendition_index, tasks)? else { return Ok(None) };
        pictures.push(growing);
    }
    let mut sounds = Vec::new();
    for (audio_index, track) in (0..).zip(&plan.audio) {
        let Some(growing) = sound(plan, track, audio_index, tasks)? else { return Ok(None) };
        sounds.push(growing);
    }
    let mut playlists = Vec::new();
    for growing in pictures.iter().chain(&sounds) {
        let at = destination.early_playlist(job_id, &growing.start.name)?;
        playlists.push((at, growing.playlist(ended)));
    }
    let prefix = destination.early_prefix(job_id);
    let below = prefix.strip_prefix(&destination.key_prefix()).unwrap_or(&prefix);
    let master = master(below, plan, pictures, sounds);
    Ok(Some(Shown { playlists, master }))
}

fn master(below: &str, plan: &Plan, mut pictures: Vec<Growing>, mut sounds: Vec<Growing>) -> String {
    // Of the first segment only: what comes later must not change it. Rates are the plan's, which later ones keep.
    for growing in pictures.iter_mut().chain(&mut sounds) {
        growing.start.name = format!("{below}{}", growing.start.name);
        growing.segments.list.truncate(1);
    }
    let video = plan.video.iter().flat_map(|video| video.renditions.iter().map(move |plan| (video, plan)));
    let video = video.zip(&pictures).filter_map(|((video, plan), growing)| {
        let frame_rate = video.grids.get(plan.grid_index as usize)?.frame_rate;
        let (joined, segments) = (&growing.start, &growing.segments);
        Some(VideoVariant { joined, segments, frame_rate, planned_bps: plan.max_bitrate_bps })
    });
    let audio = plan.audio.iter().zip(&sounds).map(|(plan, growing)| AudioTrack {
        joined: &growing.start,
        segments: &growing.segments,
        plan,
        planned_bps: plan.bitrate_bps.into(),
    });
    manifest::master(&video.collect::<Vec<_>>(), &audio.collect::<Vec<_>>(), &[])
}

fn picture(
    plan: &Plan,
    video: &VideoPlan,
    rendition_index: usize,
    tasks: &[TaskRecord],
) -> Result<Option<Growing>, PublishError> {
    let chunks: Vec<(&Track, &StoredObject)> = (0..)
        .take(video.chunks.len())
        .map_while(|chunk_index| {
            done(tasks, TaskKind::EncodeChunk { chunk_index })?.chunk_of(rendition_index)
        })
        .collect();
    let tracks: Vec<&Track> = chunks.iter().map(|(track, _)| *track).collect();
    if tracks.is_empty() {
        return Ok(None);
    }
    let (rendition, grid, joined) = joined_video(video, rendition_index, &tracks)?;
    let segment_seconds = plan.package.segment_seconds;
    let (mut list, mut uris) = (Vec::new(), Vec::new());
    for (chunk, (track, object)) in chunks.iter().enumerate() {
        let Some(lead) = track.lead_bytes(object.size_bytes) else { return Ok(None) };
        if chunk == 0 && lead == 0 {
            // Of a runner that does not put the init segment first: players would have nothing to start with.
            return Ok(None);
        }
        let end = joined.chunk_starts.get(chunk + 1).copied().unwrap_or(joined.fragments.len());
        let more = within(&joined, joined.chunk_starts[chunk]..end, lead, segment_seconds);
        uris.extend(more.iter().map(|_| format!("{chunk}.mp4")));
        list.extend(more);
    }
    let slices = video.chunks.iter().filter_map(|chunk| chunk.slices.get(rendition.grid_index as usize));
    let longest = slices.map(|slice| target_of(&joined, grid, *slice, segment_seconds)).max();
    let segments = Segments { timescale: joined.facts.timescale, list };
    Ok(Some(Growing { start: joined, segments, uris, target_seconds: longest.unwrap_or(1) }))
}

/// The sound's head and what the whole track has behind it; the whole track alone where that was there first.
fn sound(
    plan: &Plan,
    track: &AudioPlan,
    audio_index: u32,
    tasks: &[TaskRecord],
) -> Result<Option<Growing>, PublishError> {
    let whole = sound_of(tasks, TaskKind::EncodeAudio { audio_index });
    let head = sound_of(tasks, TaskKind::EncodeAudioHead { audio_index });
    let head = head.filter(|head| whole.is_none_or(|whole| head.2 <= whole.2));
    let pieces = [head.map(|head| (head, "head.mp4")), whole.map(|whole| (whole, "whole.mp4"))];
    let (mut list, mut uris, mut start) = (Vec::new(), Vec::new(), None);
    for ((returned, object, _), uri) in pieces.into_iter().flatten() {
        let joined = joined_sound(track, returned)?;
        let shown = match &start {
            None => 0,
            Some(start) => continued(start, &joined)?,
        };
        let lead = returned.lead_bytes(object.size_bytes).unwrap_or(0);
        if lead == 0 {
            return Ok(None);
        }
        let more = within(&joined, shown..joined.fragments.len(), lead, plan.package.segment_seconds);
        uris.extend(more.iter().map(|_| uri.to_owned()));
        list.extend(more);
        start.get_or_insert(joined);
    }
    // Fragments are as long as segments, up to a codec's frame.
    let target_seconds = u64::from(plan.package.segment_seconds) + 1;
    let growing = |start: Joined| {
        let segments = Segments { timescale: start.facts.timescale, list };
        Growing { start, segments, uris, target_seconds }
    };
    Ok(start.map(growing))
}

/// How many fragments of the whole track the head has shown: they are the same.
fn continued(head: &Joined, whole: &Joined) -> Result<usize, PublishError> {
    let times = |fragments: &[Placed]| -> Vec<(u64, u64)> {
        fragments.iter().map(|fragment| (fragment.decode_time, fragment.duration)).collect()
    };
    let count = head.fragments.len();
    let same = whole.fragments.get(..count).is_some_and(|start| times(start) == times(&head.fragments));
    match same && head.init_segment == whole.init_segment {
        true => Ok(count),
        false => Err(PublishError::refused(&whole.name, "its head is not how the whole track begins")),
    }
}

/// With the time at which it was there.
fn sound_of(tasks: &[TaskRecord], kind: TaskKind) -> Option<(&Track, &StoredObject, Timestamp)> {
    let task = done(tasks, kind)?;
    let (track, object) = task.sound()?;
    Some((track, object, task.done_at?))
}

/// Its objects are sealed.
fn done(tasks: &[TaskRecord], kind: TaskKind) -> Option<&TaskRecord> {
    tasks.iter().find(|task| task.kind == kind && task.state == TaskState::Done)
}

/// The segments of some fragments of a track that lie in an object of their own behind `lead` bytes. The first ones of the
/// audio's whole object are left out, but lie there.
fn within(joined: &Joined, range: std::ops::Range<usize>, lead: u64, segment_seconds: u32) -> Vec<Segment> {
    let is_alone = joined.chunk_starts.len() == 1;
    let Some(first) = joined.fragments.get(range.start).copied() else { return Vec::new() };
    let before = if is_alone { joined.init_segment.len() as u64 } else { first.offset_bytes };
    let fragments = joined.fragments[range]
        .iter()
        .map(|fragment| Placed { offset_bytes: fragment.offset_bytes - before + lead, ..*fragment });
    let part = Joined { fragments: fragments.collect(), chunk_starts: vec![0], ..joined.clone() };
    let origin = first.decode_time - joined.fragments[0].decode_time;
    let cut = Segments::new(&part, segment_seconds).list.into_iter();
    cut.map(|segment| Segment { start: segment.start + origin, ..segment }).collect()
}

/// The target duration that the segments of a chunk will need, by the plan: it may never change.
fn target_of(joined: &Joined, grid: &Grid, slice: Slice, segment_seconds: u32) -> u64 {
    let time = |frame: u64| grid.times.get(frame).and_then(|time| u64::try_from(time).ok()).unwrap_or(0);
    let gops = (slice.start_frame..slice.end_frame).step_by(grid.gop_frames.max(1) as usize);
    let fragments = gops.map(|frame| {
        let end = (frame + u64::from(grid.gop_frames.max(1))).min(slice.end_frame);
        let (decode_time, duration) = (time(frame), time(end).saturating_sub(time(frame)));
        Placed { offset_bytes: 0, size_bytes: 1, decode_time, duration, starts_with_keyframe: true }
    });
    let facts = init::InitFacts { timescale: grid.timescale, ..joined.facts.clone() };
    let planned =
        Joined { fragments: fragments.collect(), facts, init_segment: Vec::new(), ..joined.clone() };
    Segments::new(&planned, segment_seconds).target_duration_seconds()
}

impl Growing {
    fn playlist(&self, ended: bool) -> String {
        let uris: Vec<&str> = self.uris.iter().map(String::as_str).collect();
        let kind = Kind::Event { ended };
        let target = self.target_seconds;
        playlist::written(kind, target, self.start.init_segment.len() as u64, &self.segments, &uris)
    }
}
