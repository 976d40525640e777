//! What this build of FFmpeg reads, of what is accepted at all. A container or codec that it lacks is refused as a file
//! that cannot be used; people look here to learn why.

use ffmpeg_next::codec::Id;
use ffmpeg_next::decoder;
use serde::Serialize;

use crate::ffi;
use crate::source::DEMUXERS;

/// Pictures that people upload.
const VIDEO: [(Id, &str); 22] = [
    (Id::H264, "h264"),
    (Id::HEVC, "hevc"),
    (Id::VP8, "vp8"),
    (Id::VP9, "vp9"),
    (Id::AV1, "av1"),
    (Id::MPEG1VIDEO, "mpeg1video"),
    (Id::MPEG2VIDEO, "mpeg2video"),
    (Id::MPEG4, "mpeg4"),
    (Id::H263, "h263"),
    (Id::MSMPEG4V3, "msmpeg4v3"),
    (Id::WMV2, "wmv2"),
    (Id::WMV3, "wmv3"),
    (Id::VC1, "vc1"),
    (Id::FLV1, "flv1"),
    (Id::THEORA, "theora"),
    (Id::DVVIDEO, "dvvideo"),
    (Id::PRORES, "prores"),
    (Id::DNXHD, "dnxhd"),
    (Id::FFV1, "ffv1"),
    (Id::MJPEG, "mjpeg"),
    (Id::PNG, "png"),
    (Id::RAWVIDEO, "rawvideo"),
];

/// Sound that people upload.
const AUDIO: [(Id, &str); 16] = [
    (Id::AAC, "aac"),
    (Id::MP2, "mp2"),
    (Id::MP3, "mp3"),
    (Id::AC3, "ac3"),
    (Id::EAC3, "eac3"),
    (Id::DTS, "dts"),
    (Id::TRUEHD, "truehd"),
    (Id::OPUS, "opus"),
    (Id::VORBIS, "vorbis"),
    (Id::FLAC, "flac"),
    (Id::ALAC, "alac"),
    (Id::WMAV2, "wmav2"),
    (Id::WMAPRO, "wmapro"),
    (Id::AMR_NB, "amr_nb"),
    (Id::PCM_S16LE, "pcm_s16le"),
    (Id::PCM_S24LE, "pcm_s24le"),
];

/// A container or codec, and whether this build reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// FFmpeg's name.
    pub name: &'static str,
    /// It is in this build.
    pub reads: bool,
}

/// Everything that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Demuxers; a file that none of them knows is refused.
    pub containers: Vec<Item>,
    /// The usual codecs of pictures; FFmpeg may know more.
    pub video: Vec<Item>,
    /// The usual codecs of sound; FFmpeg may know more.
    pub audio: Vec<Item>,
}

impl Inventory {
    /// Looks at the libraries of this process.
    pub fn examine() -> Self {
        let codecs = |codecs: &[(Id, &'static str)]| {
            codecs.iter().map(|(id, name)| Item { name, reads: decoder::find(*id).is_some() }).collect()
        };
        let containers = DEMUXERS.split(',').map(|name| Item { name, reads: ffi::has_demuxer(name) });
        Self { containers: containers.collect(), video: codecs(&VIDEO), audio: codecs(&AUDIO) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/media.md names every container and codec that is looked for.
    #[test]
    fn the_page_on_media_is_true() {
        let text = include_str!("../../../docs/media.md");
        let found = Inventory::examine();
        for item in found.containers {
            assert!(text.contains(&format!("`{}`", item.name)), "{} is not in docs/media.md", item.name);
        }
        let words: Vec<_> = text.split([' ', ',', '\n']).collect();
        for item in found.video.iter().chain(&found.audio).filter(|item| !item.name.starts_with("pcm")) {
            assert!(words.contains(&item.name), "{} is not in docs/media.md", item.name);
        }
    }

    #[test]
    fn what_every_ffmpeg_has_is_found_under_its_own_name() {
        let found = Inventory::examine();
        let reads = |items: &[Item], name: &str| items.iter().any(|item| item.name == name && item.reads);
        assert!(reads(&found.containers, "mov") && reads(&found.containers, "matroska"), "{found:?}");
        assert!(reads(&found.video, "h264") && reads(&found.audio, "aac"), "{found:?}");
        for (id, name) in VIDEO.iter().chain(&AUDIO) {
            assert_eq!(id.name(), *name);
        }
    }
}
