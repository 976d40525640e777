//! The storyboard's part of a plan.

use serde::{Deserialize, Serialize};

use super::SourcePicture;

/// A storyboard: small pictures of the video at even distances, in one JPEG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryboardPlan {
    /// Position among the source's streams.
    pub stream_index: u32,
    /// Clockwise turn for display.
    pub rotation_degrees: u32,
    /// Deinterlace.
    pub interlaced: bool,
    /// What else the pictures of the source need.
    pub picture: SourcePicture,
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
    /// Row by row from the top left, by time.
    pub sprites: Vec<Seek>,
}

/// A source frame, and where its decoding starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seek {
    /// Keyframe to seek to, source ticks; none: decode from the start.
    pub seek_pts: Option<i64>,
    /// The frame, source ticks.
    pub pts: i64,
}
