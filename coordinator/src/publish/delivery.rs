//! A finished file of a job that is still running: where it lies, and the playlist that it needs, for whoever hands single
//! renditions on under names of his own.

use super::PublishError;
use super::joined::Joined;
use super::ladder::{default_sound, file_of, object_of, task_of, whole_picture};
use super::muxed::Muxed;
use super::playlist::{self, Kind};
use super::segments::Segments;
use crate::domain::plan::{Plan, RenditionFile};
use crate::domain::{TaskKind, TaskState};
use crate::objects::Location;
use crate::store::{JobRecord, StoredObject, TaskRecord};

/// What is wanted of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An MP4 with its index first, sound inside.
    Progressive,
    /// A single-file fMP4, sound inside.
    Muxed,
    /// A single-file fMP4 of the pictures.
    VideoOnly,
    /// A single-file fMP4 of the default audio track; of whichever rendition.
    AudioOnly,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Where it lies.
    pub at: Location,
    /// Its length.
    pub size_bytes: u64,
    /// Length of the init segment, and the segments; none: a progressive file.
    segments: Option<(u64, Segments)>,
}

impl Delivery {
    /// A playlist of whole byte ranges that calls the file by this name; none for a progressive file.
    pub fn playlist(&self, file_name: &str) -> Option<String> {
        let (init_bytes, segments) = self.segments.as_ref()?;
        let uris = vec![file_name; segments.list.len()];
        let target_seconds = segments.target_duration_seconds();
        Some(playlist::written(Kind::Vod, target_seconds, *init_bytes, segments, &uris))
    }

    fn of(object: &StoredObject, segments: Option<(u64, Segments)>) -> Self {
        Self { at: object.at.clone(), size_bytes: object.size_bytes, segments }
    }
}

/// Finds a file of a rendition, by its name in the plan (none: the largest); none: it is not made yet.
pub fn find(
    job: &JobRecord,
    plan: &Plan,
    tasks: &[TaskRecord],
    rendition: Option<&str>,
    form: Form,
) -> Result<Option<Delivery>, PublishError> {
    match form {
        Form::AudioOnly => sound(job, plan, tasks),
        Form::Progressive => picture(job, plan, tasks, rendition, RenditionFile::Progressive),
        Form::Muxed => picture(job, plan, tasks, rendition, RenditionFile::Muxed),
        Form::VideoOnly => picture(job, plan, tasks, rendition, RenditionFile::Media),
    }
}

fn picture(
    job: &JobRecord,
    plan: &Plan,
    tasks: &[TaskRecord],
    name: Option<&str>,
    file: RenditionFile,
) -> Result<Option<Delivery>, PublishError> {
    let never = |what: String| PublishError::Records(format!("job {} makes {what}", job.id));
    let video = plan.video.as_ref().ok_or_else(|| never("no video".into()))?;
    let wanted = |index: &usize| name.is_none_or(|name| video.renditions[*index].name == name);
    let index = (0..video.renditions.len()).find(wanted);
    let index = index.ok_or_else(|| never(format!("no rendition {:?}", name.unwrap_or_default())))?;
    let rendition_index = u32::try_from(index).unwrap_or(u32::MAX);
    let task = task_of(tasks, TaskKind::Assemble { rendition_index })?;
    if task.state != TaskState::Done {
        return Ok(None);
    }
    let object = file_of(task, plan.package, file)?;
    let object = object.ok_or_else(|| never(format!("no {file:?} of its renditions")))?;
    if file == RenditionFile::Progressive {
        return Ok(Some(Delivery::of(object, None)));
    }
    let (_, _, joined) = whole_picture(tasks, video, index)?;
    let segments = Segments::new(&joined, plan.package.segment_seconds);
    if file == RenditionFile::Media {
        return media(object, &joined, segments).map(Some);
    }
    let sound = default_sound(plan, tasks)?;
    let muxed = Muxed::new(&joined, &segments, sound.as_ref(), object.size_bytes)?;
    Ok(Some(Delivery::of(object, Some((muxed.init_bytes, muxed.segments)))))
}

fn sound(job: &JobRecord, plan: &Plan, tasks: &[TaskRecord]) -> Result<Option<Delivery>, PublishError> {
    let never = || PublishError::Records(format!("job {} makes no file of its sound alone", job.id));
    let kind = TaskKind::AssembleAudio { audio_index: 0 };
    let task = tasks.iter().find(|task| task.kind == kind).ok_or_else(never)?;
    if task.state != TaskState::Done {
        return Ok(None);
    }
    let joined = default_sound(plan, tasks)?.ok_or_else(never)?;
    let segments = Segments::new(&joined, plan.package.segment_seconds);
    media(object_of(task, 0)?, &joined, segments).map(Some)
}

fn media(object: &StoredObject, joined: &Joined, segments: Segments) -> Result<Delivery, PublishError> {
    match object.size_bytes == joined.size_bytes() {
        true => Ok(Delivery::of(object, Some((joined.init_segment.len() as u64, segments)))),
        false => {
            let (found, expected) = (object.size_bytes, joined.size_bytes());
            let reason = format!("its file has {found} bytes, init segment and fragments have {expected}");
            Err(PublishError::refused(&joined.name, reason))
        }
    }
}
