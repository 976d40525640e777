//! What is published of a plan, and which files that makes of a rendition.

use serde::{Deserialize, Serialize};

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// HLS over single-file fMP4.
    pub hls: bool,
    /// An MP4 with its index first per rendition, audio muxed in.
    pub progressive: bool,
    /// A single-file fMP4 per rendition with the default audio track in it.
    #[serde(default)]
    pub muxed: bool,
    /// Target length of an HLS segment, whole seconds.
    pub segment_seconds: u32,
}

/// A file that is made of a rendition's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenditionFile {
    /// The single-file fMP4 of the picture alone.
    Media,
    /// The MP4 with its index first, sound inside.
    Progressive,
    /// The single-file fMP4 with sound inside.
    Muxed,
}

impl Package {
    /// What is made of each rendition, in the order of its assembly's outputs.
    pub fn files(self) -> impl Iterator<Item = RenditionFile> {
        let wanted = [
            (self.hls, RenditionFile::Media),
            (self.progressive, RenditionFile::Progressive),
            (self.muxed, RenditionFile::Muxed),
        ];
        wanted.into_iter().filter_map(|(wanted, file)| wanted.then_some(file))
    }

    /// Some file of a rendition has the default audio track in it.
    pub fn puts_sound_into_pictures(self) -> bool {
        self.progressive || self.muxed
    }
}
