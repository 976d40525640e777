//! What a profile says. It is stored with every job as JSON, so a job keeps the rules that it was submitted under even
//! when the library changes; `deny_unknown_fields` keeps an older coordinator from reading half of a newer profile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A named ladder with its codec settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Letters, digits and dashes.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// None: makes no picture.
    pub video: Option<VideoRules>,
    /// None: makes no sound.
    pub audio: Option<AudioRules>,
    /// None: leaves subtitles out.
    #[serde(default)]
    pub text: Option<TextRules>,
    /// None: makes no storyboard.
    #[serde(default)]
    pub storyboard: Option<StoryboardRules>,
    /// What is published.
    pub package: PackageRules,
}

impl Profile {
    /// The encoders that its tasks need.
    pub fn encoders(&self) -> Vec<String> {
        let video = self.video.iter().map(|video| video.encoder.clone());
        let audio = self.audio.iter().map(|audio| audio.encoder.clone());
        video.chain(audio).collect()
    }
}

/// How pictures are encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoRules {
    /// One of [`VIDEO_ENCODERS`](crate::VIDEO_ENCODERS).
    pub encoder: String,
    /// Short sides of the renditions, pixels: even, ascending. The source is never scaled up.
    pub heights: Vec<u32>,
    /// Make the source's own size too, as the largest rendition.
    pub keep_source_size: bool,
    /// Between keyframes.
    pub gop_seconds: u32,
    /// Constant quality on the encoder's own scale; none for encoders that have another name for it.
    pub crf: Option<u32>,
    /// "yuv420p" or "yuv420p10le".
    pub pixel_format: String,
    /// Limits of the frame rate.
    pub frame_rate: FrameRateRules,
    /// Limits of the bitrate.
    pub rate: RateRules,
    /// Passed to the encoder by its own names.
    pub settings: BTreeMap<String, String>,
    /// What small renditions get besides.
    #[serde(default)]
    pub small: Option<SmallRules>,
    /// Make a video of a source that has only sound: of its cover, or of a plain picture.
    #[serde(default)]
    pub still_image: bool,
    /// Whether an encoder of a hardware device may take the encoder's place.
    #[serde(default, skip_serializing_if = "HardwareUse::is_never")]
    pub hardware: HardwareUse,
    /// Exactly these renditions, in place of what heights, the source's own size and the frame rate's limits say; empty:
    /// those rules hold. For whoever is told what to make; not a field of profile files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<ExactRendition>,
}

/// Whether hardware may encode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HardwareUse {
    /// Software only.
    #[default]
    Never,
    /// Where a runner has a device that can, it may; else software does.
    Allow,
}

impl HardwareUse {
    /// Software only.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// A rendition that is made whatever the source is like: it may be larger, and have more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactRendition {
    /// Pixels, even.
    pub short_side: u32,
    /// Whole frames a second; a source whose own rate rounds to it keeps its own.
    pub fps: u32,
}

/// Settings of small renditions, whose few pixels leave an encoder little to go by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallRules {
    /// Short side, pixels, below which a rendition is small.
    pub below: u32,
    /// Added to the encoder's settings, or in their place.
    pub settings: BTreeMap<String, String>,
}

impl VideoRules {
    /// Settings by the encoder's own names for a rendition of that short side.
    pub fn settings_for(&self, short_side: u32) -> BTreeMap<String, String> {
        let small = self.small.iter().filter(|small| short_side < small.below);
        let added = small.flat_map(|small| small.settings.clone());
        self.settings.clone().into_iter().chain(added).collect()
    }
}

/// Limits of the frame rate, frames a second. The source's own size keeps the source's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameRateRules {
    /// For every rendition smaller than the source.
    pub max: u32,
    /// Short side, pixels, below which `small_max` holds.
    pub small_below: u32,
    /// For small pictures.
    pub small_max: u32,
}

/// How PeerTube's bitrate formula is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRules {
    /// Of PeerTube's rate: 100 for H.264, less for better codecs.
    pub percent: u32,
    /// Of the source's rate, that no rendition exceeds.
    pub input_percent: u32,
    /// Of PeerTube's rate, below which no cap goes for the source's sake.
    #[serde(default)]
    pub least_percent: u32,
    /// Size of the decoder's buffer, of one second at the cap.
    pub buffer_percent: u32,
}

/// How sound is encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioRules {
    /// One of [`AUDIO_ENCODERS`](crate::AUDIO_ENCODERS).
    pub encoder: String,
    /// Most channels; more are mixed down, fewer stay.
    pub channels: u32,
    /// The output never has more.
    pub max_bitrate_kbps: u32,
    /// For a source whose bitrate is not known.
    pub unknown_bitrate_kbps: u32,
    /// Floor for a source that is in this codec already: a second generation needs headroom.
    pub recode_bitrate_kbps: u32,
    /// Take the source's packets as they are when codec, channels and bitrate fit.
    pub copy: bool,
    /// Which of the source's tracks.
    pub tracks: TrackChoice,
}

/// Which of a source's audio tracks are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackChoice {
    /// The one that players play when nothing is chosen.
    #[default]
    Default,
    /// Every one, as alternates.
    All,
}

/// What becomes of subtitles that are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRules {
    /// Which of the source's tracks.
    pub tracks: TextChoice,
}

/// Which of a source's text tracks are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextChoice {
    /// Every one.
    All,
    /// None.
    None,
}

/// A storyboard: small pictures of the video at even distances, in one JPEG, which players show above the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryboardRules {
    /// Of one picture, pixels.
    pub sprite_width: u32,
    /// Of one picture, pixels.
    pub sprite_height: u32,
    /// Pictures beside each other.
    pub columns: u32,
    /// Pictures below each other.
    pub rows: u32,
    /// From one picture to the next.
    pub seconds_per_sprite: u32,
}

impl StoryboardRules {
    /// The longest side of a storyboard, pixels: more fits into a JPEG, but not into the memory of a small device.
    pub const MAX_SIDE: u32 = 8192;

    /// Why nobody can make it; none: it can be made.
    pub fn problem(&self) -> Option<String> {
        let sides = [
            (self.sprite_width, self.columns, "columns of sprite_width"),
            (self.sprite_height, self.rows, "rows of sprite_height"),
        ];
        if self.seconds_per_sprite == 0 {
            return Some("seconds_per_sprite is 0; set at least 1".to_owned());
        }
        sides.into_iter().find_map(|(pixels, count, what)| {
            let side = u64::from(pixels) * u64::from(count);
            let most = Self::MAX_SIDE;
            let makes = format!("{count} {what} {pixels} make {side} pixels");
            (!(1..=u64::from(most)).contains(&side)).then(|| format!("{makes}; make 1 to {most}"))
        })
    }
}

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRules {
    /// HLS over single-file fMP4.
    pub hls: bool,
    /// An MP4 with its index first per rendition.
    pub progressive: bool,
    /// One fragmented MP4 per rendition with the default audio track in it.
    #[serde(default)]
    pub muxed: bool,
    /// Target length of an HLS segment.
    pub segment_seconds: u32,
}

#[cfg(test)]
mod tests {
    use crate::Library;

    #[test]
    fn only_small_renditions_get_the_settings_of_small_ones() {
        let library = Library::load(None).unwrap();
        let video = library.get("web").unwrap().video.clone().unwrap();
        assert_eq!(video.settings_for(540), video.settings);
        let small = video.settings_for(480);
        assert_eq!((small["subq"].as_str(), small["preset"].as_str()), ("3", "veryfast"));
    }
}
