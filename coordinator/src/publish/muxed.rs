//! A rendition and the default audio track in one fragmented MP4: segment after segment, of each the video's fragments and
//! then the audio's that start before the segment ends. The rule stands here alone: whoever writes the file is told how
//! many fragments come from where.
//!
//! Invariant: fragments keep their sizes, so all places in the file follow from stored records, and the init segment is
//! what is left of the file's size.

use super::PublishError;
use super::joined::{Joined, Placed};
use super::ladder::{joined_sound, joined_video};
use super::playlist::{self, Kind};
use super::segments::{Segment, Segments};
use crate::domain::Plan;
use crate::domain::outcome::Track;

/// Ids of the tracks in the file.
const VIDEO_TRACK: u32 = 1;
const AUDIO_TRACK: u32 = 2;

/// What makes a segment of the file, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MuxedSegment {
    /// Fragments of the video.
    pub video_fragments: usize,
    /// Fragments of the audio.
    pub audio_fragments: usize,
}

/// How the file of a rendition is interleaved; `audio` is the default track.
pub fn interleaved(
    plan: &Plan,
    rendition_index: usize,
    chunks: &[&Track],
    audio: Option<&Track>,
) -> Result<Vec<MuxedSegment>, PublishError> {
    let missing = |what: &str| PublishError::Records(format!("the plan has no {what}"));
    let video = plan.video.as_ref().ok_or_else(|| missing("video"))?;
    let (_, _, joined) = joined_video(video, rendition_index, chunks)?;
    let sound = match audio {
        Some(track) => Some(joined_sound(plan.audio.first().ok_or_else(|| missing("audio"))?, track)?),
        None => None,
    };
    Ok(interleave(&joined, &Segments::new(&joined, plan.package.segment_seconds), sound.as_ref()))
}

fn interleave(video: &Joined, segments: &Segments, audio: Option<&Joined>) -> Vec<MuxedSegment> {
    let audio_fragments = audio.map_or(&[][..], |audio| &audio.fragments);
    let (video_scale, audio_scale) = (scale(video), audio.map_or(1, scale));
    let (mut before, last) = ((0, 0), segments.list.len().saturating_sub(1));
    let segment = |(at, segment): (usize, &Segment)| {
        let end_bytes = segment.offset_bytes + segment.size_bytes;
        let video_end = video.fragments.partition_point(|fragment| fragment.offset_bytes < end_bytes);
        let end_time = video_end.checked_sub(1).map_or(0, |at| end(&video.fragments[at]));
        let starts_within = |fragment: &Placed| {
            u128::from(fragment.decode_time) * video_scale < u128::from(end_time) * audio_scale
        };
        // What sounds on after the last picture has no other place.
        let audio_end = match at == last {
            true => audio_fragments.len(),
            false => audio_fragments.partition_point(starts_within),
        };
        let (video_start, audio_start) = std::mem::replace(&mut before, (video_end, audio_end));
        MuxedSegment { video_fragments: video_end - video_start, audio_fragments: audio_end - audio_start }
    };
    segments.list.iter().enumerate().map(segment).collect()
}

/// A muxed file, seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Muxed {
    /// Length of the init segment.
    pub init_bytes: u64,
    /// In the file's order; `mfhd` counts them from 1.
    pub fragments: Vec<MuxedFragment>,
    /// Each at least as long as its pictures; sound that goes beyond them on either side counts too.
    pub segments: Segments,
}

/// A fragment and the track that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MuxedFragment {
    pub track_id: u32,
    /// As it lies in this file.
    pub placed: Placed,
    /// A chunk of the video begins with it.
    pub starts_chunk: bool,
}

impl Muxed {
    /// The file of so many bytes that these tracks make.
    pub fn new(
        video: &Joined,
        segments: &Segments,
        audio: Option<&Joined>,
        size_bytes: u64,
    ) -> Result<Self, PublishError> {
        let tracks = || [Some(video), audio].into_iter().flatten();
        let payload: u64 =
            tracks().flat_map(|track| &track.fragments).map(|fragment| fragment.size_bytes).sum();
        // One of the two has all boxes that are there once.
        let most: u64 = tracks().map(|track| track.init_segment.len() as u64).sum();
        let init_bytes = size_bytes.checked_sub(payload).filter(|init| (1..=most).contains(init));
        let init_bytes = init_bytes.ok_or_else(|| {
            let reason = format!("its muxed file has {size_bytes} bytes, the fragments alone have {payload}");
            PublishError::refused(&video.name, reason)
        })?;
        let mut muxed = Self {
            init_bytes,
            fragments: Vec::new(),
            segments: Segments { timescale: segments.timescale, list: Vec::new() },
        };
        let (mut pictures, mut sound) = (0, 0);
        let audio_fragments = audio.map_or(&[][..], |audio| &audio.fragments);
        for (counts, segment) in interleave(video, segments, audio).iter().zip(&segments.list) {
            let offset_bytes = muxed.end_bytes();
            for at in pictures..pictures + counts.video_fragments {
                let starts_chunk = video.chunk_starts.binary_search(&at).is_ok();
                muxed.push(VIDEO_TRACK, video.fragments[at], starts_chunk);
            }
            for fragment in &audio_fragments[sound..sound + counts.audio_fragments] {
                muxed.push(AUDIO_TRACK, *fragment, false);
            }
            (pictures, sound) = (pictures + counts.video_fragments, sound + counts.audio_fragments);
            let size_bytes = muxed.end_bytes() - offset_bytes;
            muxed.segments.list.push(Segment { offset_bytes, size_bytes, ..*segment });
        }
        if let Some(audio) = audio {
            muxed.stretch(video, audio);
        }
        Ok(muxed)
    }

