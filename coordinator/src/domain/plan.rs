//! The plan of a job: made once, before any encoding, and never changed. It fixes the output frame grids, the chunks, the
//! renditions and every encoder setting that changes bytes, so that any runner makes the same bytes from it.

mod edited;
mod package;
mod storyboard;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::choice;
use super::rational::Rational;
use super::sequence::Sequence;
use super::source::{Colour, Fields};
use super::task::TaskKind;
use super::work::Work;
pub use edited::{Clip, Mark, SoundInput, SoundPart};
pub use package::{Package, RenditionFile};
pub use storyboard::{Seek, StoryboardPlan};

/// Everything that is decided about a job before its encoding starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the profile that it follows.
    pub profile: String,
    /// Demuxer that every task must use.
    pub demuxer: String,
    /// None: the source or the profile has no picture.
    pub video: Option<VideoPlan>,
    /// Audio tracks, the default one first.
    pub audio: Vec<AudioPlan>,
    /// Subtitles, in the source's order.
    #[serde(default)]
    pub text: Vec<TextPlan>,
    /// None: the source has no picture, or the profile makes no storyboard.
    #[serde(default)]
    pub storyboard: Option<StoryboardPlan>,
    /// What is published.
    pub package: Package,
    /// Chunks are shown as soon as they are there: the first ones are short, and lie at the destination.
    #[serde(default)]
    pub early: bool,
    /// What a person should know: "source has 2 audio tracks, 1 is used".
    pub notes: Vec<String>,
}

/// The picture's part of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// Position among the source's streams.
    pub stream_index: u32,
    /// Clockwise turn for display.
    pub rotation_degrees: u32,
    /// Deinterlace.
    pub interlaced: bool,
    /// What else the pictures of the source need.
    #[serde(default)]
    pub picture: SourcePicture,
    /// Colour description to write.
    pub colour: Colour,
    /// Distinct frame grids; renditions refer to them.
    pub grids: Vec<Grid>,
    /// Largest first.
    pub renditions: Vec<Rendition>,
    /// In order; their slices cover every grid.
    pub chunks: Vec<Chunk>,
    /// One picture for all frames; none: a video.
    #[serde(default)]
    pub still: Option<Still>,
    /// What edits put before and behind the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clips: Vec<Clip>,
    /// What edits lay over it, the last one on top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// The one picture of a still-image video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Still {
    /// The source's cover.
    Cover,
    /// A plain dark one.
    Blank,
    /// The one that was submitted beside the source.
    Given,
}

/// What turns decoded pictures into upright ones of known colours, besides the quarter turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePicture {
    /// Left and right are swapped before the picture is turned.
    pub mirrored: bool,
    /// Width over height of a pixel where the container states it, which then holds for all frames.
    pub sample_aspect_ratio: Option<Rational>,
    /// Colours of frames that do not state their own.
    pub colour: Colour,
    /// Which fields the frames of an interlaced stream have.
    pub fields: Fields,
}

/// An output frame grid: for every output frame its presentation time and the source frame that it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Ticks per second of the output track.
    pub timescale: u32,
    /// Nominal rate.
    pub frame_rate: Rational,
    /// Frames between keyframes, fixed, counted from each chunk's start.
    pub gop_frames: u32,
    /// Presentation times in ticks, strictly rising; the last entry is the end of the last frame.
    pub times: Sequence,
    /// Timestamps of the source frames shown, source ticks; never falling within the frames of one file.
    pub source_pts: Sequence,
}

impl VideoPlan {
    /// What its chunks need of a runner: one need for all renditions where there is a choice; see [`choice`].
    pub fn needs(&self) -> Vec<String> {
        let alternatives = self.renditions.first().map(|first| first.alternatives.as_slice());
        if let (Some(first), Some(others @ [_, ..])) = (self.renditions.first(), alternatives) {
            let sessions = u32::try_from(self.renditions.len()).unwrap_or(u32::MAX);
            let devices = others.iter().map(|other| choice::Way { offer: &other.offer, sessions });
            let software = choice::Way { offer: &first.encoder, sessions: 0 };
            return vec![choice::one_of(devices.chain([software]))];
        }
        let mut encoders: Vec<String> =
            self.renditions.iter().map(|rendition| rendition.encoder.clone()).collect();
        encoders.sort();
        encoders.dedup();
        encoders
    }

