//! The picture of a still-image video: the source's cover, one that was handed in, or a plain dark one.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use crate::error::{Error, Result};
use crate::pipe::SharedInputs;
use crate::source::{Source, given};
use crate::spec::{EncodeChunk, Still};

/// Dark grey in the limited range (ITU-R BT.709 §3): luma, then both chromas.
const DARK: [u8; 3] = [32, 128, 128];

/// The one picture that all frames of the chunk show.
pub(super) fn picture(task: &EncodeChunk, still: Still, inputs: &SharedInputs) -> Result<frame::Video> {
    match still {
        Still::Blank => blank(task),
        Still::Given => given::read(inputs, given::INPUT, task.max_pixels).map(|given| given.picture),
        // A broken cover is no reason to withhold the sound.
        Still::Cover => match cover(task, inputs) {
            Ok(Some(picture)) => Ok(picture),
            Ok(None) | Err(Error::Source(_)) => blank(task),
            Err(error) => Err(error),
        },
    }
}

/// Demuxers hand a cover out as the first packet of its stream, without a time.
fn cover(task: &EncodeChunk, inputs: &SharedInputs) -> Result<Option<frame::Video>> {
    let mut source = Source::open(inputs, &task.demuxer)?;
    source.keep_streams(&[task.stream_index]);
    let mut decoder = source.video_decoder(task.stream_index, task.max_pixels)?;
    let packet = loop {
        match source.next_packet()? {
            Some(packet) if packet.stream() == task.stream_index => break packet,
            Some(_) => {}
            None => return Ok(None),
        }
    };
    let mut picture = frame::Video::empty();
    let decoded = decoder.send_packet(&packet).and_then(|()| decoder.send_eof());
    match decoded.and_then(|()| decoder.receive_frame(&mut picture)) {
        Ok(()) => Ok(Some(picture)),
        Err(error) => Err(source.blame("the cover picture cannot be decoded", error)),
    }
}

fn blank(task: &EncodeChunk) -> Result<frame::Video> {
    let largest = task.renditions.first();
    let largest = largest.ok_or_else(|| Error::Internal("the plan asks for no rendition".into()))?;
    let mut picture = frame::Video::new(Pixel::YUV420P, largest.width, largest.height);
    for (plane, value) in DARK.into_iter().enumerate() {
        picture.data_mut(plane).fill(value);
    }
    Ok(picture)
}
