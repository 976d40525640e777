//! Some renditions of a chunk, and which thread encodes them.

use std::thread::Scope;

use ffmpeg_next::frame;

use super::apart::Apart;
use super::rendition::Rendition;
use crate::error::Result;
use crate::pipe::Outputs;
use crate::report::Track;

/// Renditions that are encoded together.
pub enum Part<'scope> {
    /// On a thread of their own.
    Apart(Apart<'scope>),
    /// On the thread that decodes and scales.
    Here(Vec<Rendition<'scope>>),
}

impl<'scope> Part<'scope> {
    /// Starts the thread; without a name for it there is none.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        thread_name: Option<&str>,
        renditions: Vec<Rendition<'scope>>,
    ) -> Result<Self> {
        match thread_name {
            Some(name) => Apart::start(scope, name, renditions).map(Self::Apart),
            None => Ok(Self::Here(renditions)),
        }
    }

    /// Shows a picture `count` times in a rendition.
    pub fn send(
        &mut self,
        rendition: usize,
        picture: &mut frame::Video,
        count: u32,
        outputs: &mut dyn Outputs,
    ) -> Result<()> {
        match self {
            Self::Apart(apart) => apart.send(rendition, picture, count),
            Self::Here(renditions) => renditions[rendition].send(picture, count, outputs),
        }
    }

    /// Frames of the first rendition that are encoded.
    pub fn progress(&self) -> u64 {
        match self {
            Self::Apart(apart) => apart.progress(),
            Self::Here(renditions) => renditions.first().map_or(0, Rendition::progress),
        }
    }

    /// Writes what was encoded since the last time.
    pub fn pass_on(&self, outputs: &mut dyn Outputs) -> Result<()> {
        match self {
            Self::Apart(apart) => apart.pass_on(outputs),
            Self::Here(_) => Ok(()),
        }
    }

    /// No more pictures will come.
    pub fn close(&self) {
        if let Self::Apart(apart) = self {
            apart.close();
        }
    }

    /// Encodes and writes what is left, after the last picture.
    pub fn finish(self, outputs: &mut dyn Outputs) -> Result<Vec<Track>> {
        match self {
            Self::Apart(apart) => apart.finish(outputs),
            Self::Here(renditions) => {
                renditions.into_iter().map(|rendition| rendition.finish(outputs)).collect()
            }
        }
    }
}
