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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Finished;
    use crate::publish::bench::Bench;

    fn found(
        finished: &Finished,
        rendition: Option<&str>,
        form: Form,
    ) -> Result<Option<Delivery>, PublishError> {
        find(&finished.job, &finished.plan, &finished.tasks, rendition, form)
    }

    /// The job of the bench as if it made every form; assemblies of renditions have not ended.
    async fn running() -> (Bench, Finished) {
        let bench = Bench::new().await;
        let mut finished = bench.finished.clone();
        finished.plan.package.progressive = true;
        finished.plan.package.muxed = true;
        finished.tasks[3].state = TaskState::Leased;
        (bench, finished)
    }

    #[tokio::test]
    async fn a_file_is_there_as_soon_as_it_is_assembled() {
        let (bench, mut finished) = running().await;
        for form in [Form::Progressive, Form::Muxed, Form::VideoOnly] {
            assert_eq!(found(&finished, Some("64p"), form).expect("no error"), None);
        }
        let sound = found(&finished, None, Form::AudioOnly).expect("no error").expect("it is done");
        assert_eq!(sound.at, finished.tasks[4].objects[0].at);
        assert!(sound.playlist("a.mp4").is_some_and(|text| text.contains("\na.mp4\n#EXT")));

        let media = finished.tasks[3].objects[0].clone();
        let sized = |key: &str, size_bytes| StoredObject {
            at: Location::new("public", key).expect("a name"),
            size_bytes,
            ..media.clone()
        };
        let payload = default_sound(&finished.plan, &finished.tasks).expect("fit").expect("sound");
        let payload = payload.size_bytes() - payload.init_segment.len() as u64;
        let progressive = sized("videos/7/64p.mp4", 5000);
        let muxed = sized("videos/7/64p/muxed.mp4", media.size_bytes + payload + 700);
        finished.tasks[3].objects.extend([progressive.clone(), muxed.clone()]);
        finished.tasks[3].state = TaskState::Done;
        let of = |form| found(&finished, Some("64p"), form).expect("no error").expect("it is done");
        let (whole, both, picture) = (of(Form::Progressive), of(Form::Muxed), of(Form::VideoOnly));
        assert_eq!((&whole.at, whole.size_bytes, whole.playlist("x")), (&progressive.at, 5000, None));
        assert_eq!((&picture.at, &both.at), (&bench.media, &muxed.at));
        let ends = |delivery: &Delivery| {
            let text = delivery.playlist("u-64-fragmented.mp4").expect("a playlist");
            let range = text.lines().rfind(|line| line.starts_with("#EXT-X-BYTERANGE:")).expect("a range");
            let (length, start) = range["#EXT-X-BYTERANGE:".len()..].split_once('@').expect("an offset");
            length.parse::<u64>().expect("a number") + start.parse::<u64>().expect("a number")
        };
        assert_eq!((ends(&picture), ends(&both)), (media.size_bytes, muxed.size_bytes));
    }

    #[tokio::test]
    async fn what_a_job_never_makes_is_an_error_that_says_so() {
        let (_bench, finished) = running().await;
        let reason =
            |rendition, form| found(&finished, rendition, form).expect_err("it never comes").to_string();
        assert!(reason(Some("720p"), Form::Muxed).contains("job job makes no rendition \"720p\""));
        let mut plain = finished.clone();
        plain.plan.package.muxed = false;
        plain.tasks[3].state = TaskState::Done;
        let error = found(&plain, None, Form::Muxed).expect_err("it never comes").to_string();
        assert!(error.contains("makes no Muxed of its renditions"), "{error}");
        plain.tasks.remove(4);
        let error = found(&plain, None, Form::AudioOnly).expect_err("it never comes").to_string();
        assert!(error.contains("makes no file of its sound alone"), "{error}");
    }
}
