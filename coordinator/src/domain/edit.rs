//! Edits of a video that somebody asked for: what of the source is kept, and what is put in. They apply in order, each to
//! what the one before has left, and none of them touches a file.
//!
//! ```text
//!  source            |------------------------|
//!  add_intro    |---||------------------------|          a part for each file, in the order of the time line
//!  cut            |-||----------------|                  spans of the file's own time, rising and apart
//! ```

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// An edit. Times are microseconds from the start of what it is applied to. `file` counts the inserts of the job from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Keeps what lies between the two.
    Cut {
        /// Absent: from the start.
        #[serde(default)]
        start_us: Option<u64>,
        /// Absent: to the end.
        #[serde(default)]
        end_us: Option<u64>,
    },
    /// Leaves stretches out.
    RemoveSegments {
        /// Start and end of each, in any order; they may overlap.
        segments: Vec<(u64, u64)>,
    },
    /// Puts a clip before it.
    AddIntro {
        /// The clip.
        file: u32,
    },
    /// Puts a clip behind it.
    AddOutro {
        /// The clip.
        file: u32,
    },
    /// Lays a picture over all that is there, in the upper right corner.
    AddWatermark {
        /// The picture.
        file: u32,
        /// Its height, millionths of the video's.
        height_ppm: u32,
        /// Its distance from the right edge, millionths of the video's height.
        right_ppm: u32,
        /// Its distance from the upper edge, millionths of the video's height.
        top_ppm: u32,
    },
}

/// What a file is that an edit puts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertKind {
    /// A video.
    Clip,
    /// A picture to lay over the video.
    Mark,
}

/// What a file of an edited video contributes to its time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which insert; none: the source.
    pub file: Option<u32>,
    /// What of it, rising and apart.
    pub spans: Vec<Span>,
}

/// A stretch of a time line, microseconds, end exclusive. One that is open ends at [`Span::END`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start_us: u64,
    /// The first moment behind it.
    pub end_us: u64,
}

impl Span {
    /// Wherever the end is.
    pub const END: u64 = u64::MAX;

    /// Microseconds.
    pub fn length_us(self) -> u64 {
        self.end_us - self.start_us
    }
}

/// Whole: millionths.
const WHOLE_PPM: u32 = 1_000_000;

/// Says what cannot be done whatever the files are.
pub fn check(edits: &[Edit], insert_count: usize) -> Result<(), String> {
    let used = inserts(edits);
    let mut files: Vec<u32> = used.iter().map(|&(file, _)| file).collect();
    files.sort_unstable();
    if !(0..).zip(&files).all(|(number, &file)| number == file) || files.len() != insert_count {
        return Err(format!(
            "{insert_count} files are put in; each is for one edit, which names it from 0 on"
        ));
    }
    for edit in edits {
        if let Edit::AddWatermark { height_ppm, right_ppm, top_ppm, .. } = edit
            && (*height_ppm == 0 || height_ppm.max(right_ppm).max(top_ppm) > &WHOLE_PPM)
        {
            return Err("a watermark is at most as high as the video, and as far from its edges".to_owned());
        }
    }
    timeline(edits, |_| Span::END).map(drop)
}

/// The files that edits put in, in the order of the edits.
pub fn inserts(edits: &[Edit]) -> Vec<(u32, InsertKind)> {
    let insert = |edit: &Edit| match edit {
        Edit::Cut { .. } | Edit::RemoveSegments { .. } => None,
        Edit::AddIntro { file } | Edit::AddOutro { file } => Some((*file, InsertKind::Clip)),
        Edit::AddWatermark { file, .. } => Some((*file, InsertKind::Mark)),
    };
    edits.iter().filter_map(insert).collect()
}

/// The parts that edits leave, each file at most once; the error says what cannot be done. `length_us` tells the length of
/// the source (none) and of clips. What is open of the source stays so while nothing comes behind it.
pub fn timeline(edits: &[Edit], length_us: impl Fn(Option<u32>) -> u64) -> Result<Vec<Part>, String> {
    let mut parts = vec![Part { file: None, spans: vec![Span { start_us: 0, end_us: Span::END }] }];
    for edit in edits {
        let clip = |file| Part {
            file: Some(file),
            spans: vec![Span { start_us: 0, end_us: length_us(Some(file)) }],
        };
        match edit {
            Edit::Cut { .. } | Edit::RemoveSegments { .. } => parts = within(&parts, &ranges(edit)?),
            Edit::AddIntro { file } => parts.insert(0, clip(*file)),
            Edit::AddOutro { file } => {
                let end = Span { start_us: 0, end_us: length_us(None) };
                for part in parts.iter_mut().filter(|part| part.file.is_none()) {
                    part.spans = part.spans.iter().filter_map(|&span| common(span, end)).collect();
                }
                parts.push(clip(*file));
            }
            Edit::AddWatermark { .. } => {}
        }
        parts.retain(|part| !part.spans.is_empty());
        if parts.is_empty() {
            return Err("the edits leave nothing".to_owned());
        }
    }
    Ok(parts)
}

/// What an edit keeps of its time line.
fn ranges(edit: &Edit) -> Result<Vec<Span>, String> {
    let span = |start_us: u64, end_us: u64| match start_us < end_us {
        true => Ok(Span { start_us, end_us }),
        false => Err(format!("an edit starts at {start_us} us and ends at {end_us} us; it must end later")),
    };
    match edit {
        Edit::Cut { start_us, end_us } => Ok(vec![span(start_us.unwrap_or(0), end_us.unwrap_or(Span::END))?]),
        Edit::RemoveSegments { segments } => {
            let removed: Result<Vec<Span>, String> =
                segments.iter().map(|&(start, end)| span(start, end)).collect();
            let mut removed = removed?;
            removed.sort_by_key(|span| span.start_us);
            let (mut kept, mut from) = (Vec::new(), 0);
            for Span { start_us, end_us } in removed {
                if start_us > from {
                    kept.push(Span { start_us: from, end_us: start_us });
                }
                from = from.max(end_us);
            }
            if from < Span::END {
                kept.push(Span { start_us: from, end_us: Span::END });
            }
            Ok(kept)
        }
        Edit::AddIntro { .. } | Edit::AddOutro { .. } | Edit::AddWatermark { .. } => {
            Ok(vec![Span { start_us: 0, end_us: Span::END }])
        }
    }
}

/// `ranges` of the time line that the parts make, end to end.
fn within(parts: &[Part], ranges: &[Span]) -> Vec<Part> {
    let mut passed = 0_u64;
    let mut shorter = |part: &Part| {
        let mut found: Vec<Span> = Vec::new();
        for span in &part.spans {
            let end = passed.saturating_add(span.length_us());
            let place = Span { start_us: passed, end_us: end };
            for kept in ranges.iter().filter_map(|&range| common(range, place)) {
                let start_us = span.start_us + (kept.start_us - passed);
                let end_us =
                    if kept.end_us == end { span.end_us } else { span.start_us + (kept.end_us - passed) };
                match found.last_mut() {
                    Some(last) if last.end_us == start_us => last.end_us = end_us,
                    _ => found.push(Span { start_us, end_us }),
                }
            }
            passed = end;
        }
        Part { file: part.file, spans: found }
    };
    parts.iter().map(&mut shorter).collect()
}

/// What lies in both.
fn common(one: Span, other: Span) -> Option<Span> {
    let span = Span { start_us: one.start_us.max(other.start_us), end_us: one.end_us.min(other.end_us) };
    (span.start_us < span.end_us).then_some(span)
}
