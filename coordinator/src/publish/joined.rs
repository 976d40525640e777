//! A rendition as its chunks make it when they are laid end to end: init segment, then every fragment at its
//! offset. Building one proves that the chunks fit: equal init segments, no gap and no overlap in time.

use super::PublishError;
use super::init::InitFacts;
use crate::domain::outcome::{Fragment, Track};

/// A whole track of one file, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// Name in the plan.
    pub name: String,
    /// The bytes that the file begins with.
    pub init_segment: Vec<u8>,
    /// What they say.
    pub facts: InitFacts,
    /// In order, gapless, at least one.
    pub fragments: Vec<Placed>,
    /// Positions in `fragments` at which chunks begin.
    pub chunk_starts: Vec<usize>,
    /// Video: frames; audio: samples, priming left out.
    pub sample_count: u64,
}

/// A fragment and where it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// From the file's first byte.
    pub offset_bytes: u64,
    /// Length of `moof` and `mdat`.
    pub size_bytes: u64,
    /// Of the first sample, ticks.
    pub decode_time: u64,
    /// Ticks.
    pub duration: u64,
    /// Starts with a sync sample.
    pub starts_with_keyframe: bool,
}

impl Joined {
    /// Lays the shares of all chunks end to end.
    pub fn new(name: &str, chunks: &[&Track]) -> Result<Self, PublishError> {
        let first = chunks.first().ok_or_else(|| PublishError::refused(name, "it has no chunks"))?;
        let facts = InitFacts::parse(&first.init_segment).map_err(|error| {
            PublishError::refused(name, format!("its init segment is malformed: {error}"))
        })?;
        let mut joined = Self {
            name: name.to_owned(),
            init_segment: first.init_segment.clone(),
            facts,
            fragments: Vec::new(),
            chunk_starts: Vec::new(),
            sample_count: 0,
        };
        for (chunk_index, chunk) in chunks.iter().enumerate() {
            joined.append(chunk_index, chunk)?;
        }
        Ok(joined)
    }

    /// Length of the file.
    pub fn size_bytes(&self) -> u64 {
        self.fragments.last().map_or(0, |last| last.offset_bytes + last.size_bytes)
    }

    /// Length of the track, ticks.
    pub fn duration(&self) -> u64 {
        self.fragments.iter().map(|fragment| fragment.duration).sum()
    }

    fn append(&mut self, chunk_index: usize, chunk: &Track) -> Result<(), PublishError> {
        let refuse =
            |message: &str| Err(PublishError::refused(&self.name, format!("chunk {chunk_index} {message}")));
        if chunk.init_segment != self.init_segment {
            return refuse("has another init segment than chunk 0: their encoders differ");
        }
        let Some(first) = chunk.fragments.first() else { return refuse("has no fragments") };
        if !first.starts_with_keyframe {
            return refuse("does not start with a keyframe");
        }
        self.chunk_starts.push(self.fragments.len());
        for fragment in &chunk.fragments {
            let placed = self.place(chunk_index, fragment)?;
            self.fragments.push(placed);
        }
        self.sample_count = self.sample_count.saturating_add(chunk.sample_count);
        Ok(())
    }

    fn place(&self, chunk_index: usize, fragment: &Fragment) -> Result<Placed, PublishError> {
        let position = self.fragments.len();
        let refuse = |message: String| {
            let at = format!("fragment {position} (chunk {chunk_index}) {message}");
            Err(PublishError::refused(&self.name, at))
        };
        let Fragment { size_bytes, decode_time, duration, starts_with_keyframe } = *fragment;
        if size_bytes == 0 || duration == 0 {
            return refuse("is empty".into());
        }
        // The times come from a runner: near the end of the integers they would wrap.
        if decode_time.checked_add(duration.into()).is_none() {
            return refuse(format!("starts at the impossible time {decode_time}"));
        }
        if let Some(before) = self.fragments.last() {
            let expected = before.decode_time + before.duration;
            if decode_time != expected {
                return refuse(format!("starts at tick {decode_time}, the one before it ends at {expected}"));
            }
        }
        let init_bytes = self.init_segment.len() as u64;
        Ok(Placed {
            offset_bytes: self
                .fragments
                .last()
                .map_or(init_bytes, |last| last.offset_bytes + last.size_bytes),
            size_bytes: size_bytes.into(),
            decode_time,
            duration: duration.into(),
            starts_with_keyframe,
        })
    }
}
