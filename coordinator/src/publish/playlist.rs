//! Media playlists (RFC 8216 §4.3.2 and §4.3.3) of single-file fragmented MP4: every byte range is written in
//! full, so a segment can be found without reading the lines before it.

use std::fmt::Write;

use super::joined::Joined;
use super::segments::Segments;

/// Name of the media file, beside its playlist.
const MEDIA_NAME: &str = "media.mp4";

/// What may become of a playlist (RFC 8216 §4.3.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: it is whole.
    Vod,
    /// More segments are added behind the last one, until it has ended.
    Event {
        /// Nothing follows any more.
        ended: bool,
    },
}

/// The text of a rendition's media playlist.
pub fn media_playlist(joined: &Joined, segments: &Segments) -> String {
    let target_seconds = segments.target_duration_seconds();
    let uris = vec![MEDIA_NAME; segments.list.len()];
    written(Kind::Vod, target_seconds, joined.init_segment.len() as u64, segments, &uris)
}

/// A playlist of segments that lie in these objects, one for each; the first object begins with the init segment.
pub fn written(
    kind: Kind,
    target_seconds: u64,
    init_bytes: u64,
    segments: &Segments,
    uris: &[&str],
) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n");
    let mut line = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    };
    line(format_args!("#EXT-X-TARGETDURATION:{target_seconds}"));
    line(format_args!("#EXT-X-MEDIA-SEQUENCE:0"));
    line(format_args!("#EXT-X-PLAYLIST-TYPE:{}", if kind == Kind::Vod { "VOD" } else { "EVENT" }));
    line(format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    if kind != Kind::Vod {
        // Players would start near the end of what is still growing (RFC 8216 §6.3.3).
        line(format_args!("#EXT-X-START:TIME-OFFSET=0"));
    }
    let first = uris.first().copied().unwrap_or(MEDIA_NAME);
    line(format_args!("#EXT-X-MAP:URI=\"{first}\",BYTERANGE=\"{init_bytes}@0\""));
    for ((segment, duration_us), uri) in segments.list.iter().zip(segments.durations_us()).zip(uris) {
        line(format_args!("#EXTINF:{}.{:06},", duration_us / 1_000_000, duration_us % 1_000_000));
        line(format_args!("#EXT-X-BYTERANGE:{}@{}", segment.size_bytes, segment.offset_bytes));
        line(format_args!("{uri}"));
    }
    if kind != (Kind::Event { ended: false }) {
        line(format_args!("#EXT-X-ENDLIST"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    #[test]
    fn a_playlist_of_ntsc_video() {
        let joined =
            fixtures::joined("720p", 30_000, &[(60_060, 250_000), (60_060, 180_000), (30_030, 90_000)]);
        insta::assert_snapshot!(media_playlist(&joined, &Segments::new(&joined, 4)));
    }

    #[test]
    fn a_playlist_of_audio() {
        let fragments = [(96_256, 32_100), (96_256, 32_000), (50_176, 16_000)];
        let joined = fixtures::joined_audio("audio-eng", 48_000, &fragments);
        insta::assert_snapshot!(media_playlist(&joined, &Segments::new(&joined, 2)));
    }
}
