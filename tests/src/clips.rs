//! The real clips that ship with the tests; where each comes from is told in `media/README.md`.

use std::path::{Path, PathBuf};

/// A clip of `media/`, with what a test needs to know about it.
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    file_name: &'static str,
    /// Frames that it shows.
    pub frame_count: usize,
}

/// Natural macro footage: 960x540, 30 frames a second, 5 s, stereo.
pub const FLOWER: Clip = Clip { file_name: "flower_960x540p30_h264_aac2_5s.mp4", frame_count: 150 };

/// Animation: 854x480, 24 frames a second, 30 s, 5.1 sound.
pub const BUNNY: Clip = Clip { file_name: "bbb_854x480p24_h264_aac6_30s.mp4", frame_count: 720 };

impl Clip {
    /// Where the clip lies.
    pub fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("media").join(self.file_name)
    }
}