    /// The playlist of the file under a name.
    pub fn playlist(&self, file_name: &str) -> String {
        let uris = vec![file_name; self.segments.list.len()];
        let target_seconds = self.segments.target_duration_seconds();
        playlist::written(Kind::Vod, target_seconds, self.init_bytes, &self.segments, &uris)
    }

    /// Positions of the fragments at which chunks begin, of those before them, and of the last one.
    pub fn sampled(&self) -> Vec<usize> {
        let starts = self.fragments.iter().enumerate().filter(|(_, fragment)| fragment.starts_chunk);
        let around = starts.flat_map(|(at, _)| at.checked_sub(1).into_iter().chain([at]));
        let mut positions: Vec<_> = around.chain(self.fragments.len().checked_sub(1)).collect();
        positions.dedup();
        positions
    }

    fn push(&mut self, track_id: u32, fragment: Placed, starts_chunk: bool) {
        let placed = Placed { offset_bytes: self.end_bytes(), ..fragment };
        self.fragments.push(MuxedFragment { track_id, placed, starts_chunk });
    }

    fn end_bytes(&self) -> u64 {
        self.fragments
            .last()
            .map_or(self.init_bytes, |last| last.placed.offset_bytes + last.placed.size_bytes)
    }

    /// Lengthens the first and the last segment by the sound that is outside of the pictures.
    fn stretch(&mut self, video: &Joined, audio: &Joined) {
        let to_video = |ticks: u64| {
            let scaled = (u128::from(ticks) * scale(video)).div_ceil(scale(audio));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let starts = |track: &Joined| track.fragments.first().map_or(0, |first| first.decode_time);
        let ends = video.fragments.last().map_or(0, end);
        let sound_ends = to_video(starts(audio).saturating_add(audio.sample_count));
        let early = starts(video).saturating_sub(to_video(starts(audio)));
        for segment in &mut self.segments.list {
            segment.start += early;
        }
        if let Some(first) = self.segments.list.first_mut() {
            (first.start, first.duration) = (0, first.duration + early);
        }
        if let Some(last) = self.segments.list.last_mut() {
            last.duration = last.duration.saturating_add(sound_ends.saturating_sub(ends));
        }
    }
}

fn scale(track: &Joined) -> u128 {
    track.facts.timescale.into()
}

fn end(fragment: &Placed) -> u64 {
    fragment.decode_time + fragment.duration
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    /// Two-second GOPs, segments of four seconds, and audio fragments of so many milliseconds.
    fn check(gop_count: usize, audio_ms: &[u32], expected: &[(usize, usize)]) {
        let video = fixtures::joined("720p", 90_000, &vec![(180_000, 1000); gop_count]);
        let fragments: Vec<_> = audio_ms.iter().map(|ms| (ms * 48, 100)).collect();
        let audio = fixtures::joined_audio("audio-1", 48_000, &fragments);
        let segments = interleave(&video, &Segments::new(&video, 4), Some(&audio));
        let counts: Vec<_> =
            segments.iter().map(|segment| (segment.video_fragments, segment.audio_fragments)).collect();
        assert_eq!(counts, expected, "{audio_ms:?}");
    }

    #[test]
    fn sound_follows_the_pictures_that_it_starts_with() {
        check(4, &[2000; 4], &[(2, 2), (2, 2)]);
        check(5, &[2005; 5], &[(2, 2), (2, 2), (1, 1)]);
        check(4, &[1990; 5], &[(2, 3), (2, 2)]);
        check(2, &[2000; 5], &[(2, 5)]);
        check(4, &[8000], &[(2, 1), (2, 0)]);
    }

    #[test]
    fn places_and_lengths_follow_from_the_fragments() {
        let video = fixtures::joined("720p", 1000, &[(2000, 1000); 3]);
        let mut audio = fixtures::joined_audio("audio-1", 48_000, &[(96_000, 100); 4]);
        audio.sample_count = 4 * 96_000 - 1024;
        let segments = Segments::new(&video, 4);
        let muxed = Muxed::new(&video, &segments, Some(&audio), 1500 + 3000 + 400).expect("it fits");
        assert_eq!(muxed.init_bytes, 1500);
        let places = muxed.fragments.iter().map(|found| (found.track_id, found.placed.offset_bytes));
        let expected = [(1, 1500), (1, 2500), (2, 3500), (2, 3600), (1, 3700), (2, 4700), (2, 4800)];
        assert!(places.eq(expected), "{muxed:?}");
        // The first chunk begins the file; what lies before the others is looked at too.
        assert_eq!(muxed.sampled(), [0, 6]);
        insta::assert_snapshot!(muxed.playlist("a-fragmented.mp4"));
        let refused = Muxed::new(&video, &segments, Some(&audio), 3400).expect_err("nothing is left");
        assert!(refused.to_string().contains("has 3400 bytes, the fragments alone have 3400"), "{refused}");
    }

    #[test]
    fn without_sound_it_is_the_file_of_the_pictures() {
        let video = fixtures::joined("720p", 1000, &[(2000, 1000); 3]);
        let segments = Segments::new(&video, 4);
        let muxed = Muxed::new(&video, &segments, None, video.size_bytes()).expect("it fits");
        assert_eq!(muxed.segments, segments);
        assert_eq!(muxed.playlist("media.mp4"), playlist::media_playlist(&video, &segments));
    }
}
