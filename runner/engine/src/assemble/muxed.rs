//! A fragmented MP4 of two tracks out of the fragments of both. Every fragment keeps its bytes but for two numbers: the
//! track's id, and the sequence number, which rises through the file. The init segment is the video's with the audio's
//! track added box for box, so nothing that either says is lost.

use std::ops::Range;

use super::index::{Place, TrackIndex};
use super::{Writer, read_exactly};
use crate::error::{Error, Result};
use crate::fragment::movie;
use crate::spec::MuxedSegment;

/// Id of the second track.
const AUDIO_TRACK_ID: u32 = 2;

/// Bytes of a fragment up to the end of the track's id: `moof`, `mfhd` and `traf` whole or opened, `tfhd` begun.
const HEAD_BYTES: usize = 48;
/// Where the types of the boxes stand that the numbers are in, and the numbers.
const MFHD: Range<usize> = 12..16;
const SEQUENCE_NUMBER: Range<usize> = 20..24;
const TFHD: Range<usize> = 36..40;
const TRACK_ID: Range<usize> = 44..48;

/// Offsets of `track_ID` in the payloads of `tkhd`, by version, and of `trex` (ISO/IEC 14496-12 §8.3.2, §8.8.3).
const TKHD_TRACK_ID: [usize; 2] = [12, 20];
const TREX_TRACK_ID: usize = 4;

/// Writes the file: the first track is the video, the second, if any, the audio.
pub(super) fn write(
    (init_segment, audio_init_segment): (&[u8], &[u8]),
    tracks: &[TrackIndex],
    segments: &[MuxedSegment],
    writer: &mut Writer<'_>,
    output: usize,
) -> Result<()> {
    let fragments = |track: usize| tracks.get(track).map_or(&[][..], |track| &track.fragments);
    let (mut pictures, mut sound) = (fragments(0), fragments(1));
    match audio_init_segment {
        [] => writer.append(output, init_segment)?,
        audio => writer.append(output, &merged(init_segment, audio)?)?,
    }
    let mut sequence_number = 0;
    for segment in segments {
        for (track_id, rest, count) in [
            (1, &mut pictures, segment.video_fragments),
            (AUDIO_TRACK_ID, &mut sound, segment.audio_fragments),
        ] {
            let (now, later) = rest.split_at_checked(count).ok_or_else(|| unequal(tracks))?;
            *rest = later;
            for place in now {
                sequence_number += 1;
                copy(*place, (sequence_number, track_id), writer, output)?;
            }
        }
    }
    if pictures.is_empty() && sound.is_empty() { Ok(()) } else { Err(unequal(tracks)) }
}

fn unequal(tracks: &[TrackIndex]) -> Error {
    let found: Vec<usize> = tracks.iter().map(|track| track.fragments.len()).collect();
    Error::Verify(format!("the tracks of a muxed file have {found:?} fragments, others are planned"))
}

/// Copies a fragment with its numbers changed.
fn copy(
    Place { input, offset, size_bytes }: Place,
    (sequence_number, track_id): (u32, u32),
    writer: &mut Writer<'_>,
    output: usize,
) -> Result<()> {
    let strange =
        || Error::Verify(format!("chunk {input}: the fragment at byte {offset} has other boxes than ours"));
    let rest_bytes = size_bytes.checked_sub(HEAD_BYTES as u64).ok_or_else(strange)?;
    let mut head = [0; HEAD_BYTES];
    read_exactly(writer.inputs, input, offset, &mut head)?;
    renumber(&mut head, sequence_number, track_id).ok_or_else(strange)?;
    writer.append(output, &head)?;
    writer.copy(output, input, offset + HEAD_BYTES as u64, rest_bytes)
}

/// None: the fragment does not begin as ours do.
fn renumber(head: &mut [u8; HEAD_BYTES], sequence_number: u32, track_id: u32) -> Option<()> {
    if head[MFHD] != *b"mfhd" || head[TFHD] != *b"tfhd" {
        return None;
    }
    head[SEQUENCE_NUMBER].copy_from_slice(&sequence_number.to_be_bytes());
    head[TRACK_ID].copy_from_slice(&track_id.to_be_bytes());
    Some(())
}

/// One init segment of two, each of one track.
fn merged(video: &[u8], audio: &[u8]) -> Result<Vec<u8>> {
    let broken = || Error::Verify("an init segment has other boxes than ours".into());
    let joined = || {
        let (video_movie, audio_movie) = (payload(video, b"moov")?, payload(audio, b"moov")?);
        let mut header = whole(video_movie, b"mvhd")?.to_vec();
        let next_track_id = header.len().checked_sub(4)?;
        header.get_mut(next_track_id..)?.copy_from_slice(&(AUDIO_TRACK_ID + 1).to_be_bytes());
        let mut track = whole(audio_movie, b"trak")?.to_vec();
        let (head, body) = track.split_at_checked(movie::HEADER_BYTES)?;
        // A track begins with its header.
        let version = body.strip_prefix(&whole(body, b"tkhd")?[..movie::HEADER_BYTES])?.first()?;
        let id_at = head.len() + movie::HEADER_BYTES + TKHD_TRACK_ID.get(usize::from(*version))?;
        set_track_id(&mut track, id_at)?;
        let (video_extends, audio_extends) = (payload(video_movie, b"mvex")?, payload(audio_movie, b"mvex")?);
        let mut defaults = whole(audio_extends, b"trex")?.to_vec();
        set_track_id(&mut defaults, movie::HEADER_BYTES + TREX_TRACK_ID)?;
        let extends = [whole(video_extends, b"trex")?.to_vec(), defaults];
        let parts =
            [header, whole(video_movie, b"trak")?.to_vec(), track, movie::container(b"mvex", &extends)];
        Some([whole(video, b"ftyp")?.to_vec(), movie::container(b"moov", &parts)].concat())
    };
    joined().ok_or_else(broken)
}

fn set_track_id(bytes: &mut [u8], at: usize) -> Option<()> {
    bytes.get_mut(at..at + 4)?.copy_from_slice(&AUDIO_TRACK_ID.to_be_bytes());
    Some(())
}

/// The first box of a kind among these, header and all.
fn whole<'a>(mut boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let size = u32::from_be_bytes(*boxes.first_chunk()?) as usize;
        let (first, rest) = boxes.split_at_checked(size.max(movie::HEADER_BYTES))?;
        if first[4..8] == *kind {
            return Some(first);
        }
        boxes = rest;
    }
}

fn payload<'a>(boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    whole(boxes, kind).map(|found| &found[movie::HEADER_BYTES..])
}
