//! The finished ladder out of a job's records: every rendition joined and held against the plan. What a
//! runner says of its work is believed here only as far as it agrees with the plan and with itself; `check`
//! then compares it with the stored bytes.

use super::joined::Joined;
use super::muxed::Muxed;
use super::planned::{check_assembly, check_chunk, check_picture, check_sound};
use super::segments::Segments;
use super::{Finished, PublishError};
use crate::domain::TaskKind;
use crate::domain::outcome::{Outcome, Track};
use crate::domain::plan::{
    AudioPlan, Grid, Package, Plan, Rendition, RenditionFile, StoryboardPlan, TextPlan, VideoPlan,
};
use crate::store::{StoredObject, TaskRecord};

/// All files of a result.
pub(super) struct Ladder<'a> {
    /// In the plan's order, largest first.
    pub video: Vec<VideoFile<'a>>,
    /// In the plan's order.
    pub audio: Vec<AudioFile<'a>>,
    /// In the plan's order, those without a line left out.
    pub text: Vec<TextFile<'a>>,
    /// None: the plan wants none.
    pub storyboard: Option<StoryboardFile<'a>>,
}

/// The storyboard.
pub(super) struct StoryboardFile<'a> {
    pub plan: &'a StoryboardPlan,
    pub object: &'a StoredObject,
}

/// A video rendition.
pub(super) struct VideoFile<'a> {
    pub plan: &'a Rendition,
    pub grid: &'a Grid,
    pub joined: Joined,
    pub segments: Segments,
    /// The single-file fMP4, if the plan wants it.
    pub media: Option<&'a StoredObject>,
    /// The MP4 with its index first, if the plan wants it.
    pub progressive: Option<&'a StoredObject>,
    /// The single-file fMP4 with sound inside, if the plan wants it.
    pub muxed: Option<(Muxed, &'a StoredObject)>,
}

/// An audio track.
pub(super) struct AudioFile<'a> {
    pub plan: &'a AudioPlan,
    pub joined: Joined,
    pub segments: Segments,
    /// The single-file fMP4, if the plan wants it.
    pub media: Option<&'a StoredObject>,
}

/// A track of subtitles.
pub(super) struct TextFile<'a> {
    pub plan: &'a TextPlan,
    /// As whoever made it counted.
    pub cue_count: u64,
    pub object: &'a StoredObject,
}

impl<'a> Ladder<'a> {
    /// Gathers and checks all renditions and audio tracks of a job.
    pub fn gather(finished: &'a Finished) -> Result<Self, PublishError> {
        let (text, storyboard) = (text_files(finished)?, storyboard_file(finished)?);
        let mut ladder = Self { video: Vec::new(), audio: Vec::new(), text, storyboard };
        for audio_index in 0..finished.plan.audio.len() {
            ladder.audio.push(audio_file(finished, audio_index)?);
        }
        if let Some(video) = &finished.plan.video {
            for rendition_index in 0..video.renditions.len() {
                let sound = ladder.audio.first().map(|file| &file.joined);
                ladder.video.push(video_file(finished, video, rendition_index, sound)?);
            }
        }
        match ladder.video.is_empty() && ladder.audio.is_empty() && ladder.storyboard.is_none() {
            true => Err(PublishError::Records("the plan has neither video nor audio nor storyboard".into())),
            false => Ok(ladder),
        }
    }

    /// Length of the longest rendition or audio track, microseconds.
    pub fn duration_us(&self) -> u64 {
        let length = |(_, segments): (_, &Segments)| segments.durations_us().sum();
        self.files().map(length).max().unwrap_or(0)
    }

    /// Every rendition and audio track that has a playlist.
    pub fn files(&self) -> impl Iterator<Item = (&Joined, &Segments)> {
        let video = self.video.iter().map(|file| (&file.joined, &file.segments));
        video.chain(self.audio.iter().map(|file| (&file.joined, &file.segments)))
    }
}

/// A rendition as its first chunks make it (all of them: the whole), held against the plan.
pub(super) fn joined_video<'a>(
    video: &'a VideoPlan,
    rendition_index: usize,
    chunks: &[&Track],
) -> Result<(&'a Rendition, &'a Grid, Joined), PublishError> {
    let missing = |what: &str| PublishError::Records(format!("rendition {rendition_index} has no {what}"));
    let plan = video.renditions.get(rendition_index).ok_or_else(|| missing("plan"))?;
    let grid = video.grids.get(plan.grid_index as usize).ok_or_else(|| missing("frame grid"))?;
    for ((chunk_index, chunk), track) in (0..).zip(&video.chunks).zip(chunks) {
        let slice = chunk.slices.get(plan.grid_index as usize).ok_or_else(|| missing("slice"))?;
        check_chunk(plan, grid, chunk_index, *slice, track)?;
    }
    let joined = Joined::new(&plan.name, chunks)?;
    check_picture(plan, grid, &joined)?;
    Ok((plan, grid, joined))
}

/// An audio track, or its start, held against the plan.
pub(super) fn joined_sound(plan: &AudioPlan, track: &Track) -> Result<Joined, PublishError> {
    let joined = Joined::new(&plan.name, &[track])?;
    check_sound(plan, &joined)?;
    Ok(joined)
}

