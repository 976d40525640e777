//! The manifest: what a ladder offers (RFC 8216 §4.3.4).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Problems;
use super::media::Stream;
use super::playlist::{attributes, beside, lines, name_of};

/// The top-level manifest.
pub struct Master {
    /// In its order.
    pub variants: Vec<Variant>,
    sound: Vec<PathBuf>,
}

/// A line of the manifest that offers one quality.
pub struct Variant {
    /// Its playlist.
    pub path: PathBuf,
    attributes: BTreeMap<String, String>,
}

impl Master {
    /// Reads `master.m3u8`.
    pub fn read(path: &Path) -> Result<Self> {
        let (mut variants, mut sound, mut pending) = (Vec::new(), Vec::new(), None);
        for line in lines(path)? {
            if let Some(rest) = line.strip_prefix("#EXT-X-MEDIA:") {
                let attributes = attributes(rest);
                let is_audio = attributes.get("TYPE").is_some_and(|kind| kind == "AUDIO");
                sound.extend(attributes.get("URI").filter(|_| is_audio).map(|uri| beside(path, uri)));
            } else if let Some(rest) = line.strip_prefix("#EXT-X-STREAM-INF:") {
                pending = Some(attributes(rest));
            } else if !line.starts_with('#')
                && let Some(attributes) = pending.take()
            {
                variants.push(Variant { path: beside(path, &line), attributes });
            }
        }
        ensure!(!variants.is_empty(), "{} offers no variant", path.display());
        Ok(Self { variants, sound })
    }

    /// Playlists of the audio renditions, each once.
    pub fn sound_playlists(&self) -> impl Iterator<Item = &PathBuf> {
        let repeated = |index: usize| self.sound[..index].contains(&self.sound[index]);
        self.sound.iter().enumerate().filter(move |(index, _)| !repeated(*index)).map(|(_, path)| path)
    }
}

impl Variant {
    /// The rendition's name.
    pub fn name(&self) -> String {
        name_of(&self.path)
    }

    /// Where the manifest says something else than the stream holds.
    pub fn problems(&self, stream: &Stream) -> Problems {
        let attribute = |name: &str| self.attributes.get(name).map(String::as_str).unwrap_or_default();
        let mut problems = Problems::new();
        let size = format!("{}x{}", stream.width, stream.height);
        if attribute("RESOLUTION") != size {
            problems.push(format!("RESOLUTION is {:?}, the stream is {size}", attribute("RESOLUTION")));
        }
        let tag = match stream.codec.as_str() {
            "h264" => "avc1.",
            "av1" => "av01.",
            other => other,
        };
        if !attribute("CODECS").split(',').any(|codec| codec.trim().starts_with(tag)) {
            problems.push(format!("CODECS is {:?}, the stream is {}", attribute("CODECS"), stream.codec));
        }
        let rate = |name: &str| attribute(name).parse::<u64>().unwrap_or(0);
        if rate("BANDWIDTH") == 0 || rate("AVERAGE-BANDWIDTH") > rate("BANDWIDTH") {
            problems.push("BANDWIDTH is missing or below AVERAGE-BANDWIDTH".into());
        }
        problems
    }
}
