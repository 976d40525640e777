//! What an init segment says of its one track: codec, size, timescale. The coordinator believes it only where
//! it agrees with the plan.

use super::boxes::{Box4, Cursor, Malformed, code_text, malformed};
use super::codecs;

/// Facts of the single track of an init segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitFacts {
    /// For the CODECS attribute (RFC 6381): "avc1.64001f".
    pub codecs: String,
    /// Ticks per second, at least 1.
    pub timescale: u32,
    /// What the track holds.
    pub media: Media,
}

/// Facts by kind of track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Pictures.
    Video {
        /// Coded, pixels.
        width: u32,
        /// Coded, pixels.
        height: u32,
    },
    /// Sound.
    Audio {
        /// As the codec's own configuration says; 0: not said there.
        channel_count: u32,
    },
}

/// Bytes of a sample entry before its child boxes (ISO/IEC 14496-12 §12.1.3 and §12.2.3).
const VISUAL_ENTRY_BYTES: usize = 78;
const AUDIO_ENTRY_BYTES: usize = 28;

impl InitFacts {
    /// Reads an init segment: `ftyp` and a `moov` with exactly one track.
    pub fn parse(init_segment: &[u8]) -> Result<Self, Malformed> {
        let mut tracks = Self::parse_all(init_segment)?;
        match (tracks.pop(), tracks.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => malformed("the init segment has more than one track"),
            (None, _) => malformed("the init segment has no track"),
        }
    }

    /// Reads an init segment of any number of tracks.
    pub fn parse_all(init_segment: &[u8]) -> Result<Vec<Self>, Malformed> {
        let file = Cursor::new(b"init", init_segment);
        file.require(b"ftyp")?;
        let mut moov = file.require(b"moov")?;
        moov.require(b"mvex")?;
        let mut tracks = Vec::new();
        while let Some(found) = moov.next_box()? {
            if found.code == *b"trak" {
                tracks.push(Self::parse_track(Cursor::new(b"trak", found.payload))?);
            }
        }
        Ok(tracks)
    }

    fn parse_track(track: Cursor<'_>) -> Result<Self, Malformed> {
        let mdia = track.require(b"mdia")?;
        let timescale = read_timescale(mdia.require(b"mdhd")?)?;
        let table = mdia.require(b"minf")?.require(b"stbl")?.require(b"stsd")?;
        let (media, codecs) = read_entry(only_entry(table)?)?;
        Ok(Self { codecs, timescale, media })
    }
}

fn read_timescale(mut mdhd: Cursor<'_>) -> Result<u32, Malformed> {
    let (version, _) = mdhd.full()?;
    mdhd.take(if version == 1 { 16 } else { 8 })?;
    match mdhd.u32()? {
        0 => malformed("the track's timescale is 0"),
        timescale => Ok(timescale),
    }
}

fn only_entry(mut table: Cursor<'_>) -> Result<Box4<'_>, Malformed> {
    table.full()?;
    match table.u32()? {
        1 => table.next_box()?.ok_or_else(|| Malformed("the track's sample entry is missing".into())),
        count => malformed(format!("the track has {count} sample entries in place of 1")),
    }
}

fn read_entry(entry: Box4<'_>) -> Result<(Media, String), Malformed> {
    let mut cursor = Cursor::new(&entry.code, entry.payload);
    match &entry.code {
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp09" => {
            let fields = cursor.take(VISUAL_ENTRY_BYTES)?;
            let mut size = Cursor::new(&entry.code, &fields[24..28]);
            let media = Media::Video { width: size.u16()?.into(), height: size.u16()?.into() };
            Ok((media, codecs::video(entry.code, cursor)?))
        }
        b"mp4a" | b"Opus" => {
            cursor.take(AUDIO_ENTRY_BYTES)?;
            let (channel_count, codecs) = codecs::audio(entry.code, cursor)?;
            Ok((Media::Audio { channel_count }, codecs))
        }
        code => malformed(format!("codec {:?} is not one that is published", code_text(*code))),
    }
}
