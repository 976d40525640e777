//! A plan in plain figures.

use serde::Serialize;

use super::{Cost, cost};
use crate::domain::plan::{AudioPlan, Rendition, VideoPlan};
use crate::domain::source::Source;
use crate::domain::{Plan, Rational};

/// What a profile makes of a source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// Name of the profile.
    pub profile: String,
    /// Largest first.
    pub renditions: Vec<PlannedRendition>,
    /// The pieces that are encoded apart; none: there is no video.
    pub chunks: Option<Chunks>,
    /// The default one first.
    pub audio: Vec<AudioTrack>,
    /// What it costs, by the rule of docs/media.md.
    pub cost: Cost,
    /// What is left out or changed, in plain words.
    pub notes: Vec<String>,
}

/// An output quality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRendition {
    /// Name, which is its folder's.
    pub name: String,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
    /// Nominal.
    pub frame_rate: Rational,
    /// Frames.
    pub frames: u64,
    /// Encoder.
    pub encoder: String,
    /// Cap of its rate, bit/s.
    pub max_bitrate_bps: u64,
}

/// The pieces of a video, lengths in frames of its finest grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Chunks {
    /// How many can be encoded at a time.
    pub count: u64,
    /// The longest.
    pub longest_frames: u64,
    /// The shortest.
    pub shortest_frames: u64,
    /// How many are decoded from a keyframe of their own; all others from the start of the file.
    pub seekable: u64,
}

/// An audio track of the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AudioTrack {
    /// Name, which is its folder's.
    pub name: String,
    /// "copy": the source's packets are taken as they are.
    pub encoder: String,
    /// Of the output.
    pub sample_rate_hz: u32,
    /// Of the output.
    pub channel_count: u32,
    /// Target, bit/s.
    pub bitrate_bps: u32,
    /// ISO 639-2 or BCP 47; empty: not known.
    pub language: String,
    /// Played when the viewer chooses nothing.
    pub is_default: bool,
}

pub(super) fn planned(source: &Source, plan: &Plan) -> Planned {
    let video = plan.video.as_ref();
    let renditions = |video: &VideoPlan| video.renditions.iter().map(|one| rendition(video, one)).collect();
    Planned {
        profile: plan.profile.clone(),
        renditions: video.map(renditions).unwrap_or_default(),
        chunks: video.and_then(chunks),
        audio: plan.audio.iter().map(audio).collect(),
        cost: cost::of(source, plan),
        notes: plan.notes.clone(),
    }
}

fn rendition(video: &VideoPlan, rendition: &Rendition) -> PlannedRendition {
    let grid = video.grids.get(rendition.grid_index as usize);
    PlannedRendition {
        name: rendition.name.clone(),
        width: rendition.width,
        height: rendition.height,
        frame_rate: grid.map_or(Rational { numerator: 0, denominator: 1 }, |grid| grid.frame_rate),
        frames: grid.map_or(0, |grid| grid.frame_count()),
        encoder: rendition.encoder.clone(),
        max_bitrate_bps: rendition.max_bitrate_bps,
    }
}

fn chunks(video: &VideoPlan) -> Option<Chunks> {
    let lengths = || {
        let finest = |chunk: &crate::domain::plan::Chunk| {
            chunk.slices.iter().map(|slice| slice.frame_count()).max().unwrap_or(0)
        };
        video.chunks.iter().map(finest)
    };
    Some(Chunks {
        count: video.chunks.len() as u64,
        longest_frames: lengths().max()?,
        shortest_frames: lengths().min()?,
        seekable: video.chunks.iter().filter(|chunk| chunk.seek_pts.is_some()).count() as u64,
    })
}

fn audio(track: &AudioPlan) -> AudioTrack {
    AudioTrack {
        name: track.name.clone(),
        encoder: if track.copy { "copy".into() } else { track.encoder.clone() },
        sample_rate_hz: track.sample_rate_hz,
        channel_count: track.channel_count,
        bitrate_bps: track.bitrate_bps,
        language: track.language.clone(),
        is_default: track.is_default,
    }
}

#[cfg(test)]
mod tests {
    use crate::planner::{self, fixtures};
    use crate::survey::survey;

    #[test]
    fn a_plan_in_plain_figures() {
        let library = flotilla_profiles::Library::load(None).unwrap();
        let mut stream = fixtures::video(1280, 720, (1, 24), 1, 240);
        stream.keyframes = vec![0, 48, 96, 144, 192];
        let source = fixtures::source(vec![stream], vec![fixtures::audio("mp3", 44_100, 2, 128_000)], 0);
        let request = planner::Request { slots: 2, chunk_seconds: Some(4), early: false };
        let plan = planner::plan(&source, library.get("web").unwrap(), &request).unwrap();
        let survey = survey(&source, Some(&plan));
        insta::assert_json_snapshot!(survey);
    }
}
