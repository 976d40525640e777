//! The answer to an instance: files out of our object store, named as PeerTube wants them.

use std::sync::Arc;

use futures::StreamExt;
use uuid::Uuid;

use super::client::{Answer, Part};
use super::trouble::Trouble;
use crate::objects::Location;
use crate::parts::Parts;

const MP4: &str = "video/mp4";
const PLAYLIST: &str = "application/vnd.apple.mpegurl";

/// Blocks in which a file is read from the store, and sent.
const BLOCK_BYTES: u64 = 4 << 20;

/// A file on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where it lies.
    pub at: Location,
    /// Its length.
    pub size_bytes: u64,
}

/// A rendition as a web video.
pub fn web_video(parts: &Parts, file: &Outgoing, short_side: u32) -> Answer {
    let name = format!("{}-{short_side}.mp4", Uuid::new_v4());
    Answer { parts: vec![part(parts, "payload[videoFile]", &name, MP4, file)], texts: Vec::new() }
}

/// A rendition for HLS. The playlist names the file: PeerTube gives both names of its own, and knows them by this pattern.
pub fn hls(
    parts: &Parts,
    file: &Outgoing,
    short_side: u32,
    playlist: impl FnOnce(&str) -> Option<String>,
) -> Result<Answer, Trouble> {
    let stem = format!("{}-{short_side}", Uuid::new_v4());
    let media = format!("{stem}-fragmented.mp4");
    let text = playlist(&media).ok_or_else(|| Trouble::Ours("its file has no playlist".into()))?;
    let playlist = Part::of_text("payload[resolutionPlaylistFile]", &format!("{stem}.m3u8"), PLAYLIST, text);
    Ok(Answer {
        parts: vec![part(parts, "payload[videoFile]", &media, MP4, file), playlist],
        texts: Vec::new(),
    })
}

/// Read from the store as it is sent: nothing of it is held in memory or on disk.
fn part(parts: &Parts, field: &'static str, name: &str, content_type: &'static str, file: &Outgoing) -> Part {
    let (storage, at, size_bytes) = (parts.storage.clone(), file.at.clone(), file.size_bytes);
    let begin = move || {
        let (storage, at) = (storage.clone(), at.clone());
        let read = move |start: u64| {
            let (storage, at) = (storage.clone(), at.clone());
            async move {
                let end = (start + BLOCK_BYTES).min(size_bytes);
                storage.get_range(&at, start..end).await.map_err(std::io::Error::other)
            }
        };
        let blocks = (0..size_bytes).step_by(BLOCK_BYTES as usize);
        futures::stream::iter(blocks).map(read).buffered(2).boxed()
    };
    Part { field, file_name: name.to_owned(), content_type, size_bytes, body: Arc::new(begin) }
}
