//! What a leased task comes to: the plan's words, the objects it reads and the objects it makes.

use std::sync::Arc;

use super::SchedulerError;
use super::files::{Files, Input, insert_kinds};
use crate::domain::choice;
use crate::domain::edit::InsertKind;
use crate::domain::outcome::Track;
use crate::domain::plan::{Rendition, RenditionFile};
use crate::domain::{Limits, Plan, TaskKind};
use crate::objects::Location;
use crate::parts::Parts;
use crate::publish::{MuxedSegment, PublishError, interleaved};
use crate::store::{JobRecord, StoredObject, TaskRecord};

/// What a runner is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Say what the source is.
    Probe {
        /// Refuse more.
        limits: Limits,
        /// The second input holds its sound.
        sound_apart: bool,
        /// What the last inputs are.
        inserts: Vec<InsertKind>,
    },
    /// Encode a chunk of the plan.
    EncodeChunk {
        /// The plan.
        plan: Arc<Plan>,
        /// Which chunk of it.
        chunk_index: u32,
        /// The way that the job is bound to: see `domain/choice`.
        made_by: String,
        /// Fingerprint of that way's encoder.
        fingerprint: String,
        /// Refuse larger pictures.
        max_pixels: u64,
    },
    /// Encode an audio track of the plan.
    EncodeAudio {
        /// The plan.
        plan: Arc<Plan>,
        /// Which track of it.
        audio_index: u32,
        /// Only so many of its first fragments; none: the whole track.
        fragment_limit: Option<u32>,
    },
    /// Make WebVTT of the plan's text tracks.
    ExtractText {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Draw the plan's storyboard.
    Storyboard {
        /// The plan.
        plan: Arc<Plan>,
        /// Refuse larger pictures.
        max_pixels: u64,
    },
    /// Join sealed chunks.
    Assemble {
        /// The rendition's or audio track's name.
        name: String,
        /// What all chunks share.
        init_segment: Vec<u8>,
        /// How many inputs are the rendition's.
        chunk_count: u32,
        /// What the joined track must hold.
        sample_count: u64,
        /// Make a single-file fMP4.
        fragmented: bool,
        /// Make a progressive MP4.
        progressive: bool,
        /// Of the audio of files with sound inside; empty: none.
        audio_init_segment: Vec<u8>,
        /// Make a single-file fMP4 of both, of these segments.
        muxed: Option<Vec<MuxedSegment>>,
    },
}

/// An object that a task makes.
pub struct PlannedOutput {
    /// Where it goes; none: a scratch object of the attempt.
    pub published_at: Option<Location>,
}

/// A task with its objects.
pub struct Prepared {
    /// What to do.
    pub work: Work,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<PlannedOutput>,
}

