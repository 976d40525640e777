//! The playlist of one rendition: a single file, cut into segments by byte ranges (RFC 8216 §4.3.2).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Problems;
use super::media;
use super::playlist::{attributes, beside, lines};

/// The playlist of one rendition.
pub struct Track {
    path: PathBuf,
    target_seconds: u64,
    ended: bool,
    init: Option<(PathBuf, Range)>,
    segments: Vec<Segment>,
}

struct Segment {
    file: PathBuf,
    duration_us: u64,
    range: Range,
}

/// Bytes of a file, end exclusive.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
}

impl Track {
    /// Reads a rendition's playlist.
    pub fn read(path: &Path) -> Result<Self> {
        let mut track =
            Self { path: path.into(), target_seconds: 0, ended: false, init: None, segments: vec![] };
        let (mut duration_us, mut range) = (None, None);
        for line in lines(path)? {
            if let Some(rest) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
                track.target_seconds = rest.parse()?;
            } else if let Some(rest) = line.strip_prefix("#EXT-X-MAP:") {
                track.init = Some(init(path, rest)?);
            } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
                duration_us = Some(microseconds(rest.split(',').next().unwrap_or_default())?);
            } else if let Some(rest) = line.strip_prefix("#EXT-X-BYTERANGE:") {
                range = Some(Range::read(rest)?);
            } else if line == "#EXT-X-ENDLIST" {
                track.ended = true;
            } else if !line.starts_with('#') {
                let duration_us = duration_us.take().context("a segment without EXTINF")?;
                let range = range.take().context("a segment without EXT-X-BYTERANGE")?;
                track.segments.push(Segment { file: beside(path, &line), duration_us, range });
            }
        }
        Ok(track)
    }

    /// Segments that a player could not start at.
    pub fn keyframe_problems(&self) -> Result<Problems> {
        let Some(file) = self.segments.first().map(|segment| &segment.file) else {
            return Ok(Problems::new());
        };
        let packets = media::packets(file)?;
        let starts_with_keyframe = |range: Range| {
            let within = packets.iter().filter(|(position, _)| (range.start..range.end).contains(position));
            within.min_by_key(|(position, _)| position).is_some_and(|(_, key)| *key)
        };
        let bad = self.segments.iter().filter(|segment| !starts_with_keyframe(segment.range)).count();
        Ok(if bad == 0 { vec![] } else { vec![format!("{bad} segments do not begin with a keyframe")] })
    }

    /// What a strict player would stumble over, and bytes of the file that no range names.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        if !self.ended {
            problems.push("no EXT-X-ENDLIST".into());
        }
        // RFC 8216 §4.3.3.1: the duration, rounded to the nearest second, must not exceed the target.
        let target_us = self.target_seconds * 1_000_000;
        if self.segments.iter().any(|segment| segment.duration_us > target_us + 500_000) {
            problems.push("a segment is longer than EXT-X-TARGETDURATION".into());
        }
        problems.extend(self.range_problem());
        problems
    }

    fn range_problem(&self) -> Option<String> {
        let Some((file, init)) = &self.init else { return Some("no EXT-X-MAP".into()) };
        let mut end = init.end;
        for segment in &self.segments {
            if &segment.file != file || segment.range.start != end {
                return Some(format!("the segment at byte {} does not follow on", segment.range.start));
            }
            end = segment.range.end;
        }
        match std::fs::metadata(file) {
            Ok(metadata) if metadata.len() == end => None,
            Ok(metadata) => Some(format!("ranges end at byte {end}, the file at {}", metadata.len())),
            Err(error) => Some(format!("{} of {}: {error}", file.display(), self.path.display())),
        }
    }
}

impl Range {
    /// `length@offset`, both explicit.
    fn read(text: &str) -> Result<Self> {
        let (length, start) = text.split_once('@').context("a byte range without an offset")?;
        let start: u64 = start.parse()?;
        Ok(Self { start, end: start + length.parse::<u64>()? })
    }
}

fn init(playlist: &Path, text: &str) -> Result<(PathBuf, Range)> {
    let attributes = attributes(text);
    let uri = attributes.get("URI").context("EXT-X-MAP without URI")?;
    let range = attributes.get("BYTERANGE").context("EXT-X-MAP without BYTERANGE")?;
    Ok((beside(playlist, uri), Range::read(range)?))
}

/// Decimal seconds to whole microseconds, without a float in between.
fn microseconds(text: &str) -> Result<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Ok(seconds.parse::<u64>()? * 1_000_000 + fraction.parse::<u64>()?)
}
