//! What a case looks like: its largest rendition, as the first run made it, against what its encoder was given. An engine of
//! its own decodes it after the timed part; this process parses no media.

use bytes::Bytes;
use flotilla_engine::report::{Likeness, Report, Track};
use flotilla_engine::spec::{EncodeChunk, Task};

use super::cases::owned;
use super::clip::Clip;
use super::vmaf::{self, Judge, Score};
use crate::attempt::local::{self, Done, Keep};
use crate::config;

/// What the figure is.
const SSIM: &str = "SSIM of brightness (FFmpeg's lavfi.ssim.Y, mean of all frames) of the largest size, against the \
                    pictures that its encoder was given";

/// x264 without loss: what comes out of its decoder is what went in, sample for sample.
const WITHOUT_LOSS: [(&str, &str); 3] = [("preset", "ultrafast"), ("qp", "0"), ("threads", "1")];

/// One rendition of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    init_segment: Vec<u8>,
    media: Vec<u8>,
}

/// How a case looks, and at what rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// By the engine; the error says in one sentence why that cannot be told here.
    pub likeness: Result<Likeness, String>,
    /// By a program that has the filter; none: there is no such program.
    pub score: Option<Result<Score, String>>,
    /// Of the largest rendition alone.
    pub kbps: f64,
}

/// What some case lacks.
#[derive(Debug, Default)]
pub struct Missing {
    ssim: Option<String>,
    vmaf: Option<String>,
}

impl Made {
    /// The first rendition of a chunk that was kept; none: it was not.
    pub fn of(done: &Done) -> Option<Self> {
        let Report::EncodeChunk { renditions, .. } = &done.report else { return None };
        let (Track { init_segment, .. }, media) = (renditions.first()?, done.outputs.first()?);
        let is_kept = !media.is_empty();
        is_kept.then(|| Self { init_segment: init_segment.clone(), media: media.clone() })
    }

    /// Has an engine encode a chunk of the clip that has one rendition.
    pub async fn encode(chunk: EncodeChunk, engine: &config::Engine) -> Result<Self, String> {
        let inputs = vec![Clip::bytes()];
        let done = local::run(engine, Task::EncodeChunk(chunk), inputs, (1, Keep::All)).await?;
        Self::of(&done).ok_or_else(|| "nothing came out".to_owned())
    }

    /// Of a video that lasts so long.
    pub fn kbps(&self, seconds: f64) -> f64 {
        self.media.len() as f64 * 8.0 / 1000.0 / seconds
    }

    /// How like it is to what the encoder of a chunk with this one rendition was given.
    pub async fn likeness(&self, chunk: EncodeChunk, engine: &config::Engine) -> Result<Likeness, String> {
        let inputs = vec![Clip::bytes(), Bytes::from(self.file())];
        let done = local::run(engine, Task::Compare(chunk), inputs, (0, Keep::Nothing)).await?;
        match done.report {
            Report::Compare { likenesses } => match likenesses.first() {
                Some(likeness) => Ok(*likeness),
                None => Err("the engine compared nothing".to_owned()),
            },
            _ => Err("the engine answered another task than it was given".to_owned()),
        }
    }

    /// Judges it, the first rendition of a chunk that is shown for so many seconds.
    pub async fn quality(
        self,
        mut chunk: EncodeChunk,
        seconds: f64,
        engine: &config::Engine,
        judge: Option<&Judge>,
    ) -> Quality {
        chunk.renditions.truncate(1);
        let score = match judge {
            Some(judge) => Some(self.score(chunk.clone(), engine, judge).await),
            None => None,
        };
        Quality { likeness: self.likeness(chunk, engine).await, score, kbps: self.kbps(seconds) }
    }

    /// The program needs what the encoder was given as a file, and gets the very pictures: encoded without loss.
    async fn score(
        &self,
        mut chunk: EncodeChunk,
        engine: &config::Engine,
        judge: &Judge,
    ) -> Result<Score, String> {
        let frame_count = chunk.grids.first().map_or(0, |grid| grid.source_pts.len());
        chunk.encode_on = None;
        for rendition in &mut chunk.renditions {
            rendition.encoder = "libx264".to_owned();
            rendition.settings = owned(&WITHOUT_LOSS);
        }
        let sent = Self::encode(chunk, engine).await?;
        judge.score(&self.file(), &sent.file(), frame_count).await
    }

    fn file(&self) -> Vec<u8> {
        [&self.init_segment[..], &self.media].concat()
    }
}

impl Missing {
    /// Notes what a case lacks.
    pub fn note(&mut self, case: &str, quality: &Quality) {
        let why = |why: &String| format!("{case}: {why}");
        self.ssim = quality.likeness.as_ref().err().map(why).or_else(|| self.ssim.take());
        let score = quality.score.as_ref().and_then(|score| score.as_ref().err());
        self.vmaf = score.map(why).or_else(|| self.vmaf.take());
    }

    /// What the figures are, and which are missing, in one sentence.
    pub fn told(&self, judge: Result<&Judge, &String>) -> String {
        let but = |what: &str, why: &Option<String>| match why {
            None => what.to_owned(),
            Some(why) => format!("{what}, not everywhere: {why}"),
        };
        let vmaf = match judge {
            Ok(_) => but(vmaf::WHAT, &self.vmaf),
            Err(why) => format!("VMAF is not measured: {why}"),
        };
        format!("{}; {vmaf}", but(SSIM, &self.ssim))
    }
}
