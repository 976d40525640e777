//! Compares stored files with what is about to be said of them: length, init segment, and the heads of a
//! sample of fragments. The sample is the first and the last fragment of every chunk (of a muxed file: the first and
//! whichever lies before it), read at their computed offsets: a chunk that lies elsewhere, lacks bytes or carries another chunk's times shows at its ends.
//! Reading every fragment would take a request per GOP; their digests were compared when they were sealed and
//! again when they were joined.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::PublishError;
use super::init::InitFacts;
use super::joined::{Joined, Placed};
use super::ladder::Ladder;
use super::moof::{FragmentHead, HEAD_BYTES};
use super::muxed::{Muxed, MuxedFragment};
use crate::objects::Storage;
use crate::store::StoredObject;

/// Requests on their way at once.
const REQUESTS_IN_FLIGHT: usize = 8;

/// Id of the track of a file that has one.
const ONLY_TRACK: u32 = 1;

/// Its name in messages.
const STORYBOARD: &str = "storyboard";

/// The marker "start of image" and the first byte of the next one (ITU-T T.81 Annex B).
const JPEG_HEAD: &[u8] = &[0xff, 0xd8, 0xff];

/// Checks every stored file of a ladder.
pub(super) async fn stored_files(ladder: &Ladder<'_>, storage: &Storage) -> Result<(), PublishError> {
    for file in &ladder.video {
        if let Some(media) = file.media {
            check_media(&file.joined, media, storage).await?;
        }
        if let Some(progressive) = file.progressive {
            check_length(&file.joined.name, progressive, storage).await?;
        }
        if let Some((muxed, object)) = &file.muxed {
            let sound = ladder.audio.first().map(|file| &file.joined);
            check_muxed((&file.joined, sound), muxed, object, storage).await?;
        }
    }
    for file in &ladder.audio {
        if let Some(media) = file.media {
            check_media(&file.joined, media, storage).await?;
        }
    }
    match &ladder.storyboard {
        Some(file) => check_storyboard(file.object, storage).await,
        None => Ok(()),
    }
}

async fn check_storyboard(object: &StoredObject, storage: &Storage) -> Result<(), PublishError> {
    check_length(STORYBOARD, object, storage).await?;
    let head = storage.get_range(&object.at, 0..JPEG_HEAD.len() as u64).await?;
    match head == JPEG_HEAD {
        true => Ok(()),
        false => Err(PublishError::refused(STORYBOARD, "its file does not begin as a JPEG does")),
    }
}

async fn check_media(joined: &Joined, object: &StoredObject, storage: &Storage) -> Result<(), PublishError> {
    let expected = joined.size_bytes();
    if object.size_bytes != expected {
        let found = object.size_bytes;
        let reason = format!("its file has {found} bytes, init segment and fragments have {expected}");
        return Err(PublishError::refused(&joined.name, reason));
    }
    check_length(&joined.name, object, storage).await?;
    let init_segment = storage.get_range(&object.at, 0..joined.init_segment.len() as u64).await?;
    if init_segment != joined.init_segment {
        return Err(PublishError::refused(&joined.name, "its file begins with another init segment"));
    }
    let heads = sampled(joined).into_iter().map(|position| Expected {
        name: &joined.name,
        position,
        track_id: ONLY_TRACK,
        fragment: joined.fragments[position],
    });
    check_heads(heads, object, storage).await
}

/// A file with sound inside: the tracks are those of the files that it is made of, and fragments lie where they should.
async fn check_muxed(
    (picture, sound): (&Joined, Option<&Joined>),
    muxed: &Muxed,
    object: &StoredObject,
    storage: &Storage,
) -> Result<(), PublishError> {
    let name = &picture.name;
    check_length(name, object, storage).await?;
    let init_segment = storage.get_range(&object.at, 0..muxed.init_bytes).await?;
    let tracks = InitFacts::parse_all(&init_segment).map_err(|error| {
        PublishError::refused(name, format!("the init segment of its muxed file is malformed: {error}"))
    })?;
    let expected = [Some(picture), sound].into_iter().flatten().map(|track| &track.facts);
    if !tracks.iter().eq(expected) {
        return Err(PublishError::refused(name, "its muxed file begins with other tracks"));
    }
    let heads = muxed.sampled().into_iter().map(|position| {
        let MuxedFragment { track_id, placed, .. } = muxed.fragments[position];
        Expected { name, position, track_id, fragment: placed }
    });
    check_heads(heads, object, storage).await
}

