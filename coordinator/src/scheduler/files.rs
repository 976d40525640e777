//! Which of a job's files a task reads, and in which order.
//!
//! | task | inputs |
//! |---|---|
//! | probe | the source, the picture or the sound beside it, then what edits put in, by number |
//! | chunk | the source or the clip that it is of, then a still-image video's picture, then its marks |
//! | audio track | the file of the sound, else the source; of an edited one the file of each part that sounds |

use super::SchedulerError;
use crate::domain::Plan;
use crate::domain::edit::{self, Edit, InsertKind};
use crate::domain::plan::{AudioPlan, Still};
use crate::objects::Location;
use crate::store::{ExtraObject, JobRecord};

/// Place, length, digest (hexadecimal; empty: not known).
pub type Input = (Location, u64, String);

/// The files of a job.
pub(super) struct Files {
    pub(super) source: Input,
    /// The picture or the sound.
    beside: Vec<Input>,
    /// `beside` is the sound.
    has_sound: bool,
    inserts: Vec<Input>,
}

impl Files {
    pub(super) fn of(job: &JobRecord) -> Self {
        let input = |object: &ExtraObject| (object.at.clone(), object.size_bytes, String::new());
        Self {
            source: (job.source_object.clone(), job.source_bytes, String::new()),
            beside: job.extras.beside().iter().map(input).collect(),
            has_sound: job.extras.has_sound,
            inserts: job.extras.inserts().iter().map(input).collect(),
        }
    }

    /// Of the probe.
    pub(super) fn all(&self) -> Vec<Input> {
        let all = [&self.source].into_iter().chain(&self.beside).chain(&self.inserts);
        all.cloned().collect()
    }

    /// Of a chunk.
    pub(super) fn of_chunk(&self, plan: &Plan, chunk_index: u32) -> Result<Vec<Input>, SchedulerError> {
        let missing = || SchedulerError::Missing("the plan has no such chunk".into());
        let video = plan.video.as_ref().ok_or_else(missing)?;
        let chunk = video.chunks.get(chunk_index as usize).ok_or_else(missing)?;
        let mut inputs = vec![match video.clip_of(chunk) {
            Some(clip) => self.insert(clip.file)?,
            None => self.source.clone(),
        }];
        if video.still == Some(Still::Given) {
            inputs.extend(self.beside.iter().cloned());
        }
        for mark in video.marks_of(chunk) {
            inputs.push(self.insert(mark.file)?);
        }
        Ok(inputs)
    }

    /// Of an audio track.
    pub(super) fn of_track(&self, track: Option<&AudioPlan>) -> Result<Vec<Input>, SchedulerError> {
        let track = track.ok_or_else(|| SchedulerError::Missing("the plan has no such track".into()))?;
        if track.parts.is_empty() {
            return Ok(vec![self.sound()]);
        }
        let sounds = track.parts.iter().filter_map(|part| part.sound.as_ref());
        sounds.map(|sound| sound.file.map_or_else(|| Ok(self.sound()), |file| self.insert(file))).collect()
    }

    fn sound(&self) -> Input {
        self.beside.first().filter(|_| self.has_sound).unwrap_or(&self.source).clone()
    }

    fn insert(&self, file: u32) -> Result<Input, SchedulerError> {
        let missing = || SchedulerError::Missing(format!("file {} of the edits is not there", file + 1));
        self.inserts.get(file as usize).cloned().ok_or_else(missing)
    }
}

/// What the inserts are, by number.
pub(super) fn insert_kinds(edits: &[Edit]) -> Vec<InsertKind> {
    let mut inserts = edit::inserts(edits);
    inserts.sort_by_key(|&(file, _)| file);
    inserts.into_iter().map(|(_, kind)| kind).collect()
}