    /// The rendition of that short side, pixels, and nominal rate, whole frames a second.
    pub fn rendition_of(&self, short_side: u32, fps: u32) -> Option<&Rendition> {
        let rate = |rendition: &Rendition| {
            self.grids.get(rendition.grid_index as usize).map(|grid| grid.frame_rate.round())
        };
        let wanted = |rendition: &&Rendition| {
            rendition.short_side() == short_side && rate(rendition) == Some(i64::from(fps))
        };
        self.renditions.iter().find(wanted)
    }

    /// What a rendition's progressive file is called: by the short side alone where that says which it is.
    pub fn progressive_name(&self, rendition: &Rendition) -> String {
        let short_side = rendition.short_side();
        match self.renditions.iter().filter(|other| other.short_side() == short_side).count() {
            0 | 1 => format!("{short_side}p"),
            _ => rendition.name.clone(),
        }
    }
}

impl Grid {
    /// Output frames.
    pub fn frame_count(&self) -> u64 {
        self.source_pts.len()
    }

    /// From the first frame to the end of the last one.
    pub fn length_ticks(&self) -> Option<u64> {
        u64::try_from(self.times.last()?.checked_sub(self.times.get(0)?)?).ok()
    }

    /// Some frame is shown for a quarter less or more than the average one: an encoder must be told the true times.
    /// Containers that round to milliseconds stay within.
    pub fn has_variable_rate(&self) -> bool {
        let Some(length) = self.length_ticks().map(i128::from) else { return false };
        let frames = i128::from(self.frame_count());
        let uneven = |step: i64| {
            let quarters = 4 * frames * i128::from(step);
            quarters < 3 * length || quarters > 5 * length
        };
        self.times.steps().any(|(step, _)| uneven(step))
    }
}

/// A chunk: for each grid, which of its frames. They are all of one file: the source, or a clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Keyframe to seek to, source ticks; none: decode from the start.
    pub seek_pts: Option<i64>,
    /// One per grid, in the grids' order.
    pub slices: Vec<Slice>,
    /// Where decoding goes on from another keyframe, because frames between are left out; by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jumps: Vec<Seek>,
    /// Expected effort of a frame, thousandths of an ordinary frame of this video. For estimates only.
    #[serde(default = "ordinary_effort")]
    pub effort_permille: u32,
    /// Which of [`VideoPlan::clips`] it is of; none: of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<u32>,
}

/// Effort of an ordinary frame, in thousandths of itself.
pub const ORDINARY_EFFORT_PERMILLE: u32 = 1000;

fn ordinary_effort() -> u32 {
    ORDINARY_EFFORT_PERMILLE
}

/// Frames `start_frame..end_frame` of a grid, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The first frame.
    pub start_frame: u64,
    /// One past the last frame.
    pub end_frame: u64,
}

impl Slice {
    /// Frames in it.
    pub fn frame_count(self) -> u64 {
        self.end_frame - self.start_frame
    }
}

/// One output quality.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// "720p", "1080p60": unique within the plan; names the folder that is published.
    pub name: String,
    /// Into [`VideoPlan::grids`].
    pub grid_index: u32,
    /// Even, upright.
    pub width: u32,
    /// Even, upright.
    pub height: u32,
    /// Encoder as runners advertise it.
    pub encoder: String,
    /// Every setting that changes bytes, by the encoder's own names.
    pub settings: BTreeMap<String, String>,
    /// Encoders of devices that may make it in the encoder's place, the better first; all chunks are made by the one or
    /// the other. The same ones for all renditions of a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// "yuv420p" or "yuv420p10le".
    pub pixel_format: String,
    /// Cap of the video's rate, bit/s.
    pub max_bitrate_bps: u64,
}

/// Another encoder for a rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// As runners offer it: "h264_nvenc@hd" is one for pictures of up to 1920x1088.
    pub offer: String,
    /// As [`Rendition::settings`].
    pub settings: BTreeMap<String, String>,
}

impl Alternative {
    /// FFmpeg's name of the encoder.
    pub fn encoder(&self) -> &str {
        choice::encoder_of(&self.offer)
    }
}

impl Rendition {
    /// Encoder and settings for what was chosen: an alternative's offer, or the encoder itself.
    pub fn made_by(&self, offer: &str) -> (&str, &BTreeMap<String, String>) {
        let chosen = self.alternatives.iter().find(|other| other.offer == offer);
        chosen.map_or((self.encoder.as_str(), &self.settings), |other| (other.encoder(), &other.settings))
    }