/// A fragment as it should begin.
struct Expected<'a> {
    name: &'a str,
    /// From 0; sequence numbers count from 1.
    position: usize,
    track_id: u32,
    fragment: Placed,
}

async fn check_heads(
    heads: impl Iterator<Item = Expected<'_>>,
    object: &StoredObject,
    storage: &Storage,
) -> Result<(), PublishError> {
    // Futures made beforehand: closures over borrowed parts would not be Send.
    let mut checks = Vec::new();
    for expected in heads {
        checks.push(async move {
            let Placed { offset_bytes, size_bytes, .. } = expected.fragment;
            let end = offset_bytes + size_bytes.min(HEAD_BYTES as u64);
            expected.check(&storage.get_range(&object.at, offset_bytes..end).await?)
        });
    }
    stream::iter(checks).buffer_unordered(REQUESTS_IN_FLIGHT).try_collect().await
}

/// The store holds as many bytes as were accepted.
async fn check_length(name: &str, object: &StoredObject, storage: &Storage) -> Result<(), PublishError> {
    let (stored, accepted) = (storage.head(&object.at).await?, object.size_bytes);
    match stored == accepted {
        true => Ok(()),
        false => {
            let reason = format!("the store holds {stored} bytes of {}, accepted were {accepted}", object.at);
            Err(PublishError::refused(name, reason))
        }
    }
}

/// Positions of the first and the last fragment of every chunk.
fn sampled(joined: &Joined) -> Vec<usize> {
    let ends = joined.chunk_starts.iter().skip(1).copied().chain([joined.fragments.len()]);
    let mut positions: Vec<_> =
        joined.chunk_starts.iter().zip(ends).flat_map(|(&start, end)| [start, end - 1]).collect();
    positions.dedup();
    positions
}

impl Expected<'_> {
    fn check(&self, head: &[u8]) -> Result<(), PublishError> {
        let Self { name, position, track_id, fragment } = self;
        let refuse = |what: String| {
            let at = fragment.offset_bytes;
            Err(PublishError::refused(name, format!("its fragment {position} at byte {at} {what}")))
        };
        let found = match FragmentHead::parse(head) {
            Ok(found) => found,
            Err(error) => return refuse(format!("is malformed: {error}")),
        };
        let number = u32::try_from(position + 1).unwrap_or(u32::MAX);
        if found.sequence_number != number {
            return refuse(format!("has sequence number {} in place of {number}", found.sequence_number));
        }
        if found.track_id != *track_id {
            return refuse(format!("is of track {} in place of {track_id}", found.track_id));
        }
        if found.decode_time != fragment.decode_time {
            return refuse(format!(
                "starts at tick {} in place of {}",
                found.decode_time, fragment.decode_time
            ));
        }
        if fragment.starts_with_keyframe && found.starts_with_keyframe == Some(false) {
            return refuse("does not start with a keyframe".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fixtures;

    #[test]
    fn both_ends_of_every_chunk_are_read() {
        let mut joined = fixtures::joined("720p", 1000, &[(2000, 1000); 6]);
        joined.chunk_starts = vec![0, 3, 4];
        assert_eq!(sampled(&joined), [0, 2, 3, 4, 5]);
    }

    fn check(sequence_number: u32, decode_time: u64, key: bool, reason: Option<&str>) {
        check_track(1, (sequence_number, decode_time, key), reason);
    }

    fn check_track(
        track_id: u32,
        (sequence_number, decode_time, key): (u32, u64, bool),
        reason: Option<&str>,
    ) {
        let joined = fixtures::joined("720p", 1000, &[(2000, 1000); 2]);
        let head = fixtures::fragment_head(sequence_number, decode_time, key);
        let expected = Expected { name: "720p", position: 1, track_id, fragment: joined.fragments[1] };
        let outcome = expected.check(&head).map_err(|error| error.to_string());
        match reason {
            None => assert_eq!(outcome, Ok(())),
            Some(reason) => {
                assert!(outcome.as_ref().is_err_and(|error| error.contains(reason)), "{outcome:?}")
            }
        }
    }

    #[test]
    fn a_fragment_head_must_be_the_expected_one() {
        check(2, 2000, true, None);
        check(1, 2000, true, Some("fragment 1 at byte 1900 has sequence number 1 in place of 2"));
        check(2, 4000, true, Some("starts at tick 4000 in place of 2000"));
        check(2, 2000, false, Some("does not start with a keyframe"));
        check_track(2, (2, 2000, true), Some("is of track 1 in place of 2"));
    }
}