/// Gathers what `task` needs from its job's plan and from the results that it depends on.
pub async fn prepare(parts: &Parts, task: &TaskRecord) -> Result<Prepared, SchedulerError> {
    let job = parts.store.job(&task.job_id).await?;
    let job = job.ok_or_else(|| SchedulerError::Missing(format!("job {} is gone", task.job_id)))?;
    let files = Files::of(&job);
    let source = files.source.clone();
    let limits = &parts.config.limits;
    let scratch = || PlannedOutput { published_at: None };
    match task.kind {
        TaskKind::Probe => {
            let work = Work::Probe {
                limits: limits.clone(),
                sound_apart: job.extras.has_sound,
                inserts: insert_kinds(&job.extras.edits),
            };
            Ok(Prepared { work, inputs: files.all(), outputs: vec![] })
        }
        TaskKind::EncodeChunk { chunk_index } => encode_chunk(parts, task, &job, chunk_index).await,
        TaskKind::EncodeAudio { audio_index } => {
            let plan = parts.plan(&job.id).await?;
            let output = match plan.audio.get(audio_index as usize).filter(|_| plan.early) {
                Some(track) => {
                    let at = job.destination.early_sound(&job.id, &track.name)?;
                    PlannedOutput { published_at: Some(at) }
                }
                None => scratch(),
            };
            let inputs = files.of_track(plan.audio.get(audio_index as usize))?;
            let work = Work::EncodeAudio { plan, audio_index, fragment_limit: None };
            Ok(Prepared { work, inputs, outputs: vec![output] })
        }
        TaskKind::EncodeAudioHead { audio_index } => {
            let plan = parts.plan(&job.id).await?;
            let track = plan.audio.get(audio_index as usize);
            let track = track.ok_or_else(|| SchedulerError::Missing("the plan has no such track".into()))?;
            let at = job.destination.early_sound_head(&job.id, &track.name)?;
            let fragment_limit = Some(track.head_fragments());
            let outputs = vec![PlannedOutput { published_at: Some(at) }];
            let inputs = files.of_track(Some(track))?;
            let work = Work::EncodeAudio { plan, audio_index, fragment_limit };
            Ok(Prepared { work, inputs, outputs })
        }
        TaskKind::ExtractText => {
            let plan = parts.plan(&job.id).await?;
            let published = |at| PlannedOutput { published_at: Some(at) };
            let places = plan.text.iter().map(|track| job.destination.subtitles(&track.name).map(published));
            let outputs = places.collect::<Result<_, _>>()?;
            Ok(Prepared { work: Work::ExtractText { plan }, inputs: vec![source], outputs })
        }
        TaskKind::Storyboard => {
            let work = Work::Storyboard { plan: parts.plan(&job.id).await?, max_pixels: limits.max_pixels };
            let outputs = vec![PlannedOutput { published_at: Some(job.destination.storyboard()) }];
            Ok(Prepared { work, inputs: vec![source], outputs })
        }
        TaskKind::Assemble { rendition_index } => assemble(parts, &job, rendition_index).await,
        TaskKind::AssembleAudio { audio_index } => assemble_audio(parts, &job, audio_index).await,
    }
}

async fn encode_chunk(
    parts: &Parts,
    task: &TaskRecord,
    job: &JobRecord,
    chunk_index: u32,
) -> Result<Prepared, SchedulerError> {
    let plan = parts.plan(&job.id).await?;
    let renditions = plan.video.iter().flat_map(|video| &video.renditions);
    let output = |rendition: &Rendition| {
        let at = || job.destination.early_chunk(&job.id, &rendition.name, chunk_index);
        Ok(PlannedOutput { published_at: plan.early.then(at).transpose()? })
    };
    let outputs = renditions.map(output).collect::<Result<_, SchedulerError>>()?;
    let inputs = Files::of(job).of_chunk(&plan, chunk_index)?;
    let (made_by, fingerprint) = made_by(parts, task).await?;
    let max_pixels = parts.config.limits.max_pixels;
    let work = Work::EncodeChunk { plan, chunk_index, made_by, fingerprint, max_pixels };
    Ok(Prepared { work, inputs, outputs })
}

/// What the task's job is bound to, and with which fingerprint. A job that is bound anew has ended the attempt that is prepared here.
async fn made_by(parts: &Parts, task: &TaskRecord) -> Result<(String, String), SchedulerError> {
    let pins = parts.store.pins(&task.job_id).await?;
    let mut bonds = task.encoders.iter().filter_map(|need| Some(choice::bound(need, pins.get(need)?)));
    let (offer, fingerprint) = bonds.next().unwrap_or_default();
    Ok((offer.to_owned(), fingerprint.to_owned()))
}

