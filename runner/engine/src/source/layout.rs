//! The top-level boxes of an MP4 or QuickTime file (ISO/IEC 14496-12 §4.2): whether the file is all there, whether its
//! index is in one place, and where.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::reader::InputReader;
use crate::error::{Error, Result};

/// A file of more top-level boxes is taken for fragmented: the only kind that needs many.
const MAX_BOXES: usize = 64;
/// Asked for to see a box header; what is there besides is mostly the header of the next box.
const HEADER_BYTES: u64 = 64;
/// An index that begins here or earlier is read together with what is before it.
const NEAR_BYTES: u64 = 4 << 10;

/// What the top-level boxes say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The samples are named by many `moof`.
    pub fragmented: bool,
    /// Where the `moov` lies.
    pub index: Option<Range<u64>>,
}

impl Layout {
    /// None when the input is no such file; an error when it ends before its index does: FFmpeg would only say that it
    /// is no video.
    pub fn check(reader: &mut InputReader) -> Result<Option<Self>> {
        let is_mp4 = reader.size_bytes() >= 8 && &header(reader, 0)?.0 == b"ftyp";
        if is_mp4 { Self::of(reader).map(Some) } else { Ok(None) }
    }

    /// What is read, whole and in order, to open a file whose samples are named by its index: that, with the boxes before it
    /// where it lies near the start, and the header of the one behind it.
    pub fn opening(&self) -> Option<Range<u64>> {
        let index = self.index.clone().filter(|_| !self.fragmented)?;
        Some(if index.start <= NEAR_BYTES { 0..index.end.saturating_add(HEADER_BYTES) } else { index })
    }

    /// Walks over the boxes; an error when the file ends within one and its index was not found before.
    pub fn of(reader: &mut InputReader) -> Result<Self> {
        let size_bytes = reader.size_bytes();
        let mut layout = Self::default();
        let mut start = 0;
        for _ in 0..MAX_BOXES {
            if size_bytes.saturating_sub(start) < 8 {
                return Ok(layout);
            }
            let (kind, length) = match header(reader, start) {
                Err(Error::Source(_)) if layout.index.is_some() => return Ok(layout),
                read => read?,
            };
            if &kind == b"moof" {
                return Ok(Self { fragmented: true, ..layout });
            }
            let end = if length == 0 { size_bytes } else { start.saturating_add(length) };
            if end > size_bytes && layout.index.is_some() && &kind != b"moov" {
                return Ok(layout);
            }
            if end > size_bytes {
                return Err(Error::Source(format!(
                    "the file is cut off: it has {size_bytes} of at least {end} bytes"
                )));
            }
            if &kind == b"moov" {
                layout.index = Some(start..end);
            }
            start = end;
        }
        Ok(Self { fragmented: true, ..layout })
    }
}

/// Kind and length of the box at an offset; length 0: up to the end of the file.
fn header(reader: &mut InputReader, start: u64) -> Result<([u8; 4], u64)> {
    let trouble = reader.trouble();
    reader.expectation().set(start..start + HEADER_BYTES)?;
    reader.seek(SeekFrom::Start(start))?;
    let mut read = |buffer: &mut [u8]| {
        reader.read_exact(buffer).map_err(|_| {
            trouble.get().unwrap_or_else(|| Error::Source("the file is cut off within a box header".into()))
        })
    };
    let mut head = [0; 8];
    let mut long = [0; 8];
    read(&mut head)?;
    let [a, b, c, d, kind @ ..] = head;
    let length = match u64::from(u32::from_be_bytes([a, b, c, d])) {
        1 => {
            read(&mut long)?;
            u64::from_be_bytes(long).max(16)
        }
        0 => 0,
        short => short.max(8),
    };
    Ok((kind, length))
}
