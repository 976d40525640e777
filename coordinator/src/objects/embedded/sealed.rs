//! The file format of objects and parts: their bytes, then what is known about them.
//!
//! ```text
//! content | facts as JSON | length of the facts, u32 LE | MAGIC, 8 bytes
//! ```
//! One file, one rename: content and facts cannot disagree. Content comes first: ranges need no arithmetic.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"FLOTOBJ1";

const TRAILER_BYTES: u64 = 12;

/// More than a key, a content type and S3's 2 kB of metadata can need.
const MAX_FACTS_BYTES: u32 = 64 << 10;

/// What is known about an object or a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// MD5 of the content in hex; for an object joined of parts, MD5 of theirs, a dash and their number.
    pub etag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<HashMap<String, String>>,
    /// The upload that it was joined from: makes a repeated completion succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
}

/// A sealed file, open at the start of its content.
#[derive(Debug)]
pub(super) struct Sealed {
    pub file: File,
    pub facts: Facts,
    pub size_bytes: u64,
    pub modified: SystemTime,
}

/// Ends the content written so far with its facts and brings all of it to the disk.
pub(super) fn seal(file: &mut File, facts: &Facts) -> io::Result<()> {
    let mut end = serde_json::to_vec(facts)?;
    let length = u32::try_from(end.len()).ok().filter(|length| *length <= MAX_FACTS_BYTES);
    let length = length.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "too much metadata"))?;
    end.extend_from_slice(&length.to_le_bytes());
    end.extend_from_slice(MAGIC);
    file.write_all(&end)?;
    file.sync_all()
}

/// Opens a sealed file.
pub(super) fn open(path: &Path) -> io::Result<Sealed> {
    let damaged = || io::Error::new(ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let mut file = File::open(path)?;
    let known = file.metadata()?;
    let before_trailer = known.len().checked_sub(TRAILER_BYTES).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(before_trailer))?;
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.read_exact(&mut trailer)?;
    let (length, magic) = trailer.split_at(4);
    let length = u32::from_le_bytes(length.try_into().map_err(|_| damaged())?);
    if magic != MAGIC || length > MAX_FACTS_BYTES {
        return Err(damaged());
    }
    let size_bytes = before_trailer.checked_sub(u64::from(length)).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(size_bytes))?;
    let mut facts = vec![0; length as usize];
    file.read_exact(&mut facts)?;
    let facts = serde_json::from_slice(&facts).map_err(|_| damaged())?;
    file.rewind()?;
    Ok(Sealed { file, facts, size_bytes, modified: known.modified()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_damaged(content: &[u8]) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.o");
        std::fs::write(&path, content).expect("written");
        assert_eq!(open(&path).expect_err("damaged").kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn content_and_facts_are_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.o");
        let facts = Facts { etag: "e".into(), content_type: Some("video/mp4".into()), ..Facts::default() };
        let mut file = File::create(&path).expect("created");
        file.write_all(b"content").expect("written");
        seal(&mut file, &facts).expect("sealed");

        let sealed = open(&path).expect("opened");
        let mut content = String::new();
        sealed.file.take(sealed.size_bytes).read_to_string(&mut content).expect("read");
        assert_eq!((content.as_str(), sealed.facts), ("content", facts));
    }

    #[test]
    fn what_was_not_sealed_is_damaged() {
        check_damaged(b"");
        check_damaged(b"a torn file without an end");
        check_damaged(b"xx\xff\xff\x00\x00FLOTOBJ1");
        check_damaged(b"{}\x09\x00\x00\x00FLOTOBJ1");
    }
}
