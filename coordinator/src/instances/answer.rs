//! The answer to an instance: files out of our object store, named as PeerTube wants them.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use uuid::Uuid;

use super::trouble::Trouble;
use crate::objects::{Location, Storage};
use crate::peertube::{Answer, Part};
use crate::publish::delivery::Delivery;

/// Blocks in which a file is read from the store, and sent.
const BLOCK_BYTES: u64 = 4 << 20;

/// A rendition as a web video.
pub fn web_video(storage: &Storage, file: &Delivery, short_side: u32) -> Answer {
    let name = format!("{}-{short_side}.mp4", Uuid::new_v4());
    Answer::video(Part::video(name, file.size_bytes, read(storage, file)))
}

/// A rendition for HLS. The playlist names the file: PeerTube gives both names of its own, and knows them by this pattern.
pub fn hls(storage: &Storage, file: &Delivery, short_side: u32) -> Result<Answer, Trouble> {
    let stem = format!("{}-{short_side}", Uuid::new_v4());
    let media = format!("{stem}-fragmented.mp4");
    let text = file.playlist(&media).ok_or_else(|| Trouble::Ours("its file has no playlist".into()))?;
    let video = Part::video(media, file.size_bytes, read(storage, file));
    Ok(Answer::hls(video, Part::playlist(format!("{stem}.m3u8"), text)))
}

/// Small pictures in one; they fit into memory by far.
pub async fn storyboard(storage: &Storage, at: &Location) -> Result<Answer, Trouble> {
    let jpeg = storage.get(at).await?;
    Ok(Answer::storyboard(Part::storyboard(format!("{}.jpg", Uuid::new_v4()), jpeg)))
}

/// Captions.
pub fn captions(language: &str, text: &str) -> Answer {
    let name = format!("{}-{language}.vtt", Uuid::new_v4());
    Answer::transcription(language, Part::captions(name, text.to_owned()))
}

/// Read from the store as it is sent: nothing of it is held in memory or on disk.
fn read(storage: &Storage, file: &Delivery) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let (storage, at, size_bytes) = (storage.clone(), file.at.clone(), file.size_bytes);
    let blocks = (0..size_bytes).step_by(BLOCK_BYTES as usize);
    let block = move |start: u64| {
        let (storage, at) = (storage.clone(), at.clone());
        async move {
            let end = (start + BLOCK_BYTES).min(size_bytes);
            storage.get_range(&at, start..end).await.map_err(std::io::Error::other)
        }
    };
    futures::stream::iter(blocks).map(block).buffered(2)
}
