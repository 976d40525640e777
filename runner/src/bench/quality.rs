//! What a case looks like: its largest rendition, as the first run made it, against what its encoder was given. An engine of
//! its own decodes it after the timed part; this process parses no media.

use bytes::Bytes;
use flotilla_engine::report::{Likeness, Report, Track};
use flotilla_engine::spec::{EncodeChunk, Task};

use super::cases::Case;
use super::clip::Clip;
use crate::attempt::local::{self, Done, Keep};
use crate::config;

/// What the figure is.
pub const SSIM: &str = "SSIM of brightness (FFmpeg's lavfi.ssim.Y, mean of all frames) of the largest size, against the \
                        pictures that its encoder was given; VMAF is not measured";

/// The largest rendition of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    init_segment: Vec<u8>,
    media: Vec<u8>,
}

/// How a case looks, and at what rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// By the engine.
    pub likeness: Likeness,
    /// Of the largest rendition alone.
    pub kbps: f64,
}

impl Made {
    /// Of a chunk that was kept; none: it was not.
    pub fn of(done: &Done) -> Option<Self> {
        let Report::EncodeChunk { renditions, .. } = &done.report else { return None };
        let (Track { init_segment, .. }, media) = (renditions.first()?, done.outputs.first()?);
        let is_kept = !media.is_empty();
        is_kept.then(|| Self { init_segment: init_segment.clone(), media: media.clone() })
    }

    /// Judges it; the error says in one sentence why that cannot be done here.
    pub async fn quality(self, case: &Case, clip: &Clip, engine: &config::Engine) -> Result<Quality, String> {
        let mut chunk: EncodeChunk = clip.chunk(case);
        chunk.renditions.truncate(1);
        let seconds = clip.seconds(clip.frame_count(case) as u64);
        let kbps = self.media.len() as f64 * 8.0 / 1000.0 / seconds;
        let file = Bytes::from([self.init_segment, self.media].concat());
        let inputs = vec![Clip::bytes(), file];
        let done = local::run(engine, Task::Compare(chunk), inputs, (0, Keep::Nothing)).await?;
        match done.report {
            Report::Compare { likenesses } => match likenesses.first() {
                Some(likeness) => Ok(Quality { likeness: *likeness, kbps }),
                None => Err("the engine compared nothing".to_owned()),
            },
            _ => Err("the engine answered another task than it was given".to_owned()),
        }
    }
}