async fn assemble(parts: &Parts, job: &JobRecord, index: u32) -> Result<Prepared, SchedulerError> {
    let plan = parts.plan(&job.id).await?;
    let tasks = parts.store.tasks(&job.id).await?;
    let missing = || SchedulerError::Missing(format!("the plan of job {} has no rendition {index}", job.id));
    let video = plan.video.as_ref().ok_or_else(missing)?;
    let rendition = video.renditions.get(index as usize).ok_or_else(missing)?;
    let grid = video.grids.get(rendition.grid_index as usize).ok_or_else(missing)?;
    let chunks = chunks_of(&tasks, index as usize)?;
    let first = chunks.first().ok_or_else(missing)?;
    let audio = match plan.package.puts_sound_into_pictures() && !plan.audio.is_empty() {
        true => Some(audio_of(&tasks, 0)?),
        false => None,
    };
    let muxed = match plan.package.muxed {
        true => {
            let tracks: Vec<_> = chunks.iter().map(|(track, _)| *track).collect();
            Some(interleaved(&plan, index as usize, &tracks, audio.map(|(track, _)| track)).map_err(unfit)?)
        }
        false => None,
    };
    let work = Work::Assemble {
        name: rendition.name.clone(),
        init_segment: first.0.init_segment.clone(),
        chunk_count: count(chunks.len()),
        sample_count: grid.frame_count(),
        fragmented: plan.package.hls,
        progressive: plan.package.progressive,
        audio_init_segment: audio.map(|(track, _)| track.init_segment.clone()).unwrap_or_default(),
        muxed,
    };
    let inputs = chunks.into_iter().chain(audio).map(|(_, object)| input(object)).collect();
    let published = |file| {
        let at = match file {
            RenditionFile::Media => job.destination.media(&rendition.name),
            RenditionFile::Progressive => job.destination.progressive(&video.progressive_name(rendition)),
            RenditionFile::Muxed => job.destination.muxed(&rendition.name),
        };
        Ok(PlannedOutput { published_at: Some(at?) })
    };
    let outputs: Result<_, SchedulerError> = plan.package.files().map(published).collect();
    Ok(Prepared { work, inputs, outputs: outputs? })
}

/// What does not fit together is its runners' fault; else a record is missing.
fn unfit(error: PublishError) -> SchedulerError {
    match error {
        PublishError::Refused { .. } => SchedulerError::Refused(error.to_string()),
        other => SchedulerError::Missing(other.to_string()),
    }
}

async fn assemble_audio(parts: &Parts, job: &JobRecord, index: u32) -> Result<Prepared, SchedulerError> {
    let plan = parts.plan(&job.id).await?;
    let tasks = parts.store.tasks(&job.id).await?;
    let missing =
        || SchedulerError::Missing(format!("the plan of job {} has no audio track {index}", job.id));
    let planned = plan.audio.get(index as usize).ok_or_else(missing)?;
    let (track, object) = audio_of(&tasks, index)?;
    let work = Work::Assemble {
        name: planned.name.clone(),
        init_segment: track.init_segment.clone(),
        chunk_count: 1,
        sample_count: track.sample_count,
        fragmented: true,
        progressive: false,
        audio_init_segment: Vec::new(),
        muxed: None,
    };
    let at = job.destination.media(&planned.name)?;
    Ok(Prepared {
        work,
        inputs: vec![input(object)],
        outputs: vec![PlannedOutput { published_at: Some(at) }],
    })
}

/// One rendition's share of every chunk, in the plan's order.
pub(super) fn chunks_of(
    tasks: &[TaskRecord],
    rendition: usize,
) -> Result<Vec<(&Track, &StoredObject)>, SchedulerError> {
    let chunks = tasks.iter().filter(|task| matches!(task.kind, TaskKind::EncodeChunk { .. }));
    let mut chunks: Vec<_> = chunks.collect();
    chunks.sort_by_key(|task| task.kind);
    let found: Option<Vec<_>> = chunks.into_iter().map(|task| task.chunk_of(rendition)).collect();
    found.ok_or_else(|| SchedulerError::Missing("a chunk that is done has no result".into()))
}

pub(super) fn audio_of(tasks: &[TaskRecord], index: u32) -> Result<(&Track, &StoredObject), SchedulerError> {
    let task = tasks.iter().find(|task| task.kind == TaskKind::EncodeAudio { audio_index: index });
    task.and_then(TaskRecord::sound)
        .ok_or_else(|| SchedulerError::Missing("an audio track that is done has no result".into()))
}

fn input(object: &StoredObject) -> Input {
    (object.at.clone(), object.size_bytes, object.sha256.clone())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("plans are bounded")
}
