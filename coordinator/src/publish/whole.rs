//! A file before it is joined: whether its chunks, as they were returned, make what the plan says.

use super::PublishError;
use super::joined::Joined;
use super::ladder::{joined_sound, joined_video};
use crate::domain::Plan;
use crate::domain::outcome::Track;

/// What a file will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Name of its rendition or audio track.
    pub name: String,
    /// Init segment and all fragments.
    pub size_bytes: u64,
    /// Video: frames; audio: samples, priming left out.
    pub sample_count: u64,
}

impl Whole {
    /// Of a rendition: every planned frame once, no gap and no overlap, one init segment.
    pub fn of_video(plan: &Plan, rendition_index: usize, chunks: &[&Track]) -> Result<Self, PublishError> {
        let missing = || PublishError::Records("the plan has no video".into());
        let video = plan.video.as_ref().ok_or_else(missing)?;
        if chunks.len() != video.chunks.len() {
            return Err(PublishError::Records(format!("{} chunks of {}", chunks.len(), video.chunks.len())));
        }
        joined_video(video, rendition_index, chunks).map(|(_, _, joined)| Self::of(&joined))
    }

    /// Of an audio track.
    pub fn of_audio(plan: &Plan, audio_index: usize, track: &Track) -> Result<Self, PublishError> {
        let missing = || PublishError::Records("the plan has no such audio track".into());
        joined_sound(plan.audio.get(audio_index).ok_or_else(missing)?, track).map(|joined| Self::of(&joined))
    }

    fn of(joined: &Joined) -> Self {
        let Joined { name, sample_count, .. } = joined;
        Self { name: name.clone(), size_bytes: joined.size_bytes(), sample_count: *sample_count }
    }
}