    /// What it is called by, pixels.
    pub fn short_side(&self) -> u32 {
        self.width.min(self.height)
    }
}

/// One audio track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// "audio-eng", "audio-1": unique within the plan; names the folder that is published.
    pub name: String,
    /// Position among the source's streams.
    pub stream_index: u32,
    /// "aac" or "libopus".
    pub encoder: String,
    /// Target, bit/s.
    pub bitrate_bps: u32,
    /// Of the output; also its timescale.
    pub sample_rate_hz: u32,
    /// Of the output.
    pub channel_count: u32,
    /// Time at which the first sample sounds, samples.
    pub start_ticks: u64,
    /// Fragment length, samples.
    pub fragment_ticks: u32,
    /// About how long it is, samples: by the source's packets. For progress and sizes only.
    pub duration_ticks: u64,
    /// BCP 47 or ISO 639-2; empty: not known.
    pub language: String,
    /// For people; empty: none.
    pub title: String,
    /// Played when the viewer chooses nothing.
    pub is_default: bool,
    /// Take the source's packets as they are.
    pub copy: bool,
    /// Stretches of the track that are kept, samples of the output from the first one that sounds, start and end; empty:
    /// all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<(u64, u64)>,
    /// The track is made of several files, one after the other; then stream, `first_pts` and `kept` mean nothing. None: it
    /// is the source's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SoundPart>,
    /// Time of the first sample that sounds, source ticks; none in plans of older versions.
    #[serde(default)]
    pub first_pts: Option<i64>,
    /// Somebody talks about the work.
    #[serde(default)]
    pub is_commentary: bool,
    /// Tells those who do not see what is shown.
    #[serde(default)]
    pub is_description: bool,
}

/// Sound that is there before the whole track is, seconds; long tracks take longer, so there is more of it: a share.
const LEAST_HEAD_SECONDS: u64 = 16;
const HEAD_SHARE: u64 = 32;

impl AudioPlan {
    /// Fragments of the track's head, which is encoded first where a job is shown early.
    pub fn head_fragments(&self) -> u32 {
        let least = LEAST_HEAD_SECONDS * u64::from(self.sample_rate_hz);
        let wanted = least.max(self.duration_ticks / HEAD_SHARE);
        u32::try_from(wanted.div_ceil(u64::from(self.fragment_ticks.max(1)))).unwrap_or(u32::MAX)
    }

    /// A head is worth a task of its own: the track is much longer.
    pub fn has_head(&self) -> bool {
        self.duration_ticks > 2 * u64::from(self.head_fragments()) * u64::from(self.fragment_ticks)
    }
}

/// One track of subtitles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPlan {
    /// "subtitles-eng", "subtitles-1": unique within the plan; names the folder that is published.
    pub name: String,
    /// Position among the source's streams.
    pub stream_index: u32,
    /// The source's time that becomes 0, microseconds.
    pub zero_us: i64,
    /// BCP 47 or ISO 639-2; empty: not known.
    pub language: String,
    /// For people; empty: none.
    pub title: String,
    /// Shown when the viewer chooses nothing; at most one is.
    pub is_default: bool,
    /// Shown even to those who want no subtitles.
    pub is_forced: bool,
    /// Tells sounds too, for those who do not hear.
    pub is_for_deaf: bool,
}

/// A task of a plan, before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTask {
    /// What it does.
    pub kind: TaskKind,
    /// Positions of the tasks that must be done before it.
    pub depends_on: Vec<usize>,
    /// Encoders that its runner must offer.
    pub encoders: Vec<String>,
    /// Frames, thousands of samples, or MiB: the unit of the attempt's progress.
    pub size: u64,
    /// How much work it is expected to be.
    pub work: Work,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(times: &[i64], expected: bool) {
        let source_pts = times[1..].iter().copied().collect();
        let frame_rate = Rational::new(24, 1).expect("a rate");
        let times = times.iter().copied().collect();
        let grid = Grid { timescale: 1000, frame_rate, gop_frames: 48, times, source_pts };
        assert_eq!(grid.has_variable_rate(), expected, "{:?}", grid.times);
    }

    #[test]
    fn rounded_times_are_even_and_held_frames_are_not() {
        check(&[0, 42, 83, 125, 167], false);
        check(&[0, 3, 7, 10, 13], false);
        check(&[0, 42, 83, 208, 250], true);
        check(&[0, 325, 358, 392], true);
        check(&[0, 40], false);
    }
}