fn video_file<'a>(
    finished: &'a Finished,
    video: &'a VideoPlan,
    rendition_index: usize,
    sound: Option<&Joined>,
) -> Result<VideoFile<'a>, PublishError> {
    let (plan, grid, joined) = whole_picture(&finished.tasks, video, rendition_index)?;
    let index = index_u32(rendition_index);
    let task = task_of(&finished.tasks, TaskKind::Assemble { rendition_index: index })?;
    check_assembly(joined_samples(task)?, &joined)?;
    let package = finished.plan.package;
    let segments = Segments::new(&joined, package.segment_seconds);
    let muxed = match file_of(task, package, RenditionFile::Muxed)? {
        Some(object) => Some((Muxed::new(&joined, &segments, sound, object.size_bytes)?, object)),
        None => None,
    };
    let media = file_of(task, package, RenditionFile::Media)?;
    let progressive = file_of(task, package, RenditionFile::Progressive)?;
    Ok(VideoFile { plan, grid, joined, segments, media, progressive, muxed })
}

/// A rendition of which every chunk is done.
pub(super) fn whole_picture<'a>(
    tasks: &[TaskRecord],
    video: &'a VideoPlan,
    rendition_index: usize,
) -> Result<(&'a Rendition, &'a Grid, Joined), PublishError> {
    let mut chunks = Vec::new();
    for chunk_index in (0..).take(video.chunks.len()) {
        let task = task_of(tasks, TaskKind::EncodeChunk { chunk_index })?;
        let Some(Outcome::EncodeChunk { renditions, .. }) = &task.outcome else {
            return Err(no_outcome(task));
        };
        chunks.push(renditions.get(rendition_index).ok_or_else(|| no_outcome(task))?);
    }
    joined_video(video, rendition_index, &chunks)
}

/// The default audio track, whose task is done; none: the plan has no sound.
pub(super) fn default_sound(plan: &Plan, tasks: &[TaskRecord]) -> Result<Option<Joined>, PublishError> {
    let Some(track) = plan.audio.first() else { return Ok(None) };
    whole_sound(tasks, track, 0).map(Some)
}

fn whole_sound(tasks: &[TaskRecord], plan: &AudioPlan, audio_index: u32) -> Result<Joined, PublishError> {
    let task = task_of(tasks, TaskKind::EncodeAudio { audio_index })?;
    let Some(Outcome::EncodeAudio(track)) = &task.outcome else { return Err(no_outcome(task)) };
    joined_sound(plan, track)
}

fn audio_file(finished: &Finished, audio_index: usize) -> Result<AudioFile<'_>, PublishError> {
    let plan = &finished.plan.audio[audio_index];
    let audio_index = index_u32(audio_index);
    let joined = whole_sound(&finished.tasks, plan, audio_index)?;
    let package = finished.plan.package;
    let mut media = None;
    if package.hls {
        let task = task_of(&finished.tasks, TaskKind::AssembleAudio { audio_index })?;
        check_assembly(joined_samples(task)?, &joined)?;
        media = Some(object_of(task, 0)?);
    }
    let segments = Segments::new(&joined, package.segment_seconds);
    Ok(AudioFile { plan, joined, segments, media })
}

fn text_files(finished: &Finished) -> Result<Vec<TextFile<'_>>, PublishError> {
    if finished.plan.text.is_empty() {
        return Ok(Vec::new());
    }
    let task = task_of(&finished.tasks, TaskKind::ExtractText)?;
    let Some(Outcome::ExtractText { cue_counts }) = &task.outcome else { return Err(no_outcome(task)) };
    let file = |(at, plan)| {
        let cue_count = cue_counts.get(at).copied().ok_or_else(|| no_outcome(task))?;
        Ok(TextFile { plan, cue_count, object: object_of(task, at)? })
    };
    let files: Result<Vec<_>, PublishError> = finished.plan.text.iter().enumerate().map(file).collect();
    Ok(files?.into_iter().filter(|file| file.cue_count > 0).collect())
}

fn storyboard_file(finished: &Finished) -> Result<Option<StoryboardFile<'_>>, PublishError> {
    let Some(plan) = &finished.plan.storyboard else { return Ok(None) };
    let object = object_of(task_of(&finished.tasks, TaskKind::Storyboard)?, 0)?;
    Ok(Some(StoryboardFile { plan, object }))
}

pub(super) fn task_of(tasks: &[TaskRecord], kind: TaskKind) -> Result<&TaskRecord, PublishError> {
    let found = tasks.iter().find(|task| task.kind == kind);
    found.ok_or_else(|| PublishError::Records(format!("there is no task {kind:?}")))
}

pub(super) fn object_of(task: &TaskRecord, output_index: usize) -> Result<&StoredObject, PublishError> {
    let missing = || PublishError::Records(format!("task {} has no object {output_index}", task.id));
    task.objects.get(output_index).ok_or_else(missing)
}

/// What an assembly has made; none: the package has no such file.
pub(super) fn file_of(
    task: &TaskRecord,
    package: Package,
    file: RenditionFile,
) -> Result<Option<&StoredObject>, PublishError> {
    package.files().position(|made| made == file).map(|at| object_of(task, at)).transpose()
}

/// What whoever joined the chunks has counted.
fn joined_samples(task: &TaskRecord) -> Result<u64, PublishError> {
    match task.outcome {
        Some(Outcome::Assemble { sample_count }) => Ok(sample_count),
        _ => Err(no_outcome(task)),
    }
}

fn no_outcome(task: &TaskRecord) -> PublishError {
    PublishError::Records(format!("task {} has no outcome of its kind", task.id))
}

fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("plans have fewer than 2^32 entries")
}
